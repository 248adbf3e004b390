import { Button } from '@fluentui/react-components';
import { useQueries } from '@tanstack/react-query';
import { repetitionQuery } from '../../api/query';
import { isLive, type Action, type Run } from '../../api/shape';
import { Section } from '../../parts/Section';
import { useText } from '../../text';
import { flat, innermost, type Node } from './tree';

const BAD = ['Failed', 'TimedOut', 'Aborted'];

/** Actions of a loop that are asked whether one of their repetitions failed. */
const ASKED_MAX = 20;

interface Props {
  run: Run;
  nodes: Node[];
  records: Map<string, Action>;
  show: (action: string, at?: number, failedOnly?: boolean) => void;
}

interface Culprit {
  name: string;
  isRepeated: boolean;
  record: Action;
}

const sentence = (error: unknown): string | undefined => {
  const message = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : undefined;
};

/**
 * The action where it began. What the list says of an action in a loop is about its last
 * repetition; another one may have failed.
 */
function useCulprit({ run, nodes, records }: Props): Culprit | undefined {
  const at = innermost(nodes, (name) => BAD.includes(records.get(name)?.status ?? ''));
  const node = flat(nodes).find((it) => it.name === at);
  const within = flat(node?.branches.flatMap((branch) => branch.nodes) ?? []);
  const candidates = within
    .filter((it) => records.get(it.name)?.repetitionCount != null)
    .sort((a, b) => a.branches.length - b.branches.length)
    .slice(0, ASKED_MAX);
  // while it goes on, nobody is told, and what did not fail yet may do so
  const enabled = !isLive(run.status);
  const asked = useQueries({
    queries: candidates.map((it) => ({ ...repetitionQuery(run.id, it.name, 0, 'Failed', false), enabled, staleTime: Infinity })),
  });
  const found = asked.findIndex((it) => it.data?.record);
  const [inner, failed] = [candidates[found], asked[found]?.data?.record];
  if (inner && failed) return { name: inner.name, isRepeated: true, record: failed };
  const record = at === undefined ? undefined : records.get(at);
  return record && { name: record.name, isRepeated: record.repetitionCount != null, record };
}

/** What went wrong in a run: in its own words, and the action where it began. */
export function Explained(props: Props) {
  const { run, show } = props;
  const text = useText();
  const culprit = useCulprit(props);
  if (!run.error && !BAD.includes(run.status)) return null;
  const code = run.error?.code ?? run.code;
  return (
    <Section title={text.run.error}>
      <p>
        {run.error?.message ?? text.status[run.status]}
        {code && ` (${code})`}
      </p>
      {culprit && (
        <p>
          {text.run.errorAt}{' '}
          <Button
            size="small"
            onClick={() => {
              show(culprit.name, 0, culprit.isRepeated);
            }}
          >
            {culprit.name}
          </Button>{' '}
          {sentence(culprit.record.error) ?? culprit.record.code}
        </p>
      )}
    </Section>
  );
}
