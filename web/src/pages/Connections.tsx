import { Badge, Button } from '@fluentui/react-components';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useLocation, useNavigate } from 'react-router';
import { connectionsQuery, connectorsQuery } from '../api/query';
import type { Connection } from '../api/shape';
import { Fault } from '../parts/Fault';
import { Page as Frame } from '../parts/Page';
import { Rows } from '../parts/Rows';
import { Section } from '../parts/Section';
import { useEnvironment, within } from '../shell/environment';
import { useFormat, useText } from '../text';
import { Actions } from './connections/Actions';

export function Page() {
  const text = useText();
  const format = useFormat();
  const navigate = useNavigate();
  const environment = useEnvironment();
  const { data, error } = useQuery(connectionsQuery(environment));
  const connectors = useQuery(connectorsQuery(environment)).data ?? [];
  // what the page before has made
  const made = (useLocation().state as { made?: string } | null)?.made;
  const [deleted, setDeleted] = useState<string>();
  const said = deleted ? text.connections.deleted(deleted) : made && text.connections.made(made);
  return (
    <Frame
      title={text.connections.title}
      actions={
        <Button
          appearance="primary"
          onClick={() => {
            void navigate(within(environment, 'connections', 'new'));
          }}
        >
          {text.connections.make}
        </Button>
      }
    >
      <Fault error={error} />
      <div role="status">{said}</div>
      <Section title={text.connections.title}>
        <Rows
          label={text.connections.title}
          rows={data ?? []}
          id={(it) => `${it.connector} ${it.name}`}
          empty={data ? text.connections.none : text.common.loading}
          columns={[
            { title: text.common.name, cell: (it) => it.displayName },
            {
              title: text.connections.connector,
              cell: (it) => connectors.find(({ name }) => name === it.connector)?.displayName ?? it.connector,
            },
            { title: text.common.status, cell: (it) => <Standing connection={it} /> },
            { title: text.connections.created, cell: (it) => format.time(it.createdTime) },
            {
              title: text.common.what,
              cell: (it) => <Actions environment={environment} connection={it} onDeleted={setDeleted} />,
            },
          ]}
        />
      </Section>
    </Frame>
  );
}

function Standing({ connection }: { connection: Connection }) {
  const text = useText();
  const isFine = connection.status === 'Connected';
  return (
    <>
      <Badge appearance="tint" color={isFine ? 'success' : 'danger'}>
        {text.connections.status[connection.status] ?? connection.status}
      </Badge>{' '}
      {connection.error?.message}
    </>
  );
}
