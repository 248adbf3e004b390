// Signing in for a connection at its service, in a window of its own; the console sees it.
import { begin, journey, told } from './browser.mjs';

await journey(async (page, context) => {
  await begin(page, '/console/environments/default/connections');
  await page.getByRole('row', { name: new RegExp(told.connection) }).getByText('Error').waitFor();
  await page.getByRole('button', { name: `Test: ${told.connection}` }).click();
  await page.getByRole('alert').waitFor();

  await page.getByRole('button', { name: `Sign in: ${told.connection}` }).click();
  const opened = context.waitForEvent('page');
  await page.getByRole('link', { name: 'Open the page of signing in' }).click();
  const other = await opened;
  // who asked is signed in in this browser: the server leads straight to the service
  await other.locator('input[name=login]').fill('ada');
  await other.locator('input[name=password]').fill('any');
  await other.locator('button[type=submit]').click();
  await other.getByRole('button', { name: /continue/i }).click();
  await other.getByText('You may close this page.').waitFor();
  await other.close();

  await page.getByText(`${told.connection} is signed in.`).waitFor();
  await page.getByRole('row', { name: new RegExp(told.connection) }).getByText('Connected').waitFor();
  await page.getByRole('button', { name: `Test: ${told.connection}` }).click();
  await page.getByText(`${told.connection} works.`).waitFor();
});
