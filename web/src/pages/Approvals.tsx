import { Field, Select } from '@fluentui/react-components';
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { approvalsQuery, deputizedQuery } from '../api/query';
import type { Side, Standing } from '../api/shape';
import { Fault } from '../parts/Fault';
import { More } from '../parts/More';
import { Page as Frame } from '../parts/Page';
import { Rows } from '../parts/Rows';
import { Section } from '../parts/Section';
import { To } from '../parts/To';
import { useFormat, useText } from '../text';

const SIDES = ['received', 'sent'] as const;
const STANDINGS = ['open', 'closed'] as const;

export function Page() {
  const text = useText();
  const [side, setSide] = useState<Side>('received');
  const [state, setState] = useState<Standing>('open');
  const [person, setPerson] = useState('');
  const deputized = useQuery(deputizedQuery).data ?? [];
  const active = deputized.filter((it) => it.isActive);
  const isMine = side === 'received';
  return (
    <Frame title={text.approvals.title}>
      <Section title={text.approvals.whose}>
        <Field label={text.approvals.whose} orientation="horizontal">
          <Select
            value={side}
            onChange={(_, { value }) => {
              setSide(SIDES.find((it) => it === value) ?? 'received');
            }}
          >
            {SIDES.map((it) => (
              <option key={it} value={it}>
                {text.approvals[it]}
              </option>
            ))}
          </Select>
        </Field>
        <Field label={text.approvals.state} orientation="horizontal">
          <Select
            value={state}
            onChange={(_, { value }) => {
              setState(STANDINGS.find((it) => it === value) ?? 'open');
            }}
          >
            {STANDINGS.map((it) => (
              <option key={it} value={it}>
                {text.approvals[it]}
              </option>
            ))}
          </Select>
        </Field>
        {isMine && active.length > 0 && (
          <Field label={text.approvals.forWhom} orientation="horizontal">
            <Select
              value={person}
              onChange={(_, { value }) => {
                setPerson(value);
              }}
            >
              <option value="">{text.approvals.myself}</option>
              {active.map(({ user }) => (
                <option key={user.id} value={user.id}>
                  {user.displayName}
                </option>
              ))}
            </Select>
          </Field>
        )}
        <List side={side} state={state} person={isMine && person ? person : undefined} />
      </Section>
    </Frame>
  );
}

function List({ side, state, person }: { side: Side; state: Standing; person: string | undefined }) {
  const text = useText();
  const format = useFormat();
  const query = useInfiniteQuery(approvalsQuery(side, state, person));
  const people = (all: { displayName: string }[]) => all.map((it) => it.displayName).join(', ');
  return (
    <>
      <Fault error={query.error} />
      <Rows
        label={text.approvals.title}
        rows={query.data?.pages.flatMap((page) => page.value) ?? []}
        id={(it) => it.id}
        empty={query.isPending ? text.common.loading : text.approvals.none}
        columns={[
          { title: text.common.name, cell: (it) => <To to={`/approvals/${it.id}`}>{it.title}</To> },
          { title: text.approvals.requestor, cell: (it) => it.requestor?.displayName ?? '' },
          { title: text.approvals.asked, cell: (it) => format.time(it.createdTime) },
          ...(state === 'open'
            ? [
                { title: text.approvals.deadline, cell: (it: { deadline?: string | null }) => format.time(it.deadline) },
                {
                  title: text.approvals.waitingFor,
                  cell: (it: { waitingFor: { displayName: string }[] }) => people(it.waitingFor),
                },
              ]
            : [{ title: text.approvals.outcome, cell: (it: { outcome?: string | null }) => it.outcome ?? '' }]),
        ]}
      />
      <More query={query} />
    </>
  );
}
