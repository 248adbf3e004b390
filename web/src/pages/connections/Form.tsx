import { Button, Field, Input, makeStyles, tokens } from '@fluentui/react-components';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { api, given } from '../../api/client';
import type { Connector, Parameter } from '../../api/shape';
import { Fault } from '../../parts/Fault';
import { within } from '../../shell/environment';
import { useText } from '../../text';
import { faultOf, kindOf, valuesOf, type Given } from './parameter';
import { ParameterField } from './ParameterField';

const useStyles = makeStyles({
  form: { display: 'flex', flexDirection: 'column', gap: tokens.spacingVerticalM },
  text: { margin: 0 },
});

interface Props {
  environment: string;
  connector: Connector;
  /** The way to authenticate. */
  set: string;
  parameters: Parameter[];
}

/** What the connector wants to know of a new connection. */
export function Form({ environment, connector, set, parameters }: Props) {
  const styles = useStyles();
  const text = useText();
  const client = useQueryClient();
  const navigate = useNavigate();
  const [displayName, setDisplayName] = useState('');
  const [typed, setTyped] = useState<Record<string, Given>>({});
  const [isTried, setIsTried] = useState(false);
  const faults = new Map(parameters.map((it) => [it.name, faultOf(it, typed[it.name])]));
  const isGood = [...faults.values()].every((it) => it === undefined);
  const make = useMutation({
    mutationFn: async () => {
      const params = { path: { environment, connector: connector.name } };
      const body = {
        parameters: valuesOf(parameters, typed),
        ...(set && { parameterSet: set }),
        ...(displayName.trim() && { displayName: displayName.trim() }),
      };
      return given(await api.POST('/environments/{environment}/connectors/{connector}/connections', { params, body }));
    },
    onSuccess: async (made) => {
      await client.invalidateQueries({ queryKey: ['connections', environment] });
      await navigate(within(environment, 'connections'), { state: { made: made.displayName } });
    },
  });
  const asked = parameters.filter((it) => kindOf(it) !== 'signIn');
  return (
    <form
      className={styles.form}
      autoComplete="off"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setIsTried(true);
        if (isGood && !make.isPending) make.mutate();
      }}
    >
      <Field label={text.connections.displayName} hint={text.connections.displayNameHint}>
        <Input
          value={displayName}
          onChange={(_, { value }) => {
            setDisplayName(value);
          }}
        />
      </Field>
      {asked.map((it) => (
        <ParameterField
          key={it.name}
          parameter={it}
          typed={typed[it.name]}
          fault={isTried ? faults.get(it.name) : undefined}
          onChange={(value) => {
            setTyped({ ...typed, [it.name]: value });
          }}
        />
      ))}
      {parameters.length === 0 && <p className={styles.text}>{text.connections.noParameters}</p>}
      {asked.length < parameters.length && <p className={styles.text}>{text.connections.signsIn}</p>}
      <Fault error={make.error} />
      <div>
        <Button type="submit" appearance="primary" disabledFocusable={make.isPending}>
          {text.connections.makeShort}
        </Button>
      </div>
    </form>
  );
}
