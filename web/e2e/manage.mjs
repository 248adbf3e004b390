// Bringing a package in, deleting what came of it, and bringing it back.
import { accessible, assert, begin, heading, journey, told } from './browser.mjs';

await journey(async (page) => {
  await begin(page, '/console/environments/default/import');
  const file = page.getByLabel('Package or solution (zip)');
  await file.setInputFiles({ name: 'no.zip', mimeType: 'application/zip', buffer: Buffer.from('no zip') });
  await page.getByRole('alert').waitFor();
  await file.setInputFiles({ name: 'a.zip', mimeType: 'application/zip', buffer: Buffer.from(told.package, 'base64') });
  await page.getByRole('checkbox', { name: `Import ${told.flow}` }).waitFor();
  await accessible(page, 'the plan of an import');
  await page.getByRole('textbox', { name: `Name for ${told.flow}` }).fill('brought');
  await page.getByRole('button', { name: 'Import', exact: true }).click();
  await page.getByRole('heading', { name: 'Imported' }).waitFor();
  await page.getByRole('main').getByRole('link', { name: told.flow }).click();
  await heading(page, told.flow).waitFor();
  assert(page.url().endsWith('/flows/brought'), page.url());

  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await heading(page, 'Flows').waitFor();
  await page.getByRole('link', { name: 'Recycle bin' }).click();
  await page.getByRole('button', { name: `Restore: ${told.flow}` }).click();
  await page.getByText(`${told.flow} is back.`).waitFor();
  await page.getByText('The recycle bin is empty.').waitFor();
  await page.goto('/console/environments/default/flows/brought');
  await heading(page, told.flow).waitFor();
});
