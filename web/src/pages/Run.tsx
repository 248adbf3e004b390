import { Tab, TabList } from '@fluentui/react-components';
import { keepPreviousData, useQuery, useSuspenseQuery } from '@tanstack/react-query';
import { lazy, Suspense, useMemo, useState } from 'react';
import { useParams, useSearchParams } from 'react-router';
import { actionsQuery, flowQuery, runQuery, versionQuery } from '../api/query';
import { isLive, type Action, type Run } from '../api/shape';
import { Fault } from '../parts/Fault';
import { NARROW } from '../parts/narrow';
import { Page as Frame } from '../parts/Page';
import { Section } from '../parts/Section';
import { Status } from '../parts/Status';
import { To } from '../parts/To';
import { Value } from '../parts/Value';
import { within } from '../shell/environment';
import { useFormat, useText } from '../text';
import { ActionPanel } from './run/ActionPanel';
import { Explained } from './run/Explained';
import { List } from './run/List';
import { RunActions } from './run/RunActions';
import { nodesOfDefinition } from './run/tree';

const Graph = lazy(() => import('./run/Graph'));

export function Page() {
  const { id = '' } = useParams();
  const text = useText();
  const { data: run } = useSuspenseQuery(runQuery(id));
  const { data: flow } = useQuery(flowQuery(run.environment, run.flow));
  return (
    <Frame title={text.run.title(flow?.displayName ?? run.flow)} actions={<RunActions run={run} key={id} />}>
      <Facts run={run} />
      <Body run={run} key={id} />
    </Frame>
  );
}

function Facts({ run }: { run: Run }) {
  const text = useText();
  const format = useFormat();
  return (
    <div>
      <span role="status" aria-label={text.run.statusIs(text.status[run.status] ?? run.status)}>
        <Status status={run.status} />
      </span>{' '}
      <To to={within(run.environment, 'flows', run.flow)}>{run.flow}</To> {text.flow.version(run.version)},{' '}
      {format.time(run.startTime)}, {format.duration(run.startTime, run.endTime)}{' '}
      {run.resumedFrom && (
        <>
          {text.run.resumedFrom} <To to={`/runs/${run.resumedFrom}`}>{run.resumedFrom}</To>{' '}
        </>
      )}
      {run.resumedAs && (
        <>
          {text.run.resumedAs} <To to={`/runs/${run.resumedAs}`}>{run.resumedAs}</To>{' '}
        </>
      )}
      {run.parent && (
        <>
          {text.run.parent} <To to={`/runs/${run.parent}`}>{run.parent}</To>
        </>
      )}
    </div>
  );
}

/** The actions of a run, read once more when it has ended; until then those of before are shown. */
function useActions(run: Run) {
  const live = isLive(run.status);
  const { data, error } = useQuery({ ...actionsQuery(run.id, live), placeholderData: keepPreviousData });
  const records = useMemo(() => new Map((data ?? []).map((it: Action) => [it.name, it])), [data]);
  return { records, error, live };
}

function Body({ run }: { run: Run }) {
  const text = useText();
  const { records, error, live } = useActions(run);
  const version = useQuery(versionQuery(run.environment, run.flow, run.version));
  const nodes = useMemo(() => nodesOfDefinition(version.data?.definition), [version.data]);
  const [params, setParams] = useSearchParams();
  const action = params.get('action') ?? undefined;
  const place = { at: Number(params.get('at') ?? 0), failedOnly: params.get('only') === 'failed' };
  const show = (name: string, at = 0, failedOnly = false) => {
    if (name === action && at === place.at && failedOnly === place.failedOnly) return;
    const next = new URLSearchParams({ action: name });
    if (at > 0) next.set('at', String(at));
    if (failedOnly) next.set('only', 'failed');
    setParams(next, { replace: action === name });
  };
  const shown = { nodes, records, chosen: action, choose: show };
  return (
    <>
      <Explained run={run} nodes={nodes} records={records} show={show} />
      <Fault error={error ?? version.error} />
      <Section title={text.run.actions}>
        <Views {...shown} />
      </Section>
      {action ? (
        <ActionPanel
          run={run.id}
          isLive={live}
          action={action}
          record={records.get(action)}
          place={place}
          go={({ at, failedOnly }) => {
            show(action, at, failedOnly);
          }}
        />
      ) : (
        <p>{text.run.choose}</p>
      )}
      <Section title={text.run.trigger}>
        <Value title={text.run.trigger} value={run.trigger} />
        <Value title={text.run.response} value={run.response} />
        <Value title={text.run.outputs} value={run.outputs} />
      </Section>
    </>
  );
}

function Views(shown: React.ComponentProps<typeof List>) {
  const text = useText();
  const [view, setView] = useState<unknown>(() => (matchMedia(NARROW).matches ? 'list' : 'graph'));
  return (
    <>
      <TabList
        aria-label={text.run.view}
        selectedValue={view}
        onTabSelect={(_, { value }) => {
          setView(value);
        }}
      >
        <Tab value="graph">{text.run.graph}</Tab>
        <Tab value="list">{text.run.list}</Tab>
      </TabList>
      {view === 'graph' ? (
        <Suspense fallback={text.common.loading}>{shown.nodes.length > 0 && <Graph {...shown} />}</Suspense>
      ) : (
        <List {...shown} />
      )}
    </>
  );
}
