import { Button, Checkbox, Field, Input, Select } from '@fluentui/react-components';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api, given } from '../../api/client';
import { connectionsQuery } from '../../api/query';
import type { Package } from '../../api/shape';
import { encoded } from '../../parts/base64';
import { Fault } from '../../parts/Fault';
import { Section } from '../../parts/Section';
import { To } from '../../parts/To';
import { within } from '../../shell/environment';
import { useText } from '../../text';

type Remark = Package['remarks'][number];

interface Plan {
  skipped: Record<string, boolean>;
  names: Record<string, string>;
  connections: Record<string, string>;
}

/** What is in a package, and what is to become of it. */
export function ImportPlan({ environment, file, content }: { environment: string; file: File; content: Package }) {
  const text = useText();
  const client = useQueryClient();
  const [plan, setPlan] = useState<Plan>({ skipped: {}, names: {}, connections: {} });
  const start = useMutation({
    mutationFn: async () => {
      const flows = Object.fromEntries(
        content.flows.map(({ key }) => [
          key,
          { skip: plan.skipped[key] ?? false, ...(plan.names[key] && { name: plan.names[key] }) },
        ]),
      );
      const chosen = Object.entries(plan.connections).filter(([, connection]) => connection !== '');
      const body = { package: await encoded(file), flows, connections: Object.fromEntries(chosen) };
      return given(await api.POST('/packages/import', { params: { query: { environment } }, body }));
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ['flows', environment] }),
  });
  if (start.data) return <Imported environment={environment} {...start.data} />;
  return (
    <>
      <FlowChoices content={content} plan={plan} setPlan={setPlan} />
      <ConnectionChoices environment={environment} content={content} plan={plan} setPlan={setPlan} />
      <Remarks remarks={content.remarks} />
      <Fault error={start.error} />
      <div>
        <Button appearance="primary" disabledFocusable={start.isPending} onClick={() => { start.mutate(); }}>
          {text.import.start}
        </Button>
      </div>
    </>
  );
}

interface Choices {
  content: Package;
  plan: Plan;
  setPlan: (plan: Plan) => void;
}

function FlowChoices({ content, plan, setPlan }: Choices) {
  const text = useText();
  return (
    <Section title={text.import.flows}>
      {content.flows.map(({ key, displayName }) => (
        <div key={key}>
          <Checkbox
            label={text.import.include(displayName)}
            checked={!plan.skipped[key]}
            onChange={(_, { checked }) => {
              setPlan({ ...plan, skipped: { ...plan.skipped, [key]: checked !== true } });
            }}
          />
          {!plan.skipped[key] && (
            <Field label={text.import.newName(displayName)}>
              <Input
                value={plan.names[key] ?? ''}
                onChange={(_, { value }) => {
                  setPlan({ ...plan, names: { ...plan.names, [key]: value } });
                }}
              />
            </Field>
          )}
        </div>
      ))}
    </Section>
  );
}

function ConnectionChoices({ environment, content, plan, setPlan }: Choices & { environment: string }) {
  const text = useText();
  const { data } = useQuery(connectionsQuery(environment));
  if (content.connections.length === 0) return null;
  return (
    <Section title={text.import.connections}>
      {content.connections.map(({ key, displayName, connector }) => (
        <Field key={key} label={text.import.connection(displayName)}>
          <Select
            value={plan.connections[key] ?? ''}
            onChange={(_, { value }) => {
              setPlan({ ...plan, connections: { ...plan.connections, [key]: value } });
            }}
          >
            <option value="">{text.import.noConnection}</option>
            {(data ?? [])
              .filter((it) => !connector || connector.toLowerCase().endsWith(it.connector.toLowerCase()))
              .map((it) => (
                <option key={it.name} value={it.name}>
                  {it.displayName}
                </option>
              ))}
          </Select>
        </Field>
      ))}
    </Section>
  );
}

function Remarks({ remarks }: { remarks: Remark[] }) {
  const text = useText();
  if (remarks.length === 0) return null;
  return (
    <Section title={text.import.remarks}>
      <ul>
        {remarks.map((it) => (
          <li key={`${it.path} ${it.message}`}>
            {it.path}: {it.message}
          </li>
        ))}
      </ul>
    </Section>
  );
}

interface Done {
  environment: string;
  flows: { key: string; name: string; displayName: string; created: boolean }[];
  remarks: Remark[];
}

function Imported({ environment, flows, remarks }: Done) {
  const text = useText();
  return (
    <>
      <Section title={text.import.done}>
        <ul>
          {flows.map(({ key, name, displayName, created }) => (
            <li key={key}>
              <To to={within(environment, 'flows', name)}>{displayName}</To> (
              {created ? text.import.created : text.import.updated})
            </li>
          ))}
        </ul>
      </Section>
      <Remarks remarks={remarks} />
    </>
  );
}
