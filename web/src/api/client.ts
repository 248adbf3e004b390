// The one way to the server. There is no token here: the browser sends a cookie that script
// cannot read, and the header says that it is this page that asks.
import createClient, { type Middleware } from 'openapi-fetch';
import type { paths } from '../../generated/api';
import { languageShown } from '../text';

/** What the server says is wrong. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: { path: string; message: string }[] = [],
  ) {
    super(message);
  }
}

const HOME = '/console/';

/** Asks who it is, and comes back to where we are. */
function signIn(): void {
  const here = location.pathname + location.search;
  location.assign(`${HOME}sign-in?to=${encodeURIComponent(here)}`);
}

async function refusal(response: Response): Promise<Refused> {
  const body: unknown = await response.json().catch(() => undefined);
  const error = (body as { error?: { code?: string; message?: string; details?: never[] } } | undefined)?.error;
  return new Refused(
    response.status,
    error?.code ?? String(response.status),
    error?.message ?? response.statusText,
    error?.details,
  );
}

/** Sentences of the server are in the language of the page around them. */
const spoken: Middleware = {
  onRequest({ request }) {
    request.headers.set('Accept-Language', languageShown());
  },
};

const guard: Middleware = {
  async onResponse({ response }) {
    if (response.ok) return;
    const refused = await refusal(response);
    // Other statuses of 401 are about something else, such as a connection.
    if (refused.code === 'SessionEnded') {
      signIn();
      // The page is about to be left: nobody is told anything any more.
      await new Promise(() => undefined);
    }
    throw refused;
  },
};

const headers = { 'X-Sluicegate-Console': '1' };

export const api = createClient<paths>({ baseUrl: '/api/v1', headers, credentials: 'same-origin' });
api.use(spoken, guard);

/** Signs out: the session ends at the server. */
export async function signOut(): Promise<void> {
  const response = await fetch(`${HOME}sign-out`, { method: 'POST', headers });
  if (!response.ok && response.status !== 401) throw await refusal(response);
  location.assign(HOME);
}

/** What a call gave, which is always there: what went wrong was thrown. */
export function given<T>(result: { data?: T }): T {
  if (result.data === undefined) throw new Refused(500, 'NoContent', 'The server answered nothing.');
  return result.data;
}

/** The mark of the next page, from the link to it. */
export function nextOf(page: { nextLink?: string | null }): string | undefined {
  if (!page.nextLink) return undefined;
  return new URL(page.nextLink, location.origin).searchParams.get('skipToken') ?? undefined;
}
