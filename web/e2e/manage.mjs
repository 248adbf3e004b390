// Bringing a package in, deleting what came of it, bringing it back, and deleting it for good.
import { accessible, assert, begin, equal, heading, journey, told } from './browser.mjs';

/** Deletes the flow that is shown. */
async function discard(page) {
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await heading(page, 'Flows').waitFor();
}

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

  await discard(page);
  await page.getByRole('link', { name: 'Recycle bin' }).click();
  await page.getByRole('button', { name: `Restore: ${told.flow}` }).click();
  await page.getByText(`${told.flow} is back.`).waitFor();
  await page.getByText('The recycle bin is empty.').waitFor();
  await page.goto('/console/environments/default/flows/brought');
  await heading(page, told.flow).waitFor();

  await discard(page);
  await page.getByRole('link', { name: 'Recycle bin' }).click();
  await page.getByRole('button', { name: `Delete for good: ${told.flow}` }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('This cannot be undone.').waitFor();
  await accessible(page, 'deleting for good');
  await dialog.getByRole('button', { name: 'Delete for good' }).click();
  await page.getByText('The recycle bin is empty.').waitFor();
  await page.reload();
  await page.getByText('The recycle bin is empty.').waitFor();
  await page.goto('/console/environments/default/flows/brought');
  await page.getByRole('heading', { level: 1 }).waitFor();
  equal(await heading(page, told.flow).count(), 0, 'pages of a flow that is gone for good');
});
