import { Spinner } from '@fluentui/react-components';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { actionQuery, repetitionQuery } from '../../api/query';
import type { Action } from '../../api/shape';
import { Fault } from '../../parts/Fault';
import { Section } from '../../parts/Section';
import { Status } from '../../parts/Status';
import { Value } from '../../parts/Value';
import { useFormat, useText } from '../../text';
import { LoopPager, type LoopPlace } from './LoopPager';

interface Props {
  run: string;
  isLive: boolean;
  /** What the list says of it; an action within a loop says how often. */
  record: Action | undefined;
  action: string;
  place: LoopPlace;
  go: (place: LoopPlace) => void;
}

export function ActionPanel(props: Props) {
  const { action, record } = props;
  const text = useText();
  return (
    <Section title={action}>
      {!record && <p>{text.status.NotStarted}</p>}
      {record && <Read key={action} {...props} record={record} />}
    </Section>
  );
}

/** Kept as it was while it is read again, and never from one action to another. */
function Read(props: Props & { record: Action }) {
  const { repetitionCount } = props.record;
  return repetitionCount == null ? <Single {...props} /> : <Repeated {...props} count={repetitionCount} />;
}

function Single({ run, action, isLive }: Props) {
  const { data, error } = useQuery({ ...actionQuery(run, action, isLive), placeholderData: keepPreviousData });
  return <Shown record={data} error={error} />;
}

function Repeated({ run, action, isLive, place, go, count }: Props & { count: number }) {
  const { at, failedOnly } = place;
  const query = repetitionQuery(run, action, at, failedOnly ? 'Failed' : undefined, isLive);
  const { data, error } = useQuery({ ...query, placeholderData: keepPreviousData });
  return (
    <>
      <LoopPager {...place} go={go} count={count} record={data?.record} hasNext={data?.hasNext ?? false} />
      {data?.record !== null && <Shown record={data?.record} error={error} />}
    </>
  );
}

function Shown({ record, error }: { record: Action | undefined; error: Error | null }) {
  const text = useText();
  const format = useFormat();
  if (error) return <Fault error={error} />;
  if (!record) return <Spinner label={text.common.loading} />;
  return (
    <>
      <div>
        <Status status={record.status} /> {record.type}, {format.time(record.startTime)},{' '}
        {format.duration(record.startTime, record.endTime)}
        {record.code && ` (${record.code})`}
      </div>
      {record.carried && <p>{text.run.carried}</p>}
      {record.error !== undefined && <Value title={text.run.error} value={record.error} />}
      <Value title={text.run.inputs} value={record.inputs} />
      <Value title={text.run.outputs} value={record.outputs} />
      <Value title={text.run.tracked} value={record.trackedProperties} />
      <Value title={text.run.retries} value={record.retryHistory ?? undefined} />
    </>
  );
}
