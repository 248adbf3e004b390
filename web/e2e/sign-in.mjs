// Signing in with a wrong password and then the right one, on the way to a page; signing out.
import { accessible, assert, equal, heading, journey, signIn, told } from './browser.mjs';

const PLACE = '/console/environments/default/flows?search=nothing';

/** Compressed script that comes with the first page. */
const FIRST_LOAD_BYTES_MAX = 350 * 1024;

await journey(async (page, context) => {
  await page.goto(PLACE);
  await page.getByLabel('Name').fill(told.user);
  await page.getByLabel('Password').fill('not the password');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('alert').waitFor();
  await accessible(page, 'signing in');
  await signIn(page);
  await heading(page, 'Flows').waitFor();
  equal(page.url(), told.base + PLACE, 'the way back');

  const kept = await page.evaluate(() => JSON.stringify([document.cookie, { ...localStorage }, { ...sessionStorage }]));
  const cookies = await context.cookies();
  const session = cookies.find((it) => it.name.endsWith('sluicegate_signin'));
  assert(session?.httpOnly, 'script can read the session');
  assert(!kept.includes(session.value.slice(0, 8)), `script can read the session: ${kept}`);

  const bytes = await firstLoad(page);
  console.log(`first load: ${bytes} bytes of compressed script`);
  assert(bytes > 50_000 && bytes <= FIRST_LOAD_BYTES_MAX, `the first load has ${bytes} bytes of script`);

  await page.getByRole('button', { name: /^Account/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByLabel('Password').waitFor();
  const headers = { cookie: `${session.name}=${session.value}`, 'x-sluicegate-console': '1' };
  const answer = await fetch(`${told.base}/api/v1/me`, { headers });
  equal(answer.status, 401, 'the session after signing out');
});

/** Script of the home page for a browser that has nothing yet. */
async function firstLoad(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('Network.enable');
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  const scripts = new Set();
  let bytes = 0;
  session.on('Network.responseReceived', ({ requestId, response }) => {
    if (response.mimeType.includes('javascript')) scripts.add(requestId);
  });
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (scripts.has(requestId)) bytes += encodedDataLength;
  });
  await page.goto('/console/');
  await page.getByRole('heading', { name: 'Recent failures' }).waitFor();
  await page.waitForLoadState('networkidle');
  await session.detach();
  return bytes;
}
