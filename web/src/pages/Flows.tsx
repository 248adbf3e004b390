import { SearchBox, Tab, TabList } from '@fluentui/react-components';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useDeferredValue } from 'react';
import { useSearchParams } from 'react-router';
import { flowsQuery } from '../api/query';
import type { Whose } from '../api/shape';
import { Fault } from '../parts/Fault';
import { More } from '../parts/More';
import { Page as Frame } from '../parts/Page';
import { Rows } from '../parts/Rows';
import { Section } from '../parts/Section';
import { State } from '../parts/Status';
import { To } from '../parts/To';
import { useEnvironment, usePlace, within } from '../shell/environment';
import { useFormat, useText } from '../text';

export function Page() {
  const text = useText();
  const { takesPart, administered } = usePlace();
  const [params, setParams] = useSearchParams();
  const whose = (params.get('whose') ?? (takesPart ? 'made' : 'all')) as Whose;
  const search = params.get('search') ?? '';
  const change = (name: string, value: string) => {
    const next = new URLSearchParams(params);
    if (value) next.set(name, value);
    else next.delete(name);
    setParams(next, { replace: true });
  };
  return (
    <Frame title={text.flows.title}>
      <TabList
        aria-label={text.flows.whose}
        selectedValue={whose}
        onTabSelect={(_, { value }) => {
          change('whose', value as string);
        }}
      >
        {takesPart && <Tab value="made">{text.flows.made}</Tab>}
        {takesPart && <Tab value="shared">{text.flows.shared}</Tab>}
        {administered && <Tab value="all">{text.flows.allFlows}</Tab>}
      </TabList>
      <SearchBox
        aria-label={text.common.search}
        placeholder={text.common.search}
        value={search}
        onChange={(_, { value }) => {
          change('search', value);
        }}
      />
      <List whose={whose} search={useDeferredValue(search)} />
    </Frame>
  );
}

function List({ whose, search }: { whose: Whose; search: string }) {
  const text = useText();
  const format = useFormat();
  const environment = useEnvironment();
  const query = useInfiniteQuery(flowsQuery(environment, whose, search));
  if (query.error) return <Fault error={query.error} />;
  const rows = query.data?.pages.flatMap((page) => page.value) ?? [];
  const empty = query.hasNextPage ? text.flows.noneOnPage : text.flows.none;
  return (
    <Section title={text.flows.title}>
      <Rows
        label={text.flows.title}
        rows={rows}
        id={(flow) => flow.id}
        empty={query.isPending ? text.common.loading : empty}
        columns={[
          {
            title: text.common.name,
            cell: (flow) => <To to={within(environment, 'flows', flow.name)}>{flow.displayName}</To>,
          },
          { title: text.common.state, cell: (flow) => <State state={flow.state} /> },
          { title: text.flows.trigger, cell: (flow) => flow.triggers.map((it) => it.type).join(', ') },
          { title: text.common.changed, cell: (flow) => format.time(flow.changedTime) },
        ]}
      />
      <More query={query} />
    </Section>
  );
}
