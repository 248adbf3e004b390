// A passkey is made, is the second factor after a password, and lets somebody in without one;
// an authenticator that does not have it lets nobody in.
import { accessible, begin, heading, journey, signIn, told } from './browser.mjs';

const SIGN_IN = { name: 'Sign in with a passkey' };

/** An authenticator inside of the device, which sees who uses it. */
async function device(session) {
  const options = {
    protocol: 'ctap2',
    transport: 'internal',
    hasResidentKey: true,
    hasUserVerification: true,
    isUserVerified: true,
    automaticPresenceSimulation: true,
  };
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', { options });
  return authenticatorId;
}

async function leave(page) {
  await page.goto('/console/');
  await page.getByRole('button', { name: /^Account/ }).click();
  await page.getByRole('menuitem', { name: 'Sign out' }).click();
  await page.getByLabel('Password').waitFor();
}

await journey(async (page, context) => {
  const session = await context.newCDPSession(page);
  await session.send('WebAuthn.enable');
  const own = await device(session);
  await begin(page);
  await page.getByRole('button', { name: /^Account/ }).click();
  await page.getByRole('menuitem', { name: 'Passkeys' }).click();
  await page.getByLabel('Name of a new passkey').fill('My device');
  await accessible(page, 'passkeys');
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByRole('heading', { name: 'My device' }).waitFor();

  await leave(page);
  await signIn(page);
  await page.getByRole('button', { name: 'Use a passkey' }).waitFor();
  await accessible(page, 'a second factor');
  await page.goto('/console/');
  await page.getByLabel('Password').waitFor();
  await signIn(page);
  await page.getByRole('button', { name: 'Use a passkey' }).click();
  await heading(page, 'Welcome, Ada').waitFor();

  await leave(page);
  await page.getByRole('button', SIGN_IN).click();
  await heading(page, 'Welcome, Ada').waitFor();
  await leave(page);

  // the same key under an id that nobody knows
  const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId: own });
  await session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId: own });
  const other = await device(session);
  const stranger = { ...credentials[0], credentialId: btoa('another of which nobody knows..') };
  await session.send('WebAuthn.addCredential', { authenticatorId: other, credential: stranger });
  await page.getByRole('button', SIGN_IN).click();
  await page.getByRole('alert').filter({ visible: true }).waitFor();
  await page.goto('/console/');
  await page.getByLabel('Password').waitFor();
});
