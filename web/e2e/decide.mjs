// On a phone: somebody finds what they are asked, and answers it; hostile text stays text.
import { accessible, assert, begin, heading, journey, told } from './browser.mjs';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

await journey(async (page) => {
  const fits = async (what) => {
    const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert(wide <= room, `${what} is ${wide} wide, there is room for ${room}`);
    await accessible(page, what);
  };
  await begin(page);
  await page.getByRole('link', { name: 'Approvals' }).tap();
  await heading(page, 'Approvals').waitFor();
  await page.getByRole('link', { name: told.title }).waitFor();
  await fits('the inbox');
  await page.getByRole('link', { name: told.title }).tap();
  await heading(page, told.title).waitFor();
  await page.getByText(told.details).waitFor();
  await fits('an approval');
  await page.getByLabel('Comments').fill('from the train');
  await page.getByRole('button', { name: told.option, exact: true }).tap();
  await page.getByText(`Outcome: ${told.option}`).waitFor();
  await page.getByText(`Ada answered '${told.option}'.`).waitFor();
  await page.getByText('from the train').first().waitFor();
  await fits('an approval that was answered');
  await page.getByRole('link', { name: 'Approvals' }).tap();
  await page.getByText('There are no such approvals.').waitFor();
  await page.getByLabel('State').selectOption('closed');
  await page.getByRole('link', { name: told.title }).waitFor();
  await page.getByRole('combobox', { name: 'Which approvals' }).selectOption('sent');
  await page.getByRole('link', { name: told.title }).waitFor();
}, PHONE);
