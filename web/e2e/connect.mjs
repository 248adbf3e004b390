// Connections are made in the console: one with a secret, and one for which somebody signs in at
// its service, in a window of its own. They are tested and deleted.
import { accessible, assert, begin, equal, heading, journey, told } from './browser.mjs';

const PLACE = '/console/environments/default/connections';
const row = (page, name) => page.getByRole('row').filter({ hasText: name });

async function choose(page, connector) {
  await page.getByRole('button', { name: 'New connection' }).click();
  await heading(page, 'New connection').waitFor();
  await page.getByLabel('Connector').selectOption(connector);
  await page.getByRole('heading', { name: connector }).waitFor();
}

await journey(async (page, context) => {
  await begin(page, PLACE);
  await page.getByText('You have no connections in this environment.').waitFor();
  await withSecret(page);
  await withSignIn(page, context);
});

async function withSecret(page) {
  await choose(page, told.store);
  assert((await page.locator('main img').count()) === 0, 'markup came of text');
  await page.getByRole('button', { name: 'Make it' }).click();
  await page.getByText('This is needed.').waitFor();
  await accessible(page, 'a connection without its secret');
  await page.getByLabel('Name that is shown').fill(told.hostile);
  const secret = page.getByLabel('Key of the store');
  equal(await secret.getAttribute('type'), 'password', 'the field of a secret');
  await secret.fill('planted-5b1f');
  await page.getByLabel('Region').selectOption('Europe');
  await page.getByLabel('Port').fill('many');
  await page.getByRole('button', { name: 'Make it' }).click();
  await page.getByText('This is no number.').waitFor();
  await page.getByLabel('Port').fill('443');
  await page.getByRole('button', { name: 'Make it' }).click();
  await page.getByText(`${told.hostile} is made.`).waitFor();
  await row(page, told.hostile).getByText('Connected').waitFor();
  await accessible(page, 'connections');
  assert(!(await page.content()).includes('planted-5b1f'), 'the page has the secret');
  await page.getByRole('button', { name: `Delete: ${told.hostile}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await row(page, told.hostile).waitFor();
  await page.getByRole('button', { name: `Delete: ${told.hostile}` }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText(`${told.hostile} is deleted.`).waitFor();
  await row(page, told.hostile).waitFor({ state: 'detached' });
}

async function withSignIn(page, context) {
  await choose(page, 'Files');
  await page.getByText('Somebody signs in at the service once the connection is made.').waitFor();
  await page.getByLabel('Name that is shown').fill(told.connection);
  await page.getByRole('button', { name: 'Make it' }).click();
  await row(page, told.connection).getByText('Error').waitFor();
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
  await row(page, told.connection).getByText('Connected').waitFor();
  await page.getByRole('button', { name: `Test: ${told.connection}` }).click();
  await page.getByText(`${told.connection} works.`).waitFor();

  await page.getByRole('button', { name: /^Account/ }).click();
  await page.getByRole('menuitemradio', { name: 'Deutsch' }).click();
  await row(page, told.connection).getByText('Verbunden').waitFor();
}
