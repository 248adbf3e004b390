// A browser for journeys, and what must never happen in one: script errors, what the policy of
// the page forbids, dialogs, answers of 500.
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const AXE = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Longer than anything takes on a machine with much to do. */
const WAIT_MS = 60_000;
const JOURNEY_MS = 240_000;

setTimeout(() => {
  console.error('the journey takes too long');
  process.exit(1);
}, JOURNEY_MS).unref();

export function assert(holds, message) {
  if (!holds) throw new Error(message);
}

export function equal(found, wanted, what) {
  assert(found === wanted, `${what}: found ${JSON.stringify(found)}, expected ${JSON.stringify(wanted)}`);
}

/** What the test that started this has told. */
export const told = JSON.parse(process.argv[2] ?? '{}');

/** Runs a journey in a browser of its own. */
export async function journey(walk, settings = {}) {
  const browser = await chromium.launch({
    executablePath: told.chromium,
    // Root in a container may not have a sandbox.
    args: ['--no-sandbox', '--disable-dev-shm-usage', ...(told.browser ?? [])],
  });
  const faults = [];
  try {
    const context = await browser.newContext({ baseURL: told.base, locale: 'en-US', reducedMotion: 'reduce', ...settings });
    context.setDefaultTimeout(WAIT_MS);
    await context.addInitScript(() => {
      addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile} ${event.sample}`);
      });
    });
    const page = await context.newPage();
    watch(page, faults);
    await walk(page, context).catch(async (error) => {
      console.error(`at ${page.url()}\n${await page.locator('body').innerText().catch(() => '')}`);
      throw error;
    });
    assert(faults.length === 0, `what must not happen:\n${faults.join('\n')}`);
  } finally {
    await browser.close();
  }
}

function watch(page, faults) {
  page.on('console', (message) => {
    // That nobody is signed in is said by a status, which the browser reports as well.
    const isStatus = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isStatus) faults.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => faults.push(`script: ${error.stack}`));
  page.on('dialog', (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('response', (response) => {
    if (response.status() >= 500) faults.push(`${response.status()} ${response.url()}`);
  });
}

/** Signs in on the page that asks for it. */
export async function signIn(page, user = told.user) {
  await page.getByLabel('Name').fill(user);
  await page.getByLabel('Password').fill(told.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

/** Begins at a place of the console, signed in. */
export async function begin(page, place = '/console/', user = told.user) {
  await page.goto(place);
  await signIn(page, user);
  await page.getByRole('heading', { level: 1 }).waitFor();
}

/** Nothing on the page is a barrier, in light and in dark. */
export async function accessible(page, what) {
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.evaluate(AXE);
    const violations = await page.evaluate(async (values) => {
      // Colors that are on their way to others are those of no theme.
      await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
      await Promise.allSettled(document.getAnimations().map((it) => it.finished));
      const options = { runOnly: { type: 'tag', values }, resultTypes: ['violations'] };
      // Fluent's traps for the focus: whatever reaches one is sent on at once.
      const context = { include: [['html']], exclude: [['[data-tabster-dummy]']] };
      const { violations } = await globalThis.axe.run(context, options);
      return violations.map((it) => `${it.id}: ${it.help}\n    ${it.nodes.map((node) => `${node.html} ${node.failureSummary}`).join('\n    ')}`);
    }, RULES);
    assert(violations.length === 0, `${what} (${colorScheme}): ${violations.join('\n  ')}`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
}

export const heading = (page, name) => page.getByRole('heading', { level: 1, name, exact: true });

/** Waits until the run that is shown has a status. */
export const status = (page, name) => page.getByRole('status', { name: `The run: ${name}` }).waitFor();
