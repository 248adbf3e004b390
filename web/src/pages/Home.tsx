import { useQueries, useSuspenseQuery } from '@tanstack/react-query';
import { api, given } from '../api/client';
import { meQuery } from '../api/query';
import type { Flow, Me, Run } from '../api/shape';
import { Fault } from '../parts/Fault';
import { Page as Frame } from '../parts/Page';
import { Rows } from '../parts/Rows';
import { Section } from '../parts/Section';
import { State } from '../parts/Status';
import { To } from '../parts/To';
import { useEnvironment, usePlace, within } from '../shell/environment';
import { useFormat, useText, type Texts } from '../text';

/** Flows that the page is about, and failed runs of each. */
const FLOWS = 8;
const FAILURES = 3;

const latestQuery = (environment: string, takesPart: boolean) => ({
  queryKey: ['latest', environment],
  queryFn: async ({ signal }: { signal: AbortSignal }) => {
    const query = { environment, top: FLOWS };
    if (!takesPart) return [];
    const [made, shared] = await Promise.all([
      api.GET('/me/flows', { params: { query }, signal }),
      api.GET('/me/flows', { params: { query: { ...query, whose: 'shared' as const } }, signal }),
    ]);
    const all = [...given(made).value, ...given(shared).value];
    return all.sort((a, b) => b.changedTime.localeCompare(a.changedTime)).slice(0, FLOWS);
  },
});

const failuresQuery = (environment: string, name: string) => ({
  queryKey: ['failures', environment, name],
  queryFn: async ({ signal }: { signal: AbortSignal }) => {
    const query = { environment, status: 'Failed', top: FAILURES };
    return given(await api.GET('/flows/{name}/runs', { params: { path: { name }, query }, signal })).value;
  },
});

export function Page() {
  const text = useText();
  const environment = useEnvironment();
  const { data: me } = useSuspenseQuery(meQuery);
  const { data: flows } = useSuspenseQuery(latestQuery(environment, usePlace().takesPart));
  return (
    <Frame title={text.home.welcome(me.displayName ?? me.name ?? '')}>
      <Failures environment={environment} flows={flows} />
      <Section title={text.home.recent}>
        <Latest environment={environment} flows={flows} />
      </Section>
      <Section title={text.home.who}>
        <Myself me={me} />
      </Section>
    </Frame>
  );
}

function Failures({ environment, flows }: { environment: string; flows: Flow[] }) {
  const text = useText();
  const format = useFormat();
  const asked = useQueries({ queries: flows.map((flow) => failuresQuery(environment, flow.name)) });
  const failed: Run[] = asked.flatMap((it) => it.data ?? []).sort((a, b) => b.startTime.localeCompare(a.startTime));
  const titles = new Map(flows.map((flow) => [flow.name, flow.displayName]));
  return (
    <Section title={text.home.failed}>
      <Fault error={asked.find((it) => it.error)?.error ?? null} />
      <Rows
        label={text.home.failed}
        rows={failed.slice(0, FLOWS)}
        id={(run) => run.id}
        empty={asked.some((it) => it.isPending) ? text.common.loading : text.home.failedNone}
        columns={[
          { title: text.nav.flows, cell: (run) => <To to={`/runs/${run.id}`}>{titles.get(run.flow) ?? run.flow}</To> },
          { title: text.common.started, cell: (run) => format.time(run.startTime) },
          { title: text.run.error, cell: (run) => run.error?.message ?? run.code ?? '' },
        ]}
      />
    </Section>
  );
}

function Latest({ environment, flows }: { environment: string; flows: Flow[] }) {
  const text = useText();
  const format = useFormat();
  return (
    <Rows
      label={text.home.recent}
      rows={flows}
      id={(flow) => flow.id}
      empty={text.flows.none}
      columns={[
        {
          title: text.common.name,
          cell: (flow) => <To to={within(environment, 'flows', flow.name)}>{flow.displayName}</To>,
        },
        { title: text.common.state, cell: (flow) => <State state={flow.state} /> },
        { title: text.common.changed, cell: (flow) => format.time(flow.changedTime) },
      ]}
    />
  );
}

function Myself({ me }: { me: Me }) {
  const text = useText();
  return (
    <>
      <div>{me.userPrincipalName ?? me.displayName}</div>
      <div>
        {me.roles.length === 0 ? (
          text.home.noRoles
        ) : (
          <ul aria-label={text.home.roles}>
            {me.roles.map((role) => (
              <li key={JSON.stringify(role)}>{roleText(text, role)}</li>
            ))}
          </ul>
        )}
      </div>
    </>
  );
}

function roleText(text: Texts, role: Me['roles'][number]): string {
  switch (role.role) {
    case 'environmentAdministrator':
    case 'environmentMaker':
      return text.roles[role.role](role.environment);
    case 'tenantAdministrator':
    case 'governanceAdministrator':
      return text.roles[role.role];
  }
}
