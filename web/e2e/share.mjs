// A flow is shared with people and groups who are looked up, and taken from them; who may only
// run it is told so.
import { accessible, assert, begin, equal, heading, journey, told } from './browser.mjs';

const FLOW = `/console/environments/default/flows/${told.flow}`;

async function give(page, letters, option, as) {
  await page.getByRole('combobox', { name: 'Share with' }).fill(letters);
  await page.getByRole('option', { name: option }).click();
  await page.getByLabel('As').selectOption(as);
  await page.getByRole('button', { name: 'Add', exact: true }).click();
}

await journey(async (page, context) => {
  await begin(page, FLOW);
  const list = page.getByRole('group', { name: 'Owners' });
  await list.getByRole('row', { name: /Ada.*owner/ }).waitFor();
  equal(await list.getByRole('button').count(), 0, 'buttons to take a flow from who made it');

  await page.getByRole('combobox', { name: 'Share with' }).fill('nobody is called so');
  await page.getByText('Nobody has a name that begins so.').waitFor();
  await accessible(page, 'nobody was found');
  await page.getByRole('combobox', { name: 'Share with' }).fill(told.hostile.slice(0, 4));
  await page.getByRole('option', { name: told.hostile }).waitFor();
  await accessible(page, 'somebody was found');
  await give(page, told.hostile.slice(0, 4), told.hostile, 'co-owner');
  await page.getByText(`${told.hostile} has a part in the flow now.`).waitFor();
  assert((await page.locator('main img').count()) === 0, 'markup came of text');
  await give(page, 'te', /^Team/, 'co-owner');
  await list.getByRole('row', { name: /Team.*group.*co-owner/ }).waitFor();
  await give(page, 'gra', /^Grace/, 'may run it');
  await list.getByRole('row', { name: /Grace.*person.*may run it/ }).waitFor();
  await accessible(page, 'the owners of a flow');

  await page.getByRole('button', { name: 'Remove: Team' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
  await page.getByText('Team has no part in the flow any more.').waitFor();
  await list.getByRole('row', { name: /Team/ }).waitFor({ state: 'detached' });

  // in another browser: she may run it and not see it
  const other = await context.browser().newContext({ baseURL: told.base, locale: 'en-US' });
  const hers = await other.newPage();
  await begin(hers, FLOW, 'grace@example.org');
  await heading(hers, 'This is not for you').waitFor();
  await accessible(hers, 'a flow that is not shared');
  equal(await hers.getByRole('main').getByRole('button').count(), 0, 'buttons for who may not');
  await other.close();
});
