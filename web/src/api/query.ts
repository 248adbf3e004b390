// What is read from the server, by the keys under which it is kept.
import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { api, given, nextOf, Refused } from './client';
import { administersSome, isLive, type Place, type RunStatus, type Side, type Standing, type Whose } from './shape';

/** How often something that goes on is looked at. */
const LIVE_MS = 1_000;
const PAGE_ROWS = 50;
/** Of people who are looked up: more are found by more letters. */
const FOUND_ROWS = 20;

const first: string | undefined = undefined;

export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: async ({ signal }) => given(await api.GET('/me', { signal })),
  staleTime: 60_000,
});

/** The environments that somebody takes part in, and those they administer. */
export const environmentsQuery = queryOptions({
  queryKey: ['environments'],
  queryFn: async ({ client, signal }): Promise<Place[]> => {
    const me = await client.query({ ...meQuery, staleTime: 'static' });
    const mine = given(await api.GET('/me/environments', { signal })).value;
    const administered = administersSome(me) ? given(await api.GET('/environments', { signal })).value : [];
    const others = administered.filter((it) => !mine.some(({ name }) => name === it.name));
    return [...mine, ...others].map((it) => ({
      ...it,
      takesPart: !others.includes(it),
      administered: administered.some(({ name }) => name === it.name),
    }));
  },
  staleTime: 60_000,
});

export const flowsQuery = (environment: string, whose: Whose, search: string) =>
  infiniteQueryOptions({
    queryKey: ['flows', environment, whose, search],
    initialPageParam: first,
    queryFn: async ({ pageParam, signal }) => {
      const paging = { environment, top: PAGE_ROWS, ...(pageParam && { skipToken: pageParam }), ...(search && { search }) };
      if (whose === 'all') return given(await api.GET('/flows', { params: { query: paging }, signal }));
      const query = { ...paging, whose };
      return given(await api.GET('/me/flows', { params: { query }, signal }));
    },
    getNextPageParam: nextOf,
  });

export const deletedFlowsQuery = (environment: string) =>
  infiniteQueryOptions({
    queryKey: ['flows', environment, 'deleted'],
    initialPageParam: first,
    queryFn: async ({ pageParam, signal }) => {
      const query = { environment, deleted: true, top: 1_000, ...(pageParam && { skipToken: pageParam }) };
      return given(await api.GET('/flows', { params: { query }, signal }));
    },
    getNextPageParam: nextOf,
  });

export const flowQuery = (environment: string, name: string) =>
  queryOptions({
    queryKey: ['flow', environment, name],
    queryFn: async ({ signal }) =>
      given(await api.GET('/flows/{name}', { params: { path: { name }, query: { environment } }, signal })),
  });

export const versionQuery = (environment: string, name: string, number: number) =>
  queryOptions({
    queryKey: ['version', environment, name, number],
    queryFn: async ({ signal }) =>
      given(
        await api.GET('/flows/{name}/versions/{number}', {
          params: { path: { name, number: String(number) }, query: { environment } },
          signal,
        }),
      ),
    staleTime: Infinity,
  });

export const ownersQuery = (environment: string, name: string) =>
  queryOptions({
    queryKey: ['owners', environment, name],
    queryFn: async ({ signal }) =>
      given(await api.GET('/flows/{name}/owners', { params: { path: { name }, query: { environment } }, signal })).value,
  });

export const runsQuery = (environment: string, name: string, status: RunStatus | undefined, rows = PAGE_ROWS) =>
  infiniteQueryOptions({
    queryKey: ['runs', environment, name, status ?? 'any', rows],
    initialPageParam: first,
    queryFn: async ({ pageParam, signal }) => {
      const query = { environment, top: rows, ...(status && { status }), ...(pageParam && { skipToken: pageParam }) };
      return given(await api.GET('/flows/{name}/runs', { params: { path: { name }, query }, signal }));
    },
    getNextPageParam: nextOf,
    // New runs come by themselves, and those under way end.
    refetchInterval: LIVE_MS * 5,
  });

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: ['run', id],
    queryFn: async ({ signal }) => given(await api.GET('/runs/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (query) => (query.state.data && isLive(query.state.data.status) ? LIVE_MS : false),
  });

