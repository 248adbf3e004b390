// A journey without a mouse, from signing in to what an action gave, and signing out.
import { assert, heading, journey, status, told } from './browser.mjs';

/** Presses a key until something that is named so has the focus. */
async function reach(page, name, key = 'Tab') {
  for (let steps = 0; steps < 80; steps += 1) {
    await page.keyboard.press(key);
    const [label, isSeen] = await page.evaluate(() => {
      const at = document.activeElement;
      const named = document.getElementById(at?.getAttribute('aria-labelledby') ?? '')?.textContent;
      const label = at?.getAttribute('aria-label') ?? named ?? at?.labels?.[0]?.textContent ?? at?.textContent ?? '';
      return [label.trim(), at?.checkVisibility() ?? false];
    });
    if (label === name || (name instanceof RegExp && name.test(label))) {
      assert(isSeen, `${label} has the focus and is not seen`);
      return;
    }
  }
  throw new Error(`${String(name)} is not reached by ${key}`);
}

await journey(async (page) => {
  await page.goto('/console/');
  await page.getByLabel('Password').waitFor();
  await reach(page, 'Name');
  await page.keyboard.type(told.user);
  await reach(page, 'Password');
  await page.keyboard.type(told.password);
  await page.keyboard.press('Enter');
  await heading(page, 'Welcome, Ada').waitFor();

  await reach(page, 'Skip to content');
  await reach(page, 'Flows');
  await page.keyboard.press('Enter');
  await heading(page, 'Flows').waitFor();
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
  await reach(page, /^Account/, 'Shift+Tab');
  await page.keyboard.press('Enter');
  await reach(page, 'Sign out', 'ArrowDown');
  await page.keyboard.press('Enter');
  await page.getByLabel('Password').waitFor();
});
