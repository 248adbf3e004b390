import { Field, Input, Select } from '@fluentui/react-components';
import { useState } from 'react';
import type { Parameter } from '../../api/shape';
import { encoded } from '../../parts/base64';
import { useText } from '../../text';
import { kindOf, labelOf, type Given } from './parameter';

/** Bytes of a certificate with its key. */
const FILE_BYTES_MAX = 64 * 1024;

interface Props {
  parameter: Parameter;
  typed: Given | undefined;
  fault: 'missing' | 'notNumber' | undefined;
  onChange: (given: Given) => void;
}

/** A parameter of a connection; a secret is typed unseen. */
export function ParameterField(props: Props) {
  const { parameter, typed, fault, onChange } = props;
  const text = useText();
  const kind = kindOf(parameter);
  if (kind === 'other') return <p>{text.connections.notHere(labelOf(parameter))}</p>;
  if (kind === 'certificate') return <CertificateField {...props} />;
  const isSecret = kind === 'secret';
  const hints = [parameter.description, isSecret ? text.connections.secretHint : ''];
  const choices = kind === 'flag' ? yesAndNo(text.connections.yes, text.connections.no) : parameter.allowedValues;
  const usual = textOf(parameter.defaultValue);
  const change = (value: string) => {
    onChange({ text: value });
  };
  return (
    <Field
      label={labelOf(parameter)}
      required={parameter.isRequired}
      hint={hints.filter(Boolean).join(' ')}
      validationMessage={fault ? text.connections[fault] : null}
    >
      {choices ? (
        <Select value={typed?.text ?? usual} onChange={(_, { value }) => { change(value); }}>
          <option value="">{text.connections.notChosen}</option>
          {choices.map((it) => (
            <option key={it.value} value={it.value}>
              {it.text}
            </option>
          ))}
        </Select>
      ) : (
        <Input
          type={isSecret ? 'password' : 'text'}
          autoComplete={isSecret ? 'new-password' : 'off'}
          spellCheck={false}
          inputMode={kind === 'number' ? 'decimal' : 'text'}
          placeholder={usual}
          value={typed?.text ?? ''}
          onChange={(_, { value }) => {
            change(value);
          }}
        />
      )}
    </Field>
  );
}

const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? String(value) : '';

const yesAndNo = (yes: string, no: string) => [
  { value: 'true', text: yes },
  { value: 'false', text: no },
];

function CertificateField({ parameter, typed, fault, onChange }: Props) {
  const text = useText();
  const [isTooLarge, setIsTooLarge] = useState(false);
  const wrong = isTooLarge ? text.connections.tooLarge : fault ? text.connections[fault] : null;
  const read = async (file: File | undefined) => {
    setIsTooLarge((file?.size ?? 0) > FILE_BYTES_MAX);
    if (!file || file.size > FILE_BYTES_MAX) onChange({ text: typed?.text ?? '' });
    else onChange({ text: typed?.text ?? '', file: await encoded(file) });
  };
  return (
    <>
      <Field
        label={`${labelOf(parameter)}: ${text.connections.certificate}`}
        required={parameter.isRequired}
        hint={parameter.description}
        validationMessage={wrong}
      >
        {(props) => (
          <input {...props} type="file" accept=".pfx,.p12" onChange={({ target }) => void read(target.files?.[0])} />
        )}
      </Field>
      <Field label={text.connections.certificatePassword} hint={text.connections.secretHint}>
        <Input
          type="password"
          autoComplete="new-password"
          value={typed?.text ?? ''}
          onChange={(_, { value }) => {
            onChange({ ...typed, text: value });
          }}
        />
      </Field>
    </>
  );
}
