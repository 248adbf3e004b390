import { Badge, Button } from '@fluentui/react-components';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, given } from '../api/client';
import { connectionsQuery } from '../api/query';
import type { Connection } from '../api/shape';
import { Fault } from '../parts/Fault';
import { Page as Frame } from '../parts/Page';
import { Rows } from '../parts/Rows';
import { Section } from '../parts/Section';
import { useEnvironment } from '../shell/environment';
import { useFormat, useText } from '../text';

export function Page() {
  const text = useText();
  const format = useFormat();
  const environment = useEnvironment();
  const { data, error } = useQuery(connectionsQuery(environment));
  return (
    <Frame title={text.connections.title}>
      <Fault error={error} />
      <Section title={text.connections.title}>
        <Rows
          label={text.connections.title}
          rows={data ?? []}
          id={(it) => `${it.connector} ${it.name}`}
          empty={data ? text.connections.none : text.common.loading}
          columns={[
            { title: text.common.name, cell: (it) => it.displayName },
            { title: text.connections.connector, cell: (it) => it.connector },
            { title: text.common.status, cell: (it) => <Standing connection={it} /> },
            { title: text.connections.created, cell: (it) => format.time(it.createdTime) },
            { title: text.nav.account, cell: (it) => <Actions environment={environment} connection={it} /> },
          ]}
        />
      </Section>
    </Frame>
  );
}

function Standing({ connection }: { connection: Connection }) {
  const isFine = connection.status === 'Connected';
  return (
    <>
      <Badge appearance="tint" color={isFine ? 'success' : 'danger'}>
        {connection.status}
      </Badge>{' '}
      {connection.error?.message}
    </>
  );
}

/** How often it is asked whether somebody has signed in. */
const LOOK_MS = 1_000;

function Actions({ environment, connection }: { environment: string; connection: Connection }) {
  const text = useText();
  const client = useQueryClient();
  const path = { environment, connector: connection.connector, name: connection.name };
  const under = '/environments/{environment}/connectors/{connector}/connections/{name}' as const;
  const [consent, setConsent] = useState<{ id: string; link: string }>();
  const begin = useMutation({
    mutationFn: async () => given(await api.POST(`${under}/consents`, { params: { path } })),
    onSuccess: setConsent,
  });
  const test = useMutation({
    mutationFn: async () => given(await api.POST(`${under}/test`, { params: { path } })),
    onSettled: () => client.invalidateQueries({ queryKey: ['connections', environment] }),
  });
  const standing = useQuery({
    queryKey: ['consent', consent?.id],
    enabled: consent !== undefined,
    queryFn: async () => {
      const params = { path: { ...path, id: consent?.id ?? '' } };
      const found = given(await api.GET(`${under}/consents/{id}`, { params }));
      if (found.status !== 'Waiting') await client.invalidateQueries({ queryKey: ['connections', environment] });
      return found;
    },
    refetchInterval: (query) => (query.state.data?.status === 'Waiting' ? LOOK_MS : false),
  });
  const isWaiting = consent !== undefined && standing.data?.status !== 'Connected';
  return (
    <>
      {connection.mayChange && (
        <Button
          aria-label={`${text.connections.signIn}: ${connection.displayName}`}
          onClick={() => {
            begin.mutate();
          }}
        >
          {text.connections.signIn}
        </Button>
      )}{' '}
      <Button
        aria-label={`${text.connections.test}: ${connection.displayName}`}
        onClick={() => {
          test.mutate();
        }}
      >
        {text.connections.test}
      </Button>
      {isWaiting && (
        <p>
          <a href={consent.link} target="_blank" rel="noreferrer noopener">
            {text.connections.link}
          </a>
        </p>
      )}
      <div role="status">
        {standing.data?.status === 'Connected' && text.connections.connected(connection.displayName)}
        {standing.data?.status === 'Failed' && standing.data.message}
        {test.isSuccess && text.connections.works(connection.displayName)}
      </div>
      <Fault error={begin.error ?? test.error ?? standing.error} />
    </>
  );
}
