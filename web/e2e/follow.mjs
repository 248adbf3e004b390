// Finding a flow, starting it, and following its run to the end while it goes on. Whatever names
// and values hold is text.
import { createServer } from 'node:http';
import { assert, begin, equal, heading, journey, status, told } from './browser.mjs';

// What the flow waits for, twice: it says where it wants to be called, and is when the journey
// says so.
const arrived = [];
const callbacks = [0, 1].map(() => new Promise((resolve) => arrived.push(resolve)));
const service = createServer((request, response) => {
  const parts = [];
  request.on('data', (part) => parts.push(part));
  request.on('end', () => {
    arrived.shift()?.(JSON.parse(Buffer.concat(parts)).callback);
    response.end('{}');
  });
});
await new Promise((resolve) => service.listen(0, '127.0.0.1', resolve));
service.unref();
const stub = `http://127.0.0.1:${service.address().port}/`;

await journey(async (page) => {
  await begin(page);
  await page.getByRole('link', { name: 'Flows' }).click();
  await heading(page, 'Flows').waitFor();
  await page.getByRole('searchbox', { name: 'Search' }).fill('onerror');
  await page.getByRole('link', { name: told.hostile, exact: true }).click();
  await heading(page, told.hostile).waitFor();

  await page.getByRole('button', { name: 'Turn off' }).click();
  await page.getByText('The flow is off.').waitFor();
  await page.getByRole('button', { name: 'Turn on' }).click();
  await page.getByText('The flow is on.').waitFor();
  await page.getByRole('row', { name: 'Ada (ada@example.org) person owner' }).waitFor();

  await page.getByRole('button', { name: 'Run now' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('textbox').fill('{"not": json');
  await dialog.getByText('This is not JSON.').waitFor();
  await dialog.getByRole('textbox').fill(JSON.stringify({ text: told.hostile, stub }));
  await dialog.getByRole('button', { name: 'Run now' }).click();

  await heading(page, `Run of ${told.hostile}`).waitFor();
  await status(page, 'Running');
  const first = await callbacks[0];
  await page.getByRole('button', { name: /^Wait_for_it (Running|Waiting) / }).click();
  // the repetition that is looked at ends, and the run goes on
  const panel = page.getByRole('region', { name: 'Wait_for_it' });
  await panel.getByText('Repetition 1', { exact: false }).waitFor();
  await panel.getByText(/^(Running|Waiting)$/).waitFor();
  await answer(first);
  await panel.getByText('Succeeded', { exact: true }).waitFor();
  const second = await callbacks[1];
  await status(page, 'Running');
  await answer(second);
  await status(page, 'Succeeded');
  await rests(page);
  await page.getByRole('tab', { name: 'List' }).click();
  await page.getByRole('button', { name: /^Quote_it Compose Succeeded/ }).click();
  const inputs = page.getByRole('group', { name: 'Inputs' });
  await inputs.filter({ hasText: told.hostile }).waitFor();
  equal(await inputs.count(), 1, 'places for what an action took');
  const outputs = page.getByRole('group', { name: 'Outputs' }).filter({ hasText: 'onerror' }).first();
  const shown = await outputs.textContent();
  assert(shown.includes(told.hostile) && shown.includes('javascript:alert(2)'), `the output as text: ${shown}`);
  assert((await page.locator('main img, main script, main a[href^="javascript"]').count()) === 0, 'markup came of text');

  await page.getByRole('tab', { name: 'Graph' }).click();
  await page.getByRole('group', { name: 'Graph' }).getByText('Wait_for_it').waitFor();
  await page.getByRole('button', { name: 'Resubmit' }).click();
  await page.waitForURL((url) => !url.search && url.pathname.startsWith('/console/runs/'));
  await page.getByRole('button', { name: 'Cancel run' }).click();
  await status(page, 'Cancelled');
});

/** Has the flow go on. */
async function answer(address) {
  const { ok, status } = await fetch(address, { method: 'POST', body: '{}' });
  assert(ok, `the flow's address answers ${status}`);
}

/** A run that has ended is not asked for any more, however long somebody looks at it. */
async function rests(page) {
  const asked = [];
  const note = (request) => {
    if (request.url().includes('/api/v1/runs/')) asked.push(request.url());
  };
  await page.clock.install();
  await page.reload();
  await status(page, 'Succeeded');
  await page.waitForLoadState('networkidle');
  page.on('request', note);
  await page.clock.fastForward('05:00');
  // whatever the page asks for because of the time, it asks for before this
  await page.evaluate(() => fetch('/console/'));
  page.off('request', note);
  assert(asked.length === 0, `a run that has ended is still asked for: ${asked.join(' ')}`);
}
