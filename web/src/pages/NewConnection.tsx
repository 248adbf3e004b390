import { Field, makeStyles, Select, tokens } from '@fluentui/react-components';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { connectorQuery, connectorsQuery } from '../api/query';
import type { AuthenticationType, Connector } from '../api/shape';
import { Fault } from '../parts/Fault';
import { Page as Frame } from '../parts/Page';
import { Section } from '../parts/Section';
import { useEnvironment } from '../shell/environment';
import { useText } from '../text';
import { Form } from './connections/Form';

const useStyles = makeStyles({
  narrow: { maxWidth: '40rem', display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalL },
  text: { margin: 0, overflowWrap: 'anywhere' },
});

export function Page() {
  const styles = useStyles();
  const text = useText();
  const environment = useEnvironment();
  const { data, error } = useQuery(connectorsQuery(environment));
  const [name, setName] = useState('');
  return (
    <Frame title={text.connections.make}>
      <Fault error={error} />
      <div className={styles.narrow}>
        <Field label={text.connections.connector} hint={text.connections.chooseHint}>
          <Select
            value={name}
            onChange={(_, { value }) => {
              setName(value);
            }}
          >
            <option value="">{data ? text.connections.choose : text.common.loading}</option>
            {(data ?? []).map((it) => (
              <option key={it.name} value={it.name}>
                {it.displayName}
              </option>
            ))}
          </Select>
        </Field>
        {name && <Chosen key={name} environment={environment} name={name} />}
      </div>
    </Frame>
  );
}

function Chosen({ environment, name }: { environment: string; name: string }) {
  const text = useText();
  const { data, error } = useQuery(connectorQuery(environment, name));
  if (!data) return error ? <Fault error={error} /> : <p>{text.common.loading}</p>;
  return <Ways environment={environment} connector={data} />;
}

/** Those that a new connection may have: a deprecated one is for those that have it. */
const waysOf = (connector: Connector): AuthenticationType[] =>
  (connector.authenticationTypes ?? []).filter((it) => !it.isDeprecated);

function Ways({ environment, connector }: { environment: string; connector: Connector }) {
  const styles = useStyles();
  const text = useText();
  const ways = waysOf(connector);
  const [chosen, setChosen] = useState(ways[0]?.name ?? '');
  const way = ways.find((it) => it.name === chosen);
  return (
    <Section title={connector.displayName}>
      {connector.description && <p className={styles.text}>{connector.description}</p>}
      {ways.length > 1 && (
        <Field label={text.connections.way} hint={way?.description ?? ''}>
          <Select
            value={chosen}
            onChange={(_, { value }) => {
              setChosen(value);
            }}
          >
            {ways.map((it) => (
              <option key={it.name} value={it.name}>
                {it.displayName || it.name}
              </option>
            ))}
          </Select>
        </Field>
      )}
      <Form
        key={chosen}
        environment={environment}
        connector={connector}
        set={way?.name ?? ''}
        parameters={way?.parameters ?? []}
      />
    </Section>
  );
}
