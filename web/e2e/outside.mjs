// Signing in at an issuer from outside, and back to where somebody wanted to go.
import { accessible, equal, heading, journey, told } from './browser.mjs';

const PLACE = '/console/environments/default/flows';

await journey(async (page) => {
  await page.goto(PLACE);
  await page.getByRole('link', { name: 'Sign in with Contoso' }).waitFor();
  await accessible(page, 'signing in');
  await page.getByRole('link', { name: 'Sign in with Contoso' }).click();
  await page.locator('input[name=login]').fill('grace');
  await page.locator('input[name=password]').fill('any');
  await page.locator('button[type=submit]').click();
  await page.getByRole('button', { name: /continue/i }).click();
  await heading(page, 'Flows').waitFor();
  equal(page.url(), told.base + PLACE, 'the way back');
  await page.goto('/console/');
  await page.getByText('No roles').waitFor();
});
