import { Combobox, Field, Option, type FieldProps } from '@fluentui/react-components';
import { useQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { principalsQuery } from '../api/query';
import type { Found } from '../api/shape';
import { useText } from '../text';
import { Fault } from './Fault';

interface Props {
  label: string;
  /** Who may be chosen. */
  kinds: ('user' | 'group')[];
  chosen: Found | undefined;
  choose: (found: Found | undefined) => void;
  required?: boolean;
  validation?: Pick<FieldProps, 'validationMessage' | 'validationState'>;
}

/** Somebody of the directory, found by the beginning of a name. */
export function PersonPicker({ label, kinds, chosen, choose, required = false, validation }: Props) {
  const text = useText();
  const [typed, setTyped] = useState('');
  const [isOpen, setIsOpen] = useState(false);
  const search = useDeferredValue(typed.trim());
  const { data, error, isFetching } = useQuery(principalsQuery(chosen ? '' : search));
  const found = (data ?? []).filter((it) => kinds.some((kind) => kind === it.kind));
  const named = (it: Found) =>
    text.person.found(it.displayName, it.userPrincipalName ?? text.flow.kinds[it.kind] ?? it.kind);
  const none = search === '' ? text.person.type : isFetching ? text.common.loading : text.person.none;
  return (
    <>
      <Field label={label} required={required} hint={text.person.type} {...validation}>
        <Combobox
          inlinePopup
          freeform
          expandIcon={null}
          autoComplete="off"
          open={isOpen}
          onOpenChange={(_, { open }) => {
            setIsOpen(open);
          }}
          value={chosen ? named(chosen) : typed}
          selectedOptions={chosen ? [chosen.id] : []}
          onChange={({ target }) => {
            choose(undefined);
            setTyped(target.value);
            setIsOpen(true);
          }}
          onOptionSelect={(_, { optionValue }) => {
            const one = found.find(({ id }) => id === optionValue);
            if (!one) return;
            choose(one);
            setTyped('');
          }}
        >
          {found.map((it) => (
            <Option key={it.id} value={it.id} text={named(it)}>
              {named(it)}
            </Option>
          ))}
          {found.length === 0 && (
            <Option key="none" value="" text={typed} disabled>
              {none}
            </Option>
          )}
        </Combobox>
      </Field>
      <Fault error={error} />
    </>
  );
}
