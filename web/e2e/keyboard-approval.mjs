// Without a mouse: an approval is answered, another is given to somebody else and taken back; a
// deputy is named, and a calendar made.
import { heading, journey, told } from './browser.mjs';
import { begin, choose, confirm, go, press, reach, type } from './keys.mjs';

await journey(async (page) => {
  await begin(page);
  await go(page, 'Approvals');
  await page.getByRole('link', { name: told.first }).waitFor();
  await press(page, told.first);
  await heading(page, told.first).waitFor();
  await type(page, 'Comments', 'by keys');
  await press(page, 'Approve');
  await page.getByText('Outcome: Approve').waitFor();

  await go(page, 'Approvals');
  await page.getByRole('link', { name: told.second }).waitFor();
  await press(page, told.second);
  await heading(page, told.second).waitFor();
  // of two who are asked, the other one is replaced
  await reach(page, 'Instead of', { tag: 'select' });
  await page.keyboard.type('Grace');
  await type(page, 'User, or address of mail', 'heidi@example.org');
  await page.keyboard.press('Enter');
  await page.getByRole('row', { name: /^Grace.*Somebody else is asked Heidi/ }).waitFor();
  await page.getByRole('row', { name: /^Ada.*Asked/ }).waitFor();
  await press(page, 'Take it back', { tag: 'button' });
  await confirm(page, 'Take it back');
  await page.getByText('Cancelled').first().waitFor();

  await go(page, 'Absence');
  await choose(page, 'Who answers for you', 'gra', /Grace/);
  await press(page, 'Save');
  await page.getByText('Grace answers for you.').waitFor();
  await press(page, 'Answer yourself again');
  await confirm(page, 'Answer yourself again');
  await page.getByText('Nobody answers for you.').waitFor();

  await go(page, 'Calendars');
  await press(page, 'New calendar');
  // the form has taken the focus
  await page.getByRole('textbox', { name: 'Name' }).waitFor();
  await page.keyboard.type('school');
  await reach(page, 'Saturday');
  await page.keyboard.press('Space');
  await type(page, 'Date of a holiday', '12252026');
  await press(page, 'Add the holiday');
  await page.getByText('Dec 25, 2026').waitFor();
  await press(page, 'Save');
  await page.getByText('school is saved.').waitFor();
  await press(page, 'Delete: school');
  await confirm(page, 'Delete');
  await page.getByText('school is deleted.').waitFor();
});
