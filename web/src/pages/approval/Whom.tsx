import { Field, Select } from '@fluentui/react-components';
import { useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { meQuery } from '../../api/query';
import type { Party } from '../../api/shape';
import { useText } from '../../text';

/**
 * The one of several people who is meant: at first the caller, or the only one there is.
 *
 * Others come and go while the page is open. When the one who was meant is gone, nobody is until
 * somebody else is chosen: what is about to be pressed never turns to another person.
 */
export function useWhom(people: Party[]) {
  const { data: me } = useSuspenseQuery(meQuery);
  const all = people.filter(({ id }, at) => people.findIndex((it) => it.id === id) === at);
  const [meant, setMeant] = useState(() => (all.find(({ id }) => id === me.id) ?? (all.length === 1 ? all[0] : undefined))?.id);
  return { all, whom: all.find(({ id }) => id === meant), choose: setMeant, isMe: (it: Party) => it.id === me.id };
}

interface Props extends ReturnType<typeof useWhom> {
  label: string;
  /** What is said where there is nobody else to choose. */
  only: (name: string) => string;
}

export function Whom({ all, whom, choose, isMe, label, only }: Props) {
  const text = useText();
  if (whom && all.length === 1) return <p>{only(whom.displayName)}</p>;
  const named = (it: Party) => (it.mail ? text.person.found(it.displayName, it.mail) : it.displayName);
  return (
    <Field label={label} required>
      <Select
        value={whom?.id ?? ''}
        onChange={(_, { value }) => {
          choose(value);
        }}
      >
        {!whom && <option value="">{text.approvals.whomNot}</option>}
        {all.map((it) => (
          <option key={it.id} value={it.id}>
            {isMe(it) ? text.approvals.myself : named(it)}
          </option>
        ))}
      </Select>
    </Field>
  );
}
