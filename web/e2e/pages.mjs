// Every page, in light and dark and both languages: nothing on it is a barrier.
import { accessible, assert, begin, equal, heading, journey, told } from './browser.mjs';

await journey(async (page) => {
  await begin(page);
  await page.getByText(told.broken).first().waitFor();
  await accessible(page, 'home');
  await page.getByRole('button', { name: /^Account/ }).click();
  await accessible(page, 'the menu of the account');
  await page.keyboard.press('Escape');

  await page.goto('/console/environments/default/flows');
  await page.getByRole('link', { name: told.broken }).waitFor();
  await accessible(page, 'flows');
  await page.getByRole('link', { name: told.broken }).click();
  await page.getByRole('img', { name: /^Runs by day/ }).waitFor();
  await page.getByText('Ada (').waitFor();
  await accessible(page, 'a flow');
  await page.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').waitFor();
  await accessible(page, 'a dialog');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  await page.goto(`/console/runs/${told.run}`);
  await page.getByRole('group', { name: 'Graph' }).getByText('Divide').waitFor();
  await accessible(page, 'a run as a graph');
  await page.getByRole('tab', { name: 'List' }).click();
  await page.getByRole('button', { name: 'Divide', exact: true }).click();
  await page.getByRole('group', { name: /^Repetitions/ }).waitFor();
  await accessible(page, 'a run as a list');

  for (const [place, title] of [
    ['environments/default/recycle-bin', 'Recycle bin'],
    ['environments/default/connections', 'Connections'],
    ['environments/default/connections/new', 'New connection'],
    ['environments/default/calendars', 'Calendars'],
    ['absence', 'Absence'],
    ['approvals', 'Approvals'],
    ['environments/default/import', 'Import'],
    ['nowhere', 'There is nothing at this address.'],
    ['runs/none', 'This did not work'],
  ]) {
    await page.goto(`/console/${place}`);
    await heading(page, title).waitFor();
    await accessible(page, place);
  }

  await page.goto('/console/');
  await page.getByRole('button', { name: /^Account/ }).click();
  await page.getByRole('menuitemradio', { name: 'Deutsch' }).click();
  await page.keyboard.press('Escape');
  await heading(page, 'Willkommen, Ada').waitFor();
  assert((await page.locator('html').getAttribute('lang')) === 'de', 'the page says its language');
  await accessible(page, 'in German');
  await page.reload();
  await heading(page, 'Willkommen, Ada').waitFor();

  // the server is asked for its sentences in that language
  const asked = page.waitForRequest((it) => it.url().includes(`/api/v1/runs/${told.run}`));
  await page.goto(`/console/runs/${told.run}`);
  equal((await (await asked).allHeaders())['accept-language'], 'de', 'the language of a call');
  const box = page.getByRole('button', { name: 'Each_item Gescheitert Foreach' });
  await box.waitFor();
  await page.getByRole('button', { name: 'Größer' }).waitFor();
  const english = ['zoom', 'Control Panel', 'select a node', 'select an edge', 'roledescription'];
  const graph = await page.getByRole('group', { name: 'Graph' }).innerHTML();
  const left = english.filter((it) => graph.replaceAll(/class="[^"]*"/g, '').includes(it));
  equal(left.join(), '', 'English in a German graph');
  await accessible(page, 'a run in German');
});
