import { Button, makeStyles, tokens } from '@fluentui/react-components';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client';
import { calendarsQuery } from '../api/query';
import type { Calendar } from '../api/shape';
import { Choice } from '../parts/Choice';
import { Fault } from '../parts/Fault';
import { Page as Frame } from '../parts/Page';
import { Rows } from '../parts/Rows';
import { Section } from '../parts/Section';
import { useEnvironment, usePlace } from '../shell/environment';
import { useFormat, useText } from '../text';
import { dateOf, dayNames } from './calendar/day';
import { Editor } from './calendar/Editor';

const useStyles = makeStyles({
  buttons: { display: 'flex', flexWrap: 'wrap', gap: tokens.spacingHorizontalS },
  text: { margin: 0, maxWidth: '60rem' },
});

/** Holidays of a row: all of them are in the form. */
const SHOWN = 4;

export function Page() {
  const styles = useStyles();
  const text = useText();
  const environment = useEnvironment();
  const { administered } = usePlace();
  const { data, error } = useQuery(calendarsQuery(environment));
  // a calendar that is changed, or none for a new one
  const [edited, setEdited] = useState<{ calendar: Calendar | undefined }>();
  const [said, setSaid] = useState('');
  return (
    <Frame
      title={text.calendars.title}
      actions={
        administered && (
          <Button
            appearance="primary"
            onClick={() => {
              setEdited({ calendar: undefined });
            }}
          >
            {text.calendars.make}
          </Button>
        )
      }
    >
      <p className={styles.text}>{text.calendars.text}</p>
      {!administered && <p className={styles.text}>{text.calendars.fixed}</p>}
      <div role="status">{said}</div>
      <Fault error={error} />
      <List
        calendars={data}
        mayChange={administered}
        change={(calendar) => {
          setEdited({ calendar });
        }}
        say={(what) => {
          setEdited(undefined);
          setSaid(what);
        }}
      />
      {edited && (
        <Editor
          key={edited.calendar?.name ?? ''}
          environment={environment}
          calendar={edited.calendar}
          onSaved={(name) => {
            setEdited(undefined);
            setSaid(text.calendars.saved(name));
          }}
          onLeft={() => {
            setEdited(undefined);
          }}
        />
      )}
    </Frame>
  );
}

interface ListProps {
  calendars: Calendar[] | undefined;
  mayChange: boolean;
  change: (calendar: Calendar) => void;
  say: (what: string) => void;
}

function List({ calendars, mayChange, change, say }: ListProps) {
  const styles = useStyles();
  const text = useText();
  const format = useFormat();
  const environment = useEnvironment();
  const client = useQueryClient();
  const names = dayNames(format.language, 'short');
  const remove = useMutation({
    mutationFn: ({ name }: Calendar) =>
      api.DELETE('/environments/{environment}/calendars/{name}', { params: { path: { environment, name } } }),
    onSuccess: async (_, { name }) => {
      await client.invalidateQueries({ queryKey: ['calendars', environment] });
      say(text.calendars.deleted(name));
    },
  });
  const holidays = ({ holidays: all }: Calendar) => {
    const shown = all.slice(0, SHOWN).map((it) => dateOf(format.language, it));
    return shown.join(', ') + (all.length > SHOWN ? ` (${format.number(all.length)})` : '');
  };
  const actions = (it: Calendar) => (
    <div className={styles.buttons}>
      <Button
        aria-label={`${text.common.change}: ${it.name}`}
        onClick={() => {
          change(it);
        }}
      >
        {text.common.change}
      </Button>
      <Choice
        trigger={
          <Button appearance="subtle" aria-label={`${text.common.delete}: ${it.name}`}>
            {text.common.delete}
          </Button>
        }
        title={text.calendars.deleteTitle(it.name)}
        confirm={text.common.delete}
        onConfirm={() => {
          remove.mutate(it);
        }}
      >
        {text.calendars.deleteText}
      </Choice>
    </div>
  );
  return (
    <Section title={text.calendars.title}>
      <Fault error={remove.error} />
      <Rows
        label={text.calendars.title}
        rows={calendars ?? []}
        id={(it) => it.name}
        empty={calendars ? text.calendars.none : text.common.loading}
        columns={[
          { title: text.common.name, cell: (it) => it.name },
          { title: text.calendars.zone, cell: (it) => it.zone },
          { title: text.calendars.workdays, cell: (it) => it.workdays.map((day) => names[day - 1]).join(', ') },
          { title: text.calendars.holidays, cell: holidays },
          ...(mayChange ? [{ title: text.common.what, cell: actions }] : []),
        ]}
      />
    </Section>
  );
}
