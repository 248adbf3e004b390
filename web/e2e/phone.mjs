// On a phone: every page fits, and a run is read as a list.
import { accessible, assert, begin, heading, journey, told } from './browser.mjs';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

await journey(async (page) => {
  const fits = async (what) => {
    const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert(wide <= room, `${what} is ${wide} wide, there is room for ${room}`);
    await accessible(page, what);
  };
  await begin(page);
  await fits('home');
  await page.getByRole('link', { name: 'Flows' }).tap();
  await heading(page, 'Flows').waitFor();
  await page.getByRole('link', { name: told.broken }).tap();
  await heading(page, told.broken).waitFor();
  await page.getByRole('img', { name: /^Runs by day/ }).waitFor();
  await fits('a flow');
  await page.goto(`/console/runs/${told.run}`);
  await page.getByRole('tab', { name: 'List', selected: true }).waitFor();
  await page.getByRole('button', { name: 'Divide', exact: true }).tap();
  await page.getByText(`Repetition ${told.failed + 1}`).waitFor();
  await fits('a run');
  for (const place of ['recycle-bin', 'connections', 'connections/new', 'import', 'calendars']) {
    await page.goto(`/console/environments/default/${place}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await fits(place);
  }
  await page.getByRole('button', { name: 'New calendar' }).tap();
  await page.getByLabel('Time zone').waitFor();
  await fits('a new calendar');
  await page.goto('/console/absence');
  await page.getByText('Nobody answers for you.').waitFor();
  await fits('an absence');
  await page.goto('/console/environments/default/connections/new');
  await page.getByLabel('Connector').selectOption('SQL Server');
  await page.getByLabel('Password').waitFor();
  await fits('a new connection');
}, PHONE);
