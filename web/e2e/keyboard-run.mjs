// Without a mouse: a failed run is read in its graph, and iteration by iteration, and sent again; a run under way is
// cancelled and resumed.
import { assert, equal, heading, journey, status, told } from './browser.mjs';
import { begin, go, press, reach } from './keys.mjs';

/** Goes to the newest run of a flow. */
async function newest(page, flow) {
  await go(page, 'Flows');
  await page.getByRole('link', { name: flow, exact: true }).waitFor();
  await press(page, flow, { tag: 'a' });
  await heading(page, flow).waitFor();
  await page.getByRole('row').nth(1).getByRole('link').waitFor();
  // the first column names a run by when it began
  await press(page, /\d{4}, \d/, { tag: 'a' });
  await heading(page, `Run of ${flow}`).waitFor();
}

/** The boxes of the graph say how their actions went, and open them. */
async function graph(page) {
  const loop = page.getByRole('button', { name: 'Each_item Failed Foreach' });
  await loop.getByText('Failed', { exact: true }).waitFor();
  const said = await page.locator(`[id="${await loop.getAttribute('aria-describedby')}"]`).textContent();
  equal(said, 'Enter or Space shows what the action took and gave.', 'what is said of a box');
  await press(page, 'Each_item Failed Foreach');
  await page.getByRole('region', { name: 'Each_item' }).waitFor();
  await page.getByRole('button', { name: 'Each_item Failed Foreach', pressed: true }).waitFor();
  await reach(page, 'Divide Succeeded Compose');
  await page.keyboard.press('Space');
  await page.getByRole('region', { name: 'Divide' }).waitFor();
  await reach(page, 'Smaller', { tag: 'button' });
  assert(!(await page.content()).includes('delete to remove'), 'a box can be deleted');
}

await journey(async (page) => {
  await begin(page);
  await newest(page, told.loop);
  await status(page, 'Failed');
  await graph(page);
  await press(page, 'Divide', { tag: 'button' });
  const place = page.getByRole('group', { name: /^Repetitions/ });
  await place.getByText(`Repetition ${told.failed + 1}`).waitFor();
  await reach(page, 'Failed only');
  await page.keyboard.press('Space');
  await place.getByText(`1 of ${told.items}`).waitFor();
  await press(page, 'Next');
  await place.getByText(`2 of ${told.items}`).waitFor();
  await reach(page, 'Go to repetition');
  await page.keyboard.press('Control+A');
  // the one after the failed one, where one is divided by one
  await page.keyboard.type(String(told.failed + 2));
  await page.keyboard.press('Enter');
  await place.getByText(`Repetition ${told.failed + 2}`).waitFor();
  equal(await page.getByRole('group', { name: 'Inputs' }).textContent(), '1', 'what the iteration took');
  await press(page, 'Previous');
  await place.getByText(`${told.failed + 1} of ${told.items}`).waitFor();
  const before = page.url();
  await press(page, 'Resubmit');
  await page.waitForURL((url) => !before.includes(url.pathname));
  await status(page, 'Failed');

  await newest(page, told.waiting);
  await press(page, 'Cancel run');
  await status(page, 'Cancelled');
  await press(page, 'Resume');
  await page.getByRole('menuitem', { name: 'With the same version' }).waitFor();
  await reach(page, 'With the same version', { key: 'ArrowDown' });
  await page.keyboard.press('Enter');
  await page.getByText('Resumed from').waitFor();
  await press(page, 'Cancel run');
  await status(page, 'Cancelled');
  assert(page.url() !== before, 'the resumed run is another one');
});
