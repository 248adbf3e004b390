// A journey without a mouse, from signing in to what an action gave, and signing out.
import { heading, journey, status, told } from './browser.mjs';
import { begin, go, reach } from './keys.mjs';

await journey(async (page) => {
  await begin(page);
  await reach(page, 'Skip to content');
  await go(page, 'Flows');
  await page.getByRole('link', { name: told.flow, exact: true }).waitFor();
  await reach(page, told.flow);
  await page.keyboard.press('Enter');
  await heading(page, told.flow).waitFor();
  await reach(page, 'Run now');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await reach(page, 'Run now');
  await page.keyboard.press('Enter');
  await heading(page, `Run of ${told.flow}`).waitFor();
  await status(page, 'Succeeded');

  await reach(page, 'Graph');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  await page.getByRole('tab', { name: 'List', selected: true }).waitFor();
  await reach(page, /^Hello/);
  await page.keyboard.press('Enter');
  await page.getByRole('group', { name: 'Outputs' }).first().waitFor();

  await page.keyboard.press('Control+Home');
  await reach(page, /^Account/, { key: 'Shift+Tab' });
  await page.keyboard.press('Enter');
  await reach(page, 'Sign out', { key: 'ArrowDown' });
  await page.keyboard.press('Enter');
  await page.getByLabel('Password').waitFor();
});
