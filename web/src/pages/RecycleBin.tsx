import { Button } from '@fluentui/react-components';
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query';
import { api, given } from '../api/client';
import { deletedFlowsQuery } from '../api/query';
import type { Flow } from '../api/shape';
import { Choice } from '../parts/Choice';
import { Fault } from '../parts/Fault';
import { More } from '../parts/More';
import { Page as Frame } from '../parts/Page';
import { Rows } from '../parts/Rows';
import { Section } from '../parts/Section';
import { useEnvironment, usePlace } from '../shell/environment';
import { useFormat, useText } from '../text';

export function Page() {
  const text = useText();
  const environment = useEnvironment();
  const { administered } = usePlace();
  return (
    <Frame title={text.bin.title}>
      <p>{text.bin.text}</p>
      {administered ? <Deleted environment={environment} /> : <p>{text.bin.needsAdministrator}</p>}
    </Frame>
  );
}

function Deleted({ environment }: { environment: string }) {
  const text = useText();
  const format = useFormat();
  const query = useInfiniteQuery(deletedFlowsQuery(environment));
  const all = query.data?.pages.flatMap((page) => page.value) ?? [];
  const client = useQueryClient();
  const refresh = () => client.invalidateQueries({ queryKey: ['flows', environment] });
  const paramsOf = (flow: Flow) => ({ path: { name: flow.name }, query: { environment } });
  const restore = useMutation({
    mutationFn: async (flow: Flow) => given(await api.POST('/flows/{name}/restore', { params: paramsOf(flow) })),
    onSuccess: refresh,
  });
  const purge = useMutation({
    mutationFn: (flow: Flow) => {
      const { path, query: within } = paramsOf(flow);
      return api.DELETE('/flows/{name}', { params: { path, query: { ...within, purge: true } } });
    },
    onSuccess: refresh,
  });
  return (
    <Section title={text.bin.title}>
      <Fault error={query.error ?? restore.error ?? purge.error} />
      <div role="status">{restore.data && text.bin.restored(restore.data.displayName)}</div>
      <Rows
        label={text.bin.title}
        rows={all.filter((flow) => flow.state === 'Deleted')}
        id={(flow) => flow.id}
        empty={query.isPending ? text.common.loading : text.bin.none}
        columns={[
          { title: text.common.name, cell: (flow) => flow.displayName },
          { title: text.common.changed, cell: (flow) => format.time(flow.changedTime) },
          {
            title: text.common.state,
            cell: (flow) => (
              <>
                <Button
                  aria-label={`${text.bin.restore}: ${flow.displayName}`}
                  onClick={() => {
                    restore.mutate(flow);
                  }}
                >
                  {text.bin.restore}
                </Button>{' '}
                <Choice
                  trigger={
                    <Button appearance="subtle" aria-label={`${text.bin.purge}: ${flow.displayName}`}>
                      {text.bin.purge}
                    </Button>
                  }
                  title={text.bin.purgeTitle(flow.displayName)}
                  confirm={text.bin.purge}
                  onConfirm={() => {
                    purge.mutate(flow);
                  }}
                >
                  {text.bin.purgeText}
                </Choice>
              </>
            ),
          },
        ]}
      />
      <More query={query} />
    </Section>
  );
}
