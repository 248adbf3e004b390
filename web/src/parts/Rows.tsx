import { makeStyles, tokens } from '@fluentui/react-components';
import type { ReactNode } from 'react';
import { useIsNarrow } from './narrow';

const useStyles = makeStyles({
  scroll: { overflowX: 'auto', ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}` } },
  table: { borderCollapse: 'collapse', width: '100%' },
  cell: {
    textAlign: 'start',
    padding: `${tokens.spacingVerticalS} ${tokens.spacingHorizontalM} ${tokens.spacingVerticalS} 0`,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
    overflowWrap: 'anywhere',
    verticalAlign: 'top',
  },
  cards: { listStyleType: 'none', margin: 0, padding: 0 },
  card: {
    display: 'flex',
    flexDirection: 'column',
    gap: tokens.spacingVerticalXS,
    padding: `${tokens.spacingVerticalM} 0`,
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
    overflowWrap: 'anywhere',
  },
  name: { fontWeight: tokens.fontWeightSemibold },
  facts: {
    display: 'grid',
    gridTemplateColumns: 'minmax(5rem, max-content) minmax(0, 1fr)',
    columnGap: tokens.spacingHorizontalM,
    rowGap: tokens.spacingVerticalXS,
    margin: 0,
  },
  pair: { display: 'contents' },
  title: { color: tokens.colorNeutralForeground2 },
  fact: { margin: 0 },
});

export interface Column<T> {
  title: string;
  /** What is in a row; the first column names it. */
  cell: (row: T) => ReactNode;
}

interface RowsProps<T> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  id: (row: T) => string;
  empty: string;
}

/** A plain table; where there is no room for one, what is in a row stands below its name. */
export function Rows<T>(props: RowsProps<T>) {
  const isNarrow = useIsNarrow();
  if (props.rows.length === 0) return <p>{props.empty}</p>;
  return isNarrow ? <Cards {...props} /> : <Table {...props} />;
}

/** Without what is empty. */
function Cards<T>({ label, columns: [first, ...others], rows, id }: RowsProps<T>) {
  const styles = useStyles();
  return (
    <ul className={styles.cards} aria-label={label}>
      {rows.map((row) => {
        const facts = others.map(({ title, cell }) => ({ title, content: cell(row) }));
        return (
          <li key={id(row)} className={styles.card}>
            <div className={styles.name}>{first?.cell(row)}</div>
            <dl className={styles.facts}>
              {facts
                .filter(({ content }) => content !== '' && content != null)
                .map(({ title, content }) => (
                  <div key={title} className={styles.pair}>
                    <dt className={styles.title}>{title}</dt>
                    <dd className={styles.fact}>{content}</dd>
                  </div>
                ))}
            </dl>
          </li>
        );
      })}
    </ul>
  );
}

function Table<T>({ label, columns, rows, id }: RowsProps<T>) {
  const styles = useStyles();
  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to be reached by keyboard
    <div className={styles.scroll} role="group" aria-label={label} tabIndex={0}>
      <table className={styles.table}>
        <thead>
          <tr>
            {columns.map(({ title }) => (
              <th key={title} scope="col" className={styles.cell}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={id(row)}>
              {columns.map(({ title, cell }) => (
                <td key={title} className={styles.cell}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
