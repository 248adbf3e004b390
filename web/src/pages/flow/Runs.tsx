import { Select, Field } from '@fluentui/react-components';
import { useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { runsQuery } from '../../api/query';
import { RUN_STATUSES, type RunStatus } from '../../api/shape';
import { Fault } from '../../parts/Fault';
import { More } from '../../parts/More';
import { Rows } from '../../parts/Rows';
import { Section } from '../../parts/Section';
import { Status } from '../../parts/Status';
import { To } from '../../parts/To';
import { useFormat, useText } from '../../text';
import { Chart } from './Chart';

/** Runs that the chart is made of. */
const CHART_RUNS = 500;

export function Runs({ environment, flow }: { environment: string; flow: string }) {
  const text = useText();
  const format = useFormat();
  const [status, setStatus] = useState<RunStatus>();
  const query = useInfiniteQuery(runsQuery(environment, flow, status));
  const chart = useInfiniteQuery(runsQuery(environment, flow, undefined, CHART_RUNS));
  const rows = query.data?.pages.flatMap((page) => page.value) ?? [];
  return (
    <Section title={text.flow.runs}>
      <Chart runs={chart.data?.pages[0]?.value ?? []} />
      <Field label={text.flow.filter} orientation="horizontal">
        <Select
          value={status ?? ''}
          onChange={(_, { value }) => {
            setStatus(RUN_STATUSES.find((it) => it === value));
          }}
        >
          <option value="">{text.common.all}</option>
          {RUN_STATUSES.map((it) => (
            <option key={it} value={it}>
              {text.status[it]}
            </option>
          ))}
        </Select>
      </Field>
      <Fault error={query.error} />
      <Rows
        label={text.flow.runs}
        rows={rows}
        id={(run) => run.id}
        empty={query.isPending ? text.common.loading : text.flow.noRuns}
        columns={[
          { title: text.common.started, cell: (run) => <To to={`/runs/${run.id}`}>{format.time(run.startTime)}</To> },
          { title: text.common.status, cell: (run) => <Status status={run.status} /> },
          { title: text.common.duration, cell: (run) => format.duration(run.startTime, run.endTime) },
          { title: text.run.error, cell: (run) => run.error?.message ?? run.code ?? '' },
        ]}
      />
      <More query={query} />
    </Section>
  );
}
