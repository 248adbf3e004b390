import { Button, MessageBar, MessageBarBody, MessageBarTitle } from '@fluentui/react-components';
import { useMutation, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useNavigate, useParams } from 'react-router';
import { api, given } from '../api/client';
import { flowQuery } from '../api/query';
import type { Flow } from '../api/shape';
import { Choice } from '../parts/Choice';
import { Fault } from '../parts/Fault';
import { Page as Frame } from '../parts/Page';
import { State } from '../parts/Status';
import { within } from '../shell/environment';
import { useFormat, useText } from '../text';
import { Owners } from './flow/Owners';
import { RunNow } from './flow/RunNow';
import { Runs } from './flow/Runs';

export function Page() {
  const { environment = '', name = '' } = useParams();
  const text = useText();
  const format = useFormat();
  const { data: flow } = useSuspenseQuery(flowQuery(environment, name));
  return (
    <Frame title={flow.displayName} actions={<Actions environment={environment} flow={flow} />}>
      <div>
        <State state={flow.state} /> {text.flow.version(flow.version)}, {text.common.changed}{' '}
        {format.time(flow.changedTime)}
      </div>
      {flow.suspension && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            <MessageBarTitle>
              {text.flow.suspended}: {flow.suspension.reason}
            </MessageBarTitle>
            {flow.suspension.message}
          </MessageBarBody>
        </MessageBar>
      )}
      <Runs environment={environment} flow={flow.name} />
      <Owners environment={environment} flow={flow.name} />
    </Frame>
  );
}

function Actions({ environment, flow }: { environment: string; flow: Flow }) {
  const text = useText();
  const client = useQueryClient();
  const navigate = useNavigate();
  const params = { path: { name: flow.name }, query: { environment } };
  const isOn = flow.state === 'Started';
  const turn = useMutation({
    mutationFn: async () =>
      given(isOn ? await api.POST('/flows/{name}/disable', { params }) : await api.POST('/flows/{name}/enable', { params })),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['flow', environment, flow.name] });
    },
  });
  const remove = useMutation({
    mutationFn: () => api.DELETE('/flows/{name}', { params }),
    onSuccess: async () => {
      await client.invalidateQueries({ queryKey: ['flows', environment] });
      await navigate(within(environment, 'flows'));
    },
  });
  const isManual = flow.triggers.some((it) => it.type.toLowerCase() === 'request');
  return (
    <>
      {isManual && isOn && <RunNow environment={environment} flow={flow} />}
      <Button
        disabledFocusable={turn.isPending}
        onClick={() => {
          turn.mutate();
        }}
      >
        {isOn ? text.flow.turnOff : text.flow.turnOn}
      </Button>
      <Choice
        trigger={<Button>{text.flow.delete}</Button>}
        title={text.flow.deleteTitle(flow.displayName)}
        confirm={text.flow.delete}
        onConfirm={() => {
          remove.mutate();
        }}
      >
        {text.flow.deleteText}
      </Choice>
      <span role="status">{turn.isSuccess && (isOn ? text.flow.isOn : text.flow.isOff)}</span>
      <Fault error={turn.error ?? remove.error} />
    </>
  );
}
