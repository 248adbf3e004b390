import { Button, makeStyles, tokens } from '@fluentui/react-components';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, given } from '../../api/client';
import type { Connection } from '../../api/shape';
import { Choice } from '../../parts/Choice';
import { Fault } from '../../parts/Fault';
import { useText } from '../../text';

const useStyles = makeStyles({
  buttons: { display: 'flex', flexWrap: 'wrap', gap: tokens.spacingHorizontalS },
});

/** How often it is asked whether somebody has signed in. */
const LOOK_MS = 1_000;

const UNDER = '/environments/{environment}/connectors/{connector}/connections/{name}' as const;

interface Props {
  environment: string;
  connection: Connection;
  onDeleted: (name: string) => void;
}

/** What can be done with a connection: sign in, test, delete. */
export function Actions({ environment, connection, onDeleted }: Props) {
  const styles = useStyles();
  const text = useText();
  const client = useQueryClient();
  const path = { environment, connector: connection.connector, name: connection.name };
  const refresh = () => client.invalidateQueries({ queryKey: ['connections', environment] });
  const [consent, setConsent] = useState<{ id: string; link: string }>();
  const begin = useMutation({
    mutationFn: async () => given(await api.POST(`${UNDER}/consents`, { params: { path } })),
    onSuccess: setConsent,
  });
  const test = useMutation({
    mutationFn: async () => given(await api.POST(`${UNDER}/test`, { params: { path } })),
    onSettled: refresh,
  });
  const remove = useMutation({
    mutationFn: () => api.DELETE(UNDER, { params: { path } }),
    onSuccess: () => {
      onDeleted(connection.displayName);
      return refresh();
    },
  });
  const standing = useQuery({
    queryKey: ['consent', consent?.id],
    enabled: consent !== undefined,
    queryFn: async () => {
      const params = { path: { ...path, id: consent?.id ?? '' } };
      const found = given(await api.GET(`${UNDER}/consents/{id}`, { params }));
      if (found.status !== 'Waiting') await refresh();
      return found;
    },
    refetchInterval: (query) => (query.state.data?.status === 'Waiting' ? LOOK_MS : false),
  });
  const isWaiting = consent !== undefined && standing.data?.status !== 'Connected';
  const labelled = (what: string) => `${what}: ${connection.displayName}`;
  return (
    <>
      <div className={styles.buttons}>
        {connection.mayChange && (
          <Button
            aria-label={labelled(text.connections.signIn)}
            onClick={() => {
              begin.mutate();
            }}
          >
            {text.connections.signIn}
          </Button>
        )}
        <Button
          aria-label={labelled(text.connections.test)}
          onClick={() => {
            test.mutate();
          }}
        >
          {text.connections.test}
        </Button>
        {connection.isOwn && (
          <Choice
            trigger={
              <Button appearance="subtle" aria-label={labelled(text.common.delete)}>
                {text.common.delete}
              </Button>
            }
            title={text.connections.deleteTitle(connection.displayName)}
            confirm={text.common.delete}
            onConfirm={() => {
              remove.mutate();
            }}
          >
            {text.connections.deleteText}
          </Choice>
        )}
      </div>
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
      <Fault error={begin.error ?? test.error ?? remove.error ?? standing.error} />
    </>
  );
}
