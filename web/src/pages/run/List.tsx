import { makeStyles, mergeClasses, tokens } from '@fluentui/react-components';
import { useFormat, useText } from '../../text';
import type { Action } from '../../api/shape';
import { Status } from '../../parts/Status';
import type { Node } from './tree';

const useStyles = makeStyles({
  list: { listStyleType: 'none', margin: 0, paddingLeft: tokens.spacingHorizontalL },
  outer: { paddingLeft: 0 },
  row: {
    display: 'flex',
    flexWrap: 'wrap',
    width: '100%',
    alignItems: 'center',
    gap: tokens.spacingHorizontalS,
    padding: tokens.spacingVerticalS,
    border: 'none',
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: 'transparent',
    color: tokens.colorNeutralForeground1,
    fontFamily: 'inherit',
    fontSize: tokens.fontSizeBase300,
    textAlign: 'start',
    cursor: 'pointer',
    ':hover': { backgroundColor: tokens.colorNeutralBackground1Hover },
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
  chosen: { backgroundColor: tokens.colorNeutralBackground1Selected },
  name: { overflowWrap: 'anywhere', fontWeight: tokens.fontWeightSemibold },
  quiet: { color: tokens.colorNeutralForeground2 },
});

export interface ActionsShown {
  nodes: Node[];
  records: Map<string, Action>;
  chosen: string | undefined;
  choose: (action: string) => void;
}

/** The actions in the order of the definition, what is within others below them. */
export function List({ nodes, isWithin = false, ...shown }: ActionsShown & { isWithin?: boolean }) {
  const styles = useStyles();
  return (
    <ul className={mergeClasses(styles.list, !isWithin && styles.outer)}>
      {nodes.map((node) => (
        <li key={node.name}>
          <Row node={node} {...shown} />
          {node.branches.map((branch) => (
            <div key={branch.title}>
              {branch.title && <div className={styles.quiet}>{branch.title}</div>}
              <List nodes={branch.nodes} isWithin {...shown} />
            </div>
          ))}
        </li>
      ))}
    </ul>
  );
}

function Row({ node, records, chosen, choose }: Omit<ActionsShown, 'nodes'> & { node: Node }) {
  const styles = useStyles();
  const text = useText();
  const format = useFormat();
  const record = records.get(node.name);
  return (
    <button
      type="button"
      className={mergeClasses(styles.row, chosen === node.name && styles.chosen)}
      aria-pressed={chosen === node.name}
      onClick={() => {
        choose(node.name);
      }}
    >
      <span className={styles.name}>{node.name}</span>
      <span className={styles.quiet}>{node.type}</span>
      <Status status={record?.status ?? 'NotStarted'} />
      {record?.repetitionCount != null && (
        <span className={styles.quiet}>
          {text.loop.title}: {format.number(record.repetitionCount)}
        </span>
      )}
      {record && <span className={styles.quiet}>{format.duration(record.startTime, record.endTime)}</span>}
    </button>
  );
}
