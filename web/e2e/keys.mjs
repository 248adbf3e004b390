// A browser without a mouse.
import { assert, heading, told } from './browser.mjs';

/** Presses of a key before it is said that something cannot be reached. */
const STEPS_MAX = 120;

/** What has the focus: what it is called, what it is, and whether it can be seen. */
const focused = (page) =>
  page.evaluate(() => {
    const at = document.activeElement;
    const named = document.getElementById(at?.getAttribute('aria-labelledby') ?? '')?.textContent;
    const label = at?.getAttribute('aria-label') ?? named ?? at?.labels?.[0]?.textContent ?? at?.textContent ?? '';
    const box = at?.getBoundingClientRect();
    const isSeen = (at?.checkVisibility() ?? false) && box.width > 0 && box.height > 0;
    // a mark of something that must be filled in is no part of its name
    return { label: label.replace(/\*$/, '').trim(), tag: at?.tagName.toLowerCase() ?? '', isSeen };
  });

/** Presses a key until something that is named so has the focus; of several, the one with a tag. */
export async function reach(page, name, { key = 'Tab', tag } = {}) {
  const passed = [];
  for (let steps = 0; steps < STEPS_MAX; steps += 1) {
    await page.keyboard.press(key);
    const at = await focused(page);
    const isNamed = name instanceof RegExp ? name.test(at.label) : at.label === name;
    if (isNamed && (!tag || at.tag === tag)) {
      assert(at.isSeen, `${at.label} has the focus and is not seen`);
      return;
    }
    passed.push(`${at.tag} ${at.label.slice(0, 30)}`);
  }
  throw new Error(`${String(name)} is not reached by ${key}: ${passed.slice(0, 60).join('; ')}`);
}

/** Goes to something and presses it. */
export async function press(page, name, options) {
  await reach(page, name, options);
  await page.keyboard.press('Enter');
}

/** Goes to a field and types. */
export async function type(page, name, text) {
  await reach(page, name);
  await page.keyboard.type(text);
}

/** Signs in. */
export async function begin(page, title = 'Welcome, Ada') {
  await page.goto('/console/');
  await page.getByLabel('Password').waitFor();
  await type(page, 'Name', told.user);
  await type(page, 'Password', told.password);
  await page.keyboard.press('Enter');
  await heading(page, title).waitFor();
}

/** Goes to a page by its link in the navigation. */
export async function go(page, title) {
  await press(page, title, { tag: 'a' });
  await heading(page, title).waitFor();
}

/** Says yes in the dialog that is open, and waits until it is gone. */
export async function confirm(page, name) {
  await page.getByRole('dialog').waitFor();
  await press(page, name, { tag: 'button' });
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

/** Chooses somebody who is looked up. */
export async function choose(page, field, letters, name) {
  await type(page, field, letters);
  await page.getByRole('option', { name }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
}
