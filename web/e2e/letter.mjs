// A link of a letter: opening it decides nothing, its form does, once.
import { accessible, journey, told } from './browser.mjs';

await journey(async (page) => {
  const opened = async () => {
    await page.goto(told.link);
    await page.getByRole('heading', { level: 1 }).waitFor();
  };
  await opened();
  await page.getByText(told.title).first().waitFor();
  await accessible(page, 'the page of a letter');
  await opened();
  await page.getByLabel('Comments (optional)').fill('by mail');
  await page.getByRole('button', { name: 'Reject', exact: true }).click();
  await page.getByText('You answered').waitFor();
  await accessible(page, 'what was answered');
  await opened();
  await page.getByText('This link is of no use any more').first().waitFor();
  await accessible(page, 'a link of no use');
});
