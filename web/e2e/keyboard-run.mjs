// Without a mouse: a failed run is read iteration by iteration and sent again; a run under way is
// cancelled and resumed.
import { assert, heading, journey, status, told } from './browser.mjs';
import { begin, go, press, reach } from './keys.mjs';

/** Goes to the newest run of a flow. */
async function newest(page, flow) {
  await go(page, 'Flows');
  await page.getByRole('link', { name: flow, exact: true }).waitFor();
  await press(page, flow, { tag: 'a' });
  await heading(page, flow).waitFor();
  await page.getByRole('row').nth(1).getByRole('link').waitFor();
  // the first column names a run by when it began
  await press(page, /\d{4}, \d/, { tag: 'a' });
  await heading(page, `Run of ${flow}`).waitFor();
}

await journey(async (page) => {
  await begin(page);
  await newest(page, told.loop);
  await status(page, 'Failed');
  await press(page, 'Divide', { tag: 'button' });
  const place = page.getByRole('group', { name: /^Repetitions/ });
  await place.getByText(`Repetition ${told.failed + 1}`).waitFor();
  await reach(page, 'Failed only');
  await page.keyboard.press('Space');
  await place.getByText(`1 of ${told.items}`).waitFor();
  await press(page, 'Next');
  await place.getByText(`2 of ${told.items}`).waitFor();
  await reach(page, 'Go to repetition');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('7');
  await page.keyboard.press('Enter');
  await place.getByText(`7 of ${told.items}`).waitFor();
  await press(page, 'Previous');
  await place.getByText(`6 of ${told.items}`).waitFor();
  const before = page.url();
  await press(page, 'Resubmit');
  await page.waitForURL((url) => !before.includes(url.pathname));
  await status(page, 'Failed');

  await newest(page, told.waiting);
  await press(page, 'Cancel run');
  await status(page, 'Cancelled');
  await press(page, 'Resume');
  await page.getByRole('menuitem', { name: 'With the same version' }).waitFor();
  await reach(page, 'With the same version', { key: 'ArrowDown' });
  await page.keyboard.press('Enter');
  await page.getByText('Resumed from').waitFor();
  await press(page, 'Cancel run');
  await status(page, 'Cancelled');
  assert(page.url() !== before, 'the resumed run is another one');
});
