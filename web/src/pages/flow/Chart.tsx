import { makeStyles, tokens } from '@fluentui/react-components';
import type { Run } from '../../api/shape';
import { useFormat, useText } from '../../text';

const DAYS = 14;
const HEIGHT = 80;
const STEP = 28;
const DAY_MS = 86_400_000;

const KINDS = ['Succeeded', 'Failed', 'other'] as const;
type Kind = (typeof KINDS)[number];

const useStyles = makeStyles({
  figure: { margin: 0 },
  svg: { width: '100%', maxWidth: `${DAYS * STEP}px`, height: `${HEIGHT}px` },
  Succeeded: { fill: tokens.colorPaletteGreenForeground1 },
  Failed: { fill: tokens.colorPaletteRedForeground1 },
  other: { fill: tokens.colorNeutralForeground3 },
  caption: { color: tokens.colorNeutralForeground2, fontSize: tokens.fontSizeBase200 },
});

const kindOf = (status: string): Kind => {
  if (status === 'Succeeded') return 'Succeeded';
  return status === 'Failed' || status === 'TimedOut' ? 'Failed' : 'other';
};

interface Day {
  date: Date;
  counts: Record<Kind, number>;
}

/** The last days, each with its runs. */
export function daysOf(runs: Run[], now: Date): Day[] {
  const today = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const days = Array.from({ length: DAYS }, (_, at) => ({
    date: new Date(today - (DAYS - 1 - at) * DAY_MS),
    counts: { Succeeded: 0, Failed: 0, other: 0 },
  }));
  for (const run of runs) {
    const date = new Date(run.startTime);
    const start = new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
    const day = days[DAYS - 1 - Math.round((today - start) / DAY_MS)];
    if (day) day.counts[kindOf(run.status)] += 1;
  }
  return days;
}

/** Runs by day: a picture, and its numbers for who does not see it. */
export function Chart({ runs }: { runs: Run[] }) {
  const styles = useStyles();
  const text = useText();
  const format = useFormat();
  if (runs.length === 0) return null;
  const days = daysOf(runs, new Date());
  const total = (day: Day) => day.counts.Succeeded + day.counts.Failed + day.counts.other;
  const most = Math.max(1, ...days.map(total));
  const say = (day: Day) =>
    `${format.day(day.date)}: ${total(day)}, ${text.status.Failed ?? ''}: ${day.counts.Failed}`;
  const label = `${text.flow.chart}. ${days.filter((day) => total(day) > 0).map(say).join('; ')}`;
  return (
    <figure className={styles.figure}>
      <svg className={styles.svg} viewBox={`0 0 ${DAYS * STEP} ${HEIGHT}`} role="img" aria-label={label}>
        {days.map((day, at) => {
          let bottom = HEIGHT;
          return KINDS.map((kind) => {
            const height = (day.counts[kind] / most) * HEIGHT;
            bottom -= height;
            return (
              <rect key={`${at} ${kind}`} className={styles[kind]} x={at * STEP + 4} y={bottom} width={STEP - 8} height={height}>
                <title>{say(day)}</title>
              </rect>
            );
          });
        })}
      </svg>
      <figcaption className={styles.caption}>
        {text.flow.chart}. {text.flow.chartOf(runs.length)}
      </figcaption>
    </figure>
  );
}
