// An OpenID provider for tests, on a free port of this machine: `oidc-provider`, unmodified,
// with its own pages for signing in and consenting.
//
// Reads its settings from the first argument (JSON): clients, accessTokenSeconds, rotates, anyRedirect. Prints
// one line, its address, and ends with its standard input. What its token endpoint was asked is
// told at /rig/seen; /rig/revoke ends every grant that it has given; /rig/fail?times=N makes the
// endpoint answer 503 so many times, and /rig/slow?milliseconds=N each time after so long. Between
// /rig/hold and /rig/release it does not answer at all; /rig/waiting says how many wait.

import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const settings = JSON.parse(process.argv[2] ?? '{}');
const seen = [];
const grants = new Set();
let failures = 0;
let latency = 0;
let held = null;

const answer = (response, status, body) => {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const address = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(address, {
    clients: settings.clients,
    pkce: { required: () => true },
    scopes: ['openid', 'offline_access', 'files'],
    clientAuthMethods: ['client_secret_post', 'client_secret_basic', 'none'],
    features: {
      devInteractions: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
    },
    // a client that may use refresh tokens gets them, each good for once
    issueRefreshToken: (ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: settings.rotates ?? true,
    ttl: {
      AccessToken: settings.accessTokenSeconds ?? 3600,
      ClientCredentials: settings.accessTokenSeconds ?? 3600,
      RefreshToken: 86400,
      AuthorizationCode: 60,
      Interaction: 600,
      Session: 3600,
      Grant: 86400,
    },
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    cookies: { keys: ['a key of a test'] },
  });
  // whom it sends people back to may not be there yet
  if (settings.anyRedirect) provider.Client.prototype.redirectUriAllowed = () => true;
  provider.on('grant.success', (ctx) => {
    if (ctx.oidc.entities.Grant) grants.add(ctx.oidc.entities.Grant.jti);
    seen.push({ grant: ctx.oidc.params.grant_type, ok: true });
  });
  provider.on('grant.error', (ctx, error) => {
    seen.push({ grant: ctx.oidc.params?.grant_type, ok: false, error: error.message, detail: error.error_detail });
  });
  const handle = provider.callback();
  server.on('request', async (request, response) => {
    const url = new URL(request.url, address);
    switch (url.pathname) {
      case '/rig/seen':
        return answer(response, 200, seen);
      case '/rig/revoke':
        for (const id of grants) {
          for (const kind of ['AccessToken', 'RefreshToken', 'AuthorizationCode']) {
            await provider[kind].revokeByGrantId(id);
          }
          await (await provider.Grant.find(id))?.destroy();
        }
        return answer(response, 200, grants.size);
      case '/rig/fail':
        failures = Number(url.searchParams.get('times'));
        return answer(response, 200, failures);
      case '/rig/slow':
        latency = Number(url.searchParams.get('milliseconds'));
        return answer(response, 200, latency);
      case '/rig/hold':
        held = [];
        return answer(response, 200, 0);
      case '/rig/waiting':
        return answer(response, 200, held?.length ?? 0);
      case '/rig/release': {
        const waiting = held ?? [];
        held = null;
        for (const go of waiting) go();
        return answer(response, 200, waiting.length);
      }
      case '/token':
        if (held) await new Promise((go) => held.push(go));
        if (failures > 0) {
          failures -= 1;
          seen.push({ grant: 'none', ok: false, error: 'unavailable' });
          return answer(response, 503, { error: 'temporarily_unavailable' });
        }
        if (latency > 0) await new Promise((resolve) => setTimeout(resolve, latency));
        return handle(request, response);
      default:
        return handle(request, response);
    }
  });
  process.stdout.write(`${address}\n`);
  // nobody reads on: what the provider has to say goes where errors go
  console.log = console.info = console.error;
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
