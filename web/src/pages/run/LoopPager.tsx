import { Button, Checkbox, makeStyles, SpinButton, tokens } from '@fluentui/react-components';
import { useId } from 'react';
import type { Action } from '../../api/shape';
import { useFormat, useText } from '../../text';

const useStyles = makeStyles({
  bar: { display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: tokens.spacingHorizontalS },
  go: { width: '7rem' },
});

/** Where somebody is among the repetitions, of all of them or of those that failed. */
export interface LoopPlace {
  at: number;
  failedOnly: boolean;
}

interface Props extends LoopPlace {
  count: number;
  record: Action | null | undefined;
  hasNext: boolean;
  go: (place: LoopPlace) => void;
}

/** The number of the item, counted from one, in each loop around. */
const placeOf = (record: Action): string =>
  record.repetitionIndexes?.map(({ itemIndex }) => itemIndex + 1).join(' / ') ?? record.repetition ?? '';

export function LoopPager({ at, failedOnly, count, record, hasNext, go }: Props) {
  const styles = useStyles();
  const text = useText();
  const format = useFormat();
  const label = useId();
  const to = (place: number) => {
    go({ at: Math.max(0, place), failedOnly });
  };
  return (
    <div role="group" aria-labelledby={label}>
      <div id={label} role="status">
        {text.loop.title}: {failedOnly ? format.number(at + 1) : text.loop.of(at + 1, count)}
        {record && `, ${text.loop.place(placeOf(record))}`}
        {record === null && `, ${text.loop.none}`}
      </div>
      <div className={styles.bar}>
        <Button disabledFocusable={at === 0} onClick={() => { to(0); }}>
          {text.loop.first}
        </Button>
        <Button disabledFocusable={at === 0} onClick={() => { to(at - 1); }}>
          {text.loop.previous}
        </Button>
        <Button disabledFocusable={!hasNext} onClick={() => { to(at + 1); }}>
          {text.loop.next}
        </Button>
        <Checkbox
          label={text.loop.failedOnly}
          checked={failedOnly}
          onChange={(_, { checked }) => {
            go({ at: 0, failedOnly: checked === true });
          }}
        />
        {!failedOnly && (
          <SpinButton
            className={styles.go}
            aria-label={text.loop.go}
            min={1}
            max={count}
            value={at + 1}
            onChange={(_, { value, displayValue }) => {
              const wanted = value ?? Number(displayValue);
              if (Number.isInteger(wanted) && wanted >= 1 && wanted <= count) to(wanted - 1);
            }}
          />
        )}
      </div>
    </div>
  );
}
