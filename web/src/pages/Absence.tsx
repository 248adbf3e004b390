import { Badge, Button, Field, Input, makeStyles, tokens } from '@fluentui/react-components';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, given } from '../api/client';
import { deputizedQuery, deputyQuery } from '../api/query';
import type { Deputy, Found } from '../api/shape';
import { Choice } from '../parts/Choice';
import { Fault } from '../parts/Fault';
import { Page as Frame } from '../parts/Page';
import { PersonPicker } from '../parts/PersonPicker';
import { Rows } from '../parts/Rows';
import { Section } from '../parts/Section';
import { useFormat, useText, type Texts } from '../text';

const useStyles = makeStyles({
  form: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM, maxWidth: '40rem' },
  times: { display: 'flex', flexWrap: 'wrap', gap: tokens.spacingHorizontalM, '> *': { flexGrow: 1 } },
  buttons: { display: 'flex', flexWrap: 'wrap', gap: tokens.spacingHorizontalS },
  text: { margin: 0, maxWidth: '60rem' },
});

export function Page() {
  const styles = useStyles();
  const text = useText();
  const { data, error } = useQuery(deputyQuery);
  return (
    <Frame title={text.absence.title}>
      <p className={styles.text}>{text.absence.text}</p>
      <Section title={text.absence.deputy}>
        <Fault error={error} />
        {data === undefined ? !error && <p>{text.common.loading}</p> : <Mine deputy={data} />}
      </Section>
      <Others />
    </Frame>
  );
}

/** From when until when, as far as it is said. */
function spanOf(text: Texts, time: (text: string | null | undefined) => string, deputy: Deputy): string {
  const [from, until] = [time(deputy.from), time(deputy.until)];
  if (from && until) return text.absence.between(from, until);
  if (from) return text.absence.since(from);
  return until && text.absence.to(until);
}

function Counts({ deputy }: { deputy: Deputy }) {
  const text = useText();
  return (
    <Badge appearance="tint" color={deputy.isActive ? 'success' : 'informative'}>
      {deputy.isActive ? text.absence.now : text.absence.later}
    </Badge>
  );
}

function Mine({ deputy }: { deputy: Deputy | null }) {
  const styles = useStyles();
  const text = useText();
  const format = useFormat();
  const client = useQueryClient();
  const end = useMutation({
    mutationFn: () => api.DELETE('/me/deputy'),
    onSuccess: () => {
      client.setQueryData(deputyQuery.queryKey, null);
    },
  });
  const name = deputy?.deputy.displayName ?? '';
  return (
    <>
      <div role="status">
        {!deputy && end.isSuccess && `${text.absence.ended} `}
        {deputy ? text.absence.is(name) : text.absence.none}{' '}
        {deputy && (
          <>
            {spanOf(text, format.time, deputy)} <Counts deputy={deputy} />
          </>
        )}
      </div>
      {deputy && (
        <div className={styles.buttons}>
          <Choice
            trigger={<Button>{text.absence.end}</Button>}
            title={text.absence.endTitle(name)}
            confirm={text.absence.end}
            onConfirm={() => {
              end.mutate();
            }}
          >
            {text.absence.endText}
          </Choice>
        </div>
      )}
      <Fault error={end.error} />
      <Name deputy={deputy} onNamed={() => { end.reset(); }} />
    </>
  );
}

/** The moment of a field, whose time is that of this place. */
const momentOf = (local: string): string | undefined => (local ? new Date(local).toISOString() : undefined);

/** Says who answers, and when. */
function Name({ deputy, onNamed }: { deputy: Deputy | null; onNamed: () => void }) {
  const styles = useStyles();
  const text = useText();
  const client = useQueryClient();
  const [found, setFound] = useState<Found>();
  const [from, setFrom] = useState('');
  const [until, setUntil] = useState('');
  const isBackwards = from !== '' && until !== '' && until <= from;
  // who is named already may get other times
  const hasTimes = from !== '' || until !== '';
  const named = found?.id ?? (hasTimes ? deputy?.deputy.id : undefined);
  const set = useMutation({
    mutationFn: async (to: string) => {
      const times = { from: momentOf(from), until: momentOf(until) };
      const body = { deputy: to, ...(times.from && { from: times.from }), ...(times.until && { until: times.until }) };
      return given(await api.PUT('/me/deputy', { body }));
    },
    onSuccess: (done) => {
      client.setQueryData(deputyQuery.queryKey, done);
      setFound(undefined);
      setFrom('');
      setUntil('');
      onNamed();
    },
  });
  const isReady = named !== undefined && !isBackwards && !set.isPending;
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) set.mutate(named);
      }}
    >
      <PersonPicker label={text.absence.search} kinds={['user']} chosen={found} choose={setFound} />
      <div className={styles.times}>
        <Field label={text.absence.from}>
          <Input type="datetime-local" value={from} onChange={(_, { value }) => { setFrom(value); }} />
        </Field>
        <Field label={text.absence.until} validationMessage={isBackwards ? text.absence.wrongOrder : null}>
          <Input type="datetime-local" value={until} onChange={(_, { value }) => { setUntil(value); }} />
        </Field>
      </div>
      <p className={styles.text}>{text.absence.always}</p>
      <div className={styles.buttons}>
        <Button type="submit" appearance="primary" disabledFocusable={!isReady}>
          {text.common.save}
        </Button>
      </div>
      <div role="status">{set.isSuccess && deputy && text.absence.saved}</div>
      <Fault error={set.error} />
    </form>
  );
}

/** Those who have named the one who looks. */
function Others() {
  const text = useText();
  const format = useFormat();
  const { data, error } = useQuery(deputizedQuery);
  return (
    <Section title={text.absence.others}>
      <Fault error={error} />
      <Rows
        label={text.absence.others}
        rows={data ?? []}
        id={(it) => it.user.id}
        empty={data ? text.absence.othersNone : text.common.loading}
        columns={[
          { title: text.common.name, cell: (it) => it.user.displayName },
          { title: text.common.state, cell: (it) => <Counts deputy={it} /> },
          { title: text.absence.from, cell: (it) => format.time(it.from) },
          { title: text.absence.until, cell: (it) => format.time(it.until) },
        ]}
      />
    </Section>
  );
}
