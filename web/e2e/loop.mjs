// The run of a long loop of which one iteration failed: to that iteration, what it had, and on
// with a corrected version.
import { assert, begin, equal, journey, status, told } from './browser.mjs';

await journey(async (page) => {
  await begin(page, `/console/runs/${told.run}`);
  await status(page, 'Failed');
  const since = Date.now();
  await page.getByRole('button', { name: 'Divide', exact: true }).click();
  await page.getByText(`Repetition ${told.failed + 1}`).waitFor();
  const inputs = page.getByRole('group', { name: 'What went wrong' }).last();
  assert((await inputs.textContent()).includes('zero'), 'the iteration says what went wrong');
  const taken = Date.now() - since;
  console.log(`the failed iteration of ${told.items} was there after ${taken} ms`);
  assert(taken <= told.interactive_ms, `the failed iteration took ${taken} ms`);
  assert(await page.getByRole('button', { name: 'Next', exact: true }).isDisabled(), 'there is one failure');

  // the place in the address decides whether it is checked, a moment later
  await page.getByRole('checkbox', { name: 'Failed only' }).click();
  await page.getByText(`1 of ${told.items}`).waitFor();
  await page.getByRole('spinbutton', { name: 'Go to repetition' }).fill('4321');
  await page.keyboard.press('Enter');
  await page.getByText('Repetition 4321', { exact: false }).waitFor();
  const here = page.url();
  await page.reload();
  await page.getByText('Repetition 4321', { exact: false }).waitFor();
  equal(page.url(), here, 'the place is in the address');

  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await page.getByRole('menuitem', { name: 'With the latest version' }).click();
  await page.getByRole('link', { name: told.run }).waitFor();
  await status(page, 'Succeeded');

  // by days: one run that failed, and one that did not
  await page.goto('/console/environments/default/flows/broken');
  const label = await page.getByRole('img', { name: /^Runs by day/ }).getAttribute('aria-label');
  const days = [...label.matchAll(/: (\d+), Failed: (\d+)/g)];
  const sum = (at) => days.reduce((all, day) => all + Number(day[at]), 0);
  equal(`${sum(1)}, ${sum(2)}`, '2, 1', `runs, and those that failed: ${label}`);
});
