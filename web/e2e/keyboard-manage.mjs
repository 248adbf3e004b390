// Without a mouse: a package is brought in; its flow turned on and off, shared, deleted and
// restored; a connection made, tested and deleted.
import { heading, journey, told } from './browser.mjs';
import { begin, choose, confirm, go, press, reach, type } from './keys.mjs';

await journey(async (page) => {
  await begin(page);
  await bringIn(page);
  await share(page);
  await deleteAndRestore(page);
  await connect(page);
});

async function bringIn(page) {
  await go(page, 'Import');
  const opened = page.waitForEvent('filechooser');
  await press(page, 'Package or solution (zip)');
  const buffer = Buffer.from(told.package, 'base64');
  await (await opened).setFiles({ name: 'a.zip', mimeType: 'application/zip', buffer });
  await page.getByRole('checkbox', { name: `Import ${told.flow}` }).waitFor();
  await type(page, `Name for ${told.flow}`, 'brought');
  await press(page, 'Import', { tag: 'button' });
  await page.getByRole('heading', { name: 'Imported' }).waitFor();
  await press(page, told.flow, { tag: 'a' });
  await heading(page, told.flow).waitFor();
}

async function share(page) {
  // a flow of a package begins stopped
  await press(page, 'Turn on');
  await page.getByText('The flow is on.').waitFor();
  await press(page, 'Turn off');
  await page.getByText('The flow is off.').waitFor();
  await choose(page, 'Share with', 'gra', /Grace/);
  await reach(page, 'As', { tag: 'select' });
  await page.keyboard.press('ArrowDown');
  await press(page, 'Add', { tag: 'button' });
  await page.getByText('Grace has a part in the flow now.').waitFor();
  await page.getByRole('row', { name: /Grace.*may run it/ }).waitFor();
  await press(page, 'Remove: Grace');
  await confirm(page, 'Remove');
  await page.getByText('Grace has no part in the flow any more.').waitFor();
}

async function deleteAndRestore(page) {
  await press(page, 'Delete', { tag: 'button' });
  await confirm(page, 'Delete');
  await heading(page, 'Flows').waitFor();
  await go(page, 'Recycle bin');
  await page.getByText(told.flow).first().waitFor();
  await press(page, `Restore: ${told.flow}`);
  await page.getByText(`${told.flow} is back.`).waitFor();
}

async function connect(page) {
  await go(page, 'Connections');
  await press(page, 'New connection');
  await heading(page, 'New connection').waitFor();
  await page.getByRole('option', { name: 'Store' }).waitFor({ state: 'attached' });
  await reach(page, 'Connector', { tag: 'select' });
  await page.keyboard.type('Store');
  await page.getByRole('heading', { name: 'Store' }).waitFor();
  await type(page, 'Name that is shown', 'By keys');
  await type(page, 'Key of the store', 'a secret');
  await page.keyboard.press('Enter');
  await page.getByText('By keys is made.').waitFor();
  await press(page, 'Test: By keys');
  await page.getByText('By keys works.').waitFor();
  await press(page, 'Delete: By keys');
  await confirm(page, 'Delete');
  await page.getByText('By keys is deleted.').waitFor();
}
