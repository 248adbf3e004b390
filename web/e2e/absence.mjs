// Somebody who goes away names who answers for them, and who does; an administrator makes, changes
// and deletes calendars.
import { accessible, assert, begin, equal, heading, journey, told } from './browser.mjs';

await journey(async (page, context) => {
  await begin(page, '/console/absence');
  await page.getByText('Nobody answers for you.').waitFor();
  await accessible(page, 'an absence');
  await page.getByRole('combobox', { name: 'Who answers for you' }).fill('gra');
  await page.getByRole('option', { name: /^Grace/ }).click();
  await page.getByLabel('From').fill('2030-02-01T08:00');
  await page.getByLabel('Until').fill('2030-01-01T08:00');
  await page.getByText('The absence ends before it begins.').waitFor();
  await page.getByLabel('From').fill('2020-02-01T08:00');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Grace answers for you.').waitFor();
  await page.getByText('Counts now').waitFor();
  await accessible(page, 'an absence with a deputy');
  await page.reload();
  await page.getByText('From Feb 1, 2020').waitFor();

  // she sees it, and may see calendars
  const other = await context.browser().newContext({ baseURL: told.base, locale: 'en-US' });
  const hers = await other.newPage();
  await begin(hers, '/console/absence', 'grace@example.org');
  await hers.getByRole('group', { name: 'You answer for' }).getByRole('row', { name: /Ada.*Counts now/ }).waitFor();
  await answers(hers);
  await page.getByRole('button', { name: 'Answer yourself again' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Answer yourself again' }).click();
  await page.getByText('You answer for yourself again.').waitFor();
  await hers.goto('/console/absence');
  await hers.getByText('Nobody has named you.').waitFor();

  await calendars(page);
  await hers.goto('/console/environments/default/calendars');
  await hers.getByText('Administrators of the environment make and change calendars.').waitFor();
  await hers.getByRole('row', { name: /default/ }).waitFor();
  equal(await hers.getByRole('main').getByRole('button').count(), 0, 'buttons for who may not');
  await other.close();
});

/** She answers for who is away, and, where she is asked herself, says for whom. */
async function answers(page) {
  const open = async (title, whom) => {
    await page.goto('/console/approvals');
    if (whom) await page.getByLabel('Answering for').selectOption(whom);
    await page.getByRole('link', { name: title }).click();
    await heading(page, title).waitFor();
  };
  const said = (text) => page.getByRole('group', { name: 'History' }).getByText(text).waitFor();
  await open(told.away, 'Ada');
  await page.getByText('You answer for Ada.').waitFor();
  await accessible(page, 'an approval of somebody who is away');
  await page.getByRole('button', { name: 'Approve', exact: true }).click();
  await page.getByText('Outcome: Approve').waitFor();
  await said("Grace answered 'Approve' for Ada.");

  await open(told.both);
  const whom = page.getByRole('combobox', { name: 'Answering for' });
  equal(await whom.evaluate((it) => it.selectedOptions[0].textContent), 'Myself', 'for whom she answers at first');
  await whom.selectOption({ label: 'Ada (ada@example.org)' });
  await accessible(page, 'an approval of two');
  const approve = page.getByRole('button', { name: 'Approve', exact: true });
  await approve.click();
  await page.getByText('You answered for Ada: Approve').waitFor();
  await said("Grace answered 'Approve' for Ada.");
  // nobody is answered for by pressing once more
  assert(await approve.isDisabled(), 'the next answer has nobody to be for');
  await whom.selectOption('Myself');
  await approve.click();
  await said("Grace answered 'Approve'.");
}

async function calendars(page) {
  await page.goto('/console/environments/default/calendars');
  await page.getByText('There are no calendars').waitFor();
  await page.getByRole('button', { name: 'New calendar' }).click();
  await accessible(page, 'a new calendar');
  await page.getByLabel('Name').fill('a/b');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('alert').waitFor();
  await page.getByLabel('Name').fill('default');
  await page.getByLabel('Time zone').selectOption('Europe/Berlin');
  await page.getByRole('checkbox', { name: 'Friday' }).click();
  for (const day of ['2026-12-25', '2026-01-01']) {
    await page.getByLabel('Date of a holiday').fill(day);
    await page.getByRole('button', { name: 'Add the holiday' }).click();
  }
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('default is saved.').waitFor();
  await page.getByRole('row', { name: /default Europe\/Berlin Mon, Tue, Wed, Thu Jan 1, 2026, Dec 25, 2026/ }).waitFor();
  await accessible(page, 'calendars');

  await page.getByRole('button', { name: 'Change: default' }).click();
  await page.getByRole('button', { name: 'Remove Jan 1, 2026' }).click();
  await accessible(page, 'a calendar that is changed');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('row', { name: /default Europe\/Berlin Mon, Tue, Wed, Thu Dec 25, 2026/ }).waitFor();

  await page.getByRole('button', { name: 'New calendar' }).click();
  await page.getByLabel('Name').fill('school');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('button', { name: 'Delete: school' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await page.getByText('school is deleted.').waitFor();
  await heading(page, 'Calendars').waitFor();
}
