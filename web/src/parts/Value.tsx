import { Button, makeStyles, tokens } from '@fluentui/react-components';
import { useEffect, useId, useMemo, useState } from 'react';
import { useFormat, useText } from '../text';

/** Characters that are shown: a browser that draws more of them does nothing else for a while. */
const SHOWN_MAX = 20_000;

const useStyles = makeStyles({
  head: { display: 'flex', alignItems: 'baseline', gap: tokens.spacingHorizontalM, flexWrap: 'wrap' },
  title: { fontWeight: tokens.fontWeightSemibold, margin: 0, fontSize: tokens.fontSizeBase300 },
  text: {
    margin: 0,
    padding: tokens.spacingHorizontalM,
    maxHeight: '24rem',
    overflow: 'auto',
    backgroundColor: tokens.colorNeutralBackground3,
    borderRadius: tokens.borderRadiusMedium,
    fontFamily: tokens.fontFamilyMonospace,
    fontSize: tokens.fontSizeBase200,
    whiteSpace: 'pre-wrap',
    overflowWrap: 'anywhere',
    ':focus-visible': { outline: `2px solid ${tokens.colorStrokeFocus2}` },
  },
});

const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value, undefined, 2));

/** What an action took or gave, as text and as nothing else. */
export function Value({ title, value }: { title: string; value: unknown }) {
  const styles = useStyles();
  const text = useText();
  const format = useFormat();
  const id = useId();
  const whole = useMemo(() => (value === undefined ? undefined : asText(value)), [value]);
  if (whole === undefined) return null;
  const isCut = whole.length > SHOWN_MAX;
  return (
    <div>
      <div className={styles.head}>
        <h3 className={styles.title} id={id}>
          {title}
        </h3>
        {isCut && (
          <>
            <span>{text.run.cut(format.number(SHOWN_MAX), format.number(whole.length))}</span>
            <Whole text={whole} name={title} />
          </>
        )}
        <Button
          size="small"
          appearance="subtle"
          aria-describedby={id}
          onClick={() => void navigator.clipboard.writeText(whole)}
        >
          {text.run.copy}
        </Button>
      </div>
      {/* eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- what scrolls has to be reached by keyboard */}
      <pre className={styles.text} tabIndex={0} role="group" aria-labelledby={id}>
        {isCut ? whole.slice(0, SHOWN_MAX) : whole}
      </pre>
    </div>
  );
}

/** A large value as a file: the page does not have to draw it. */
function Whole({ text: content, name }: { text: string; name: string }) {
  const text = useText();
  const [address, setAddress] = useState<string>();
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([content], { type: 'text/plain' }));
    // eslint-disable-next-line react-hooks/set-state-in-effect -- an address that has to be given back
    setAddress(made);
    return () => {
      URL.revokeObjectURL(made);
    };
  }, [content]);
  return (
    <a href={address} download={`${name}.json`}>
      {text.run.whole}
    </a>
  );
}
