// What a connector wants to know of a connection, and what is sent for it.
import type { Parameter } from '../../api/shape';

/** What somebody has typed or chosen: text, or a certificate. */
export interface Given {
  text: string;
  /** A PFX file in base64, of which the text is the password. */
  file?: string;
}

export type Kind = 'text' | 'secret' | 'number' | 'flag' | 'signIn' | 'certificate' | 'other';

/** The kinds of the format by what is to be done for them. */
const KINDS: Record<string, Kind> = {
  string: 'text',
  gatewaysetting: 'text',
  securestring: 'secret',
  secureobject: 'secret',
  int: 'number',
  integer: 'number',
  number: 'number',
  bool: 'flag',
  boolean: 'flag',
  oauthsetting: 'signIn',
  clientcertificate: 'certificate',
};

export const kindOf = (parameter: Parameter): Kind => KINDS[parameter.type.toLowerCase()] ?? 'other';

export const labelOf = (parameter: Parameter): string => parameter.displayName || parameter.name;

const isEmpty = (given: Given | undefined): boolean => !given || (given.text === '' && !given.file);

/** What keeps a value from being sent. */
export function faultOf(parameter: Parameter, given: Given | undefined): 'missing' | 'notNumber' | undefined {
  const kind = kindOf(parameter);
  if (kind === 'signIn' || kind === 'other') return undefined;
  if (isEmpty(given)) return parameter.isRequired && parameter.defaultValue == null ? 'missing' : undefined;
  if (kind === 'certificate' && !given?.file) return 'missing';
  if (kind === 'number' && !Number.isFinite(Number(given?.text))) return 'notNumber';
  return undefined;
}

/** What is sent: nothing for what was left empty. */
export function valuesOf(parameters: Parameter[], all: Record<string, Given>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const parameter of parameters) {
    const given = all[parameter.name];
    if (!given || isEmpty(given)) continue;
    values[parameter.name] = valueOf(parameter, given);
  }
  return values;
}

function valueOf(parameter: Parameter, { text, file }: Given): unknown {
  switch (kindOf(parameter)) {
    case 'number':
      return Number(text);
    case 'flag':
      return text === 'true';
    case 'certificate':
      return { pfx: file, password: text };
    default:
      return text;
  }
}
