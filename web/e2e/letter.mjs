// A link of a letter: opening it decides nothing, its form does, once.
import { accessible, assert, equal, journey, told } from './browser.mjs';

const FORGED = 'This link is not one that this server has sent.';

await journey(async (page) => {
  const opened = async (link) => {
    const answer = await page.goto(link);
    await page.getByRole('heading', { level: 1 }).waitFor();
    return answer.status();
  };
  equal(await opened(told.forged), 404, 'a forged link');
  await page.getByText(FORGED).waitFor();
  await accessible(page, 'a forged link');

  equal(await opened(told.link), 200, 'the link');
  equal(await page.getByRole('heading', { level: 1 }).textContent(), told.title, 'the title as text');
  assert((await page.locator('img, script').count()) === 0, 'markup came of text');
  await accessible(page, 'the page of a letter');

  // the link of an option chooses it, and a person confirms
  equal(await opened(told.reject), 200, 'the link of an option');
  await page.getByText('You have chosen').waitFor();
  await accessible(page, 'the page with a choice');
  await page.getByLabel('Comments (optional)').fill('by mail');
  await page.getByRole('button', { name: 'Reject', exact: true }).click();
  await page.getByRole('heading', { name: 'You answered' }).waitFor();
  await accessible(page, 'what was answered');

  for (const link of [told.link, told.reject]) {
    equal(await opened(link), 410, 'a used link');
    await page.getByRole('heading', { name: 'This link is of no use any more' }).waitFor();
    await page.getByText('It was answered already').waitFor();
    equal(await page.getByRole('button').count(), 0, 'buttons on the page of a used link');
  }
  await accessible(page, 'a link of no use');
});