export const actionsQuery = (id: string, live: boolean) =>
  queryOptions({
    queryKey: ['actions', id, live],
    queryFn: async ({ signal }) => given(await api.GET('/runs/{id}/actions', { params: { path: { id } }, signal })).value,
    refetchInterval: live ? LIVE_MS : false,
  });

export const actionQuery = (id: string, action: string, live: boolean) =>
  queryOptions({
    queryKey: ['action', id, action, live],
    queryFn: async ({ signal }) =>
      given(await api.GET('/runs/{id}/actions/{action}', { params: { path: { id, action } }, signal })),
    refetchInterval: live ? LIVE_MS : false,
  });

/** The repetition at a place, of all or of those with a status; and whether there is another after it. */
export const repetitionQuery = (id: string, action: string, at: number, status: string | undefined, live: boolean) =>
  queryOptions({
    queryKey: ['repetition', id, action, at, status ?? 'any', live],
    queryFn: async ({ signal }) => {
      const query = { top: 1, skipToken: at, ...(status && { status }) };
      const page = given(
        await api.GET('/runs/{id}/actions/{action}/repetitions', { params: { path: { id, action }, query }, signal }),
      );
      return { record: page.value[0] ?? null, hasNext: nextOf(page) !== undefined };
    },
    refetchInterval: live ? LIVE_MS : false,
  });

/** The caller's approvals, or those of somebody for whom they stand. */
export const approvalsQuery = (side: Side, state: Standing, person: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ['approvals', side, state, person ?? 'me'],
    initialPageParam: first,
    queryFn: async ({ pageParam, signal }) => {
      const query = { side, state, top: PAGE_ROWS, ...(person && { for: person }), ...(pageParam && { skipToken: pageParam }) };
      return given(await api.GET('/approvals', { params: { query }, signal }));
    },
    getNextPageParam: nextOf,
    refetchInterval: LIVE_MS * 5,
  });

export const approvalQuery = (id: string) =>
  queryOptions({
    queryKey: ['approval', id],
    queryFn: async ({ signal }) => given(await api.GET('/approvals/{id}', { params: { path: { id } }, signal })),
    refetchInterval: (query) => (query.state.data?.state === 'Open' ? LIVE_MS * 5 : false),
  });

/** Who is away and has named somebody. */
export const deputizedQuery = queryOptions({
  queryKey: ['deputized'],
  queryFn: async ({ signal }) => given(await api.GET('/me/deputized', { signal })).value,
});

export const connectionsQuery = (environment: string) =>
  queryOptions({
    queryKey: ['connections', environment],
    queryFn: async ({ signal }) =>
      given(await api.GET('/environments/{environment}/connections', { params: { path: { environment } }, signal })).value,
  });

/** The connectors of an environment, by the names that people know. */
export const connectorsQuery = (environment: string) =>
  queryOptions({
    queryKey: ['connectors', environment],
    queryFn: async ({ signal }) => {
      const params = { path: { environment } };
      const found = given(await api.GET('/environments/{environment}/connectors', { params, signal })).value;
      return found.sort((a, b) => a.displayName.localeCompare(b.displayName));
    },
  });

/** A connector with its ways to authenticate. */
export const connectorQuery = (environment: string, name: string) =>
  queryOptions({
    queryKey: ['connector', environment, name],
    queryFn: async ({ signal }) => {
      const params = { path: { environment, name } };
      return given(await api.GET('/environments/{environment}/connectors/{name}', { params, signal }));
    },
  });

/** People and groups of whom a name begins so. */
export const principalsQuery = (search: string) =>
  queryOptions({
    queryKey: ['principals', search],
    enabled: search !== '',
    queryFn: async ({ signal }) => {
      const query = { search, top: FOUND_ROWS };
      return given(await api.GET('/principals', { params: { query }, signal })).value;
    },
    staleTime: 30_000,
  });

/** Who answers for the caller; nobody is null. */
export const deputyQuery = queryOptions({
  queryKey: ['deputy'],
  queryFn: async ({ signal }) => {
    try {
      return given(await api.GET('/me/deputy', { signal }));
    } catch (error) {
      if (error instanceof Refused && error.code === 'DeputyNotFound') return null;
      throw error;
    }
  },
});

export const calendarsQuery = (environment: string) =>
  queryOptions({
    queryKey: ['calendars', environment],
    queryFn: async ({ signal }) =>
      given(await api.GET('/environments/{environment}/calendars', { params: { path: { environment } }, signal })).value,
  });
