import { Button, Checkbox, Field, Input, makeStyles, Select, tokens } from '@fluentui/react-components';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { api, given } from '../../api/client';
import type { Calendar } from '../../api/shape';
import { Fault } from '../../parts/Fault';
import { Section } from '../../parts/Section';
import { useFormat, useText } from '../../text';
import { dateOf, dayNames, zonesWith } from './day';

const useStyles = makeStyles({
  form: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM, maxWidth: '40rem' },
  // names of zones may be longer than a phone is wide
  narrow: { gridTemplateColumns: 'minmax(0, 1fr)' },
  group: { border: 'none', margin: 0, padding: 0, minWidth: 0 },
  legend: { padding: 0 },
  row: { display: 'flex', flexWrap: 'wrap', alignItems: 'flex-end', gap: tokens.spacingHorizontalS },
  list: {
    listStyleType: 'none',
    margin: `${tokens.spacingVerticalXS} 0`,
    padding: 0,
    display: 'flex',
    flexWrap: 'wrap',
    gap: tokens.spacingHorizontalS,
  },
});

/** What counts where nobody says anything. */
const USUAL = [1, 2, 3, 4, 5];

interface Props {
  environment: string;
  /** Nothing for a new one. */
  calendar: Calendar | undefined;
  onSaved: (name: string) => void;
  onLeft: () => void;
}

export function Editor({ environment, calendar, onSaved, onLeft }: Props) {
  const styles = useStyles();
  const text = useText();
  const client = useQueryClient();
  const [name, setName] = useState(calendar?.name ?? '');
  const [zone, setZone] = useState(calendar?.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone);
  const [workdays, setWorkdays] = useState(calendar?.workdays ?? USUAL);
  const [holidays, setHolidays] = useState(calendar?.holidays ?? []);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    // it stands below the list that it was asked for in
    form.current?.querySelector<HTMLElement>('input, select')?.focus();
  }, []);
  const save = useMutation({
    mutationFn: async () => {
      const params = { path: { environment, name: name.trim() } };
      const body = { zone, workdays, holidays };
      return given(await api.PUT('/environments/{environment}/calendars/{name}', { params, body }));
    },
    onSuccess: async (saved) => {
      await client.invalidateQueries({ queryKey: ['calendars', environment] });
      onSaved(saved.name);
    },
  });
  const isReady = name.trim() !== '' && workdays.length > 0 && !save.isPending;
  return (
    <Section title={calendar ? text.calendars.of(calendar.name) : text.calendars.make}>
      <form
        ref={form}
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          if (isReady) save.mutate();
        }}
      >
        {!calendar && (
          <Field label={text.common.name} hint={text.calendars.nameHint} required>
            <Input value={name} onChange={(_, { value }) => { setName(value); }} />
          </Field>
        )}
        <Field label={text.calendars.zone} className={styles.narrow}>
          <Select value={zone} onChange={(_, { value }) => { setZone(value); }}>
            {zonesWith(zone).map((it) => (
              <option key={it}>{it}</option>
            ))}
          </Select>
        </Field>
        <Workdays chosen={workdays} choose={setWorkdays} />
        <Holidays dates={holidays} change={setHolidays} />
        <Fault error={save.error} />
        <div className={styles.row}>
          <Button type="submit" appearance="primary" disabledFocusable={!isReady}>
            {text.common.save}
          </Button>
          <Button onClick={onLeft}>{text.common.cancel}</Button>
        </div>
      </form>
    </Section>
  );
}

function Workdays({ chosen, choose }: { chosen: number[]; choose: (days: number[]) => void }) {
  const styles = useStyles();
  const text = useText();
  const names = dayNames(useFormat().language, 'long');
  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>{text.calendars.workdays}</legend>
      <div className={styles.row}>
        {names.map((label, at) => (
          <Checkbox
            key={label}
            label={label}
            checked={chosen.includes(at + 1)}
            onChange={(_, { checked }) => {
              const others = chosen.filter((it) => it !== at + 1);
              choose(checked === true ? [...others, at + 1].sort() : others);
            }}
          />
        ))}
      </div>
      {chosen.length === 0 && <div role="alert">{text.calendars.noWorkdays}</div>}
    </fieldset>
  );
}

function Holidays({ dates, change }: { dates: string[]; change: (dates: string[]) => void }) {
  const styles = useStyles();
  const text = useText();
  const { language } = useFormat();
  const [date, setDate] = useState('');
  const isNew = date !== '' && !dates.includes(date);
  const add = () => {
    if (!isNew) return;
    change([...dates, date].sort());
    setDate('');
  };
  return (
    <fieldset className={styles.group}>
      <legend className={styles.legend}>{text.calendars.holidays}</legend>
      {dates.length === 0 && <div>{text.calendars.noHolidays}</div>}
      <ul className={styles.list}>
        {dates.map((it) => (
          <li key={it}>
            {dateOf(language, it)}{' '}
            <Button
              size="small"
              aria-label={text.calendars.holidayRemove(dateOf(language, it))}
              onClick={() => {
                change(dates.filter((other) => other !== it));
              }}
            >
              {text.common.remove}
            </Button>
          </li>
        ))}
      </ul>
      <div className={styles.row}>
        <Field label={text.calendars.holiday}>
          <Input type="date" value={date} onChange={(_, { value }) => { setDate(value); }} />
        </Field>
        <Button disabledFocusable={!isNew} onClick={add}>
          {text.calendars.holidayAdd}
        </Button>
      </div>
    </fieldset>
  );
}
