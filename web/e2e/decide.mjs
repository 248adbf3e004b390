// On a phone: somebody finds what they are asked, reads it, keeps what came with it, and answers
// it; hostile text stays text.
import { readFile } from 'node:fs/promises';
import { accessible, assert, begin, equal, heading, journey, told } from './browser.mjs';

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
  await details(page);
  await keep(page);
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

/** Markdown is shown as such; markup is text, and addresses that are no pages are none. */
async function details(page) {
  await page.locator('main strong', { hasText: told.bold }).waitFor();
  const section = page.getByRole('region', { name: 'Details' });
  const text = await section.innerText();
  for (const one of [told.title, '<script>alert(3)</script>', 'Fish & chips', 'a picture', 'no page']) {
    assert(text.includes(one), `'${one}' is not in the details: ${text}`);
  }
  equal(await page.locator('main :is(img, script, iframe)').count(), 0, 'markup that came of text');
  const links = section.getByRole('link');
  equal(await links.count(), 1, 'links in the details');
  const named = await links.evaluate((it) => [it.textContent, it.href, it.rel, it.target].join(' '));
  equal(named, 'a page https://example.org/page noopener noreferrer _blank', 'the link');
  equal(await section.getByRole('heading').count(), 2, 'headings: that of the section, and of its files');
}

/** What came with it is kept as it was sent. */
async function keep(page) {
  const begun = page.waitForEvent('download');
  await page.getByRole('button', { name: new RegExp(`^${told.file}, `) }).tap();
  const download = await begun;
  equal(download.suggestedFilename(), told.file, 'the name of the file');
  const bytes = await readFile(await download.path());
  equal(bytes.toString('base64'), told.content, 'what is in the file');
}
