import { Button, Field, makeStyles, Select, tokens } from '@fluentui/react-components';
import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { api } from '../../api/client';
import { meQuery, ownersQuery } from '../../api/query';
import type { Found, Me, Owner } from '../../api/shape';
import { Choice } from '../../parts/Choice';
import { Fault } from '../../parts/Fault';
import { PersonPicker } from '../../parts/PersonPicker';
import { Rows } from '../../parts/Rows';
import { Section } from '../../parts/Section';
import { usePlace, within } from '../../shell/environment';
import { useText } from '../../text';

const WIDE = '@media (min-width: 720px)';

const useStyles = makeStyles({
  form: {
    display: 'flex',
    flexWrap: 'wrap',
    alignItems: 'flex-start',
    gap: tokens.spacingHorizontalM,
  },
  field: { flexGrow: 1, flexBasis: '12rem', maxWidth: '26rem' },
  // beside the fields, below their labels
  add: { [WIDE]: { marginTop: '26px' } },
});

/** Parts that can be given. */
const PARTS = ['CanEdit', 'CanView'] as const;
type Part = (typeof PARTS)[number];

interface Props {
  environment: string;
  flow: string;
}

/** Whether somebody is meant by an entry, by themselves or by a group of theirs. */
const isMine = (me: Me, owner: Owner) => owner.id === me.id || (me.groups ?? []).some((it) => it.id === owner.id);

export function Owners({ environment, flow }: Props) {
  const text = useText();
  const { administered } = usePlace();
  const { data: me } = useSuspenseQuery(meQuery);
  const { data, error } = useQuery(ownersQuery(environment, flow));
  const owners = data ?? [];
  const mayChange = administered || owners.some((it) => it.role !== 'CanView' && isMine(me, it));
  const roles: Record<string, string> = {
    Owner: text.flow.owner,
    CanEdit: text.flow.coOwner,
    CanView: text.flow.runOnly,
  };
  const { mutate, isSuccess, variables, error: refused, isPending } = useChange({ environment, flow }, me, administered);
  const done = isSuccess && (variables.give ? text.flow.ownersGiven(variables.name) : text.flow.ownersTaken(variables.name));
  return (
    <Section title={text.flow.owners}>
      <Fault error={error ?? refused} />
      <div role="status">{done}</div>
      <Rows
        label={text.flow.owners}
        rows={owners}
        id={(it) => `${it.id} ${it.role}`}
        empty={data ? text.common.none : text.common.loading}
        columns={[
          { title: text.common.name, cell: (it) => <Name owner={it} /> },
          { title: text.flow.kind, cell: (it) => text.flow.kinds[it.kind] ?? it.kind },
          { title: text.flow.role, cell: (it) => roles[it.role] ?? it.role },
          ...(mayChange
            ? [
                {
                  title: text.common.what,
                  // who made it keeps it
                  cell: (it: Owner) =>
                    it.role === 'Owner' ? null : (
                      <Take
                        owner={it}
                        onConfirm={() => {
                          mutate({ name: nameOf(it), take: it.id });
                        }}
                      />
                    ),
                },
              ]
            : []),
        ]}
      />
      {mayChange ? (
        <Give
          owners={owners}
          roles={roles}
          isPending={isPending}
          give={(found, role) => {
            mutate({ name: found.displayName, give: { found, role } });
          }}
        />
      ) : (
        data && <p>{text.flow.ownersFixed}</p>
      )}
    </Section>
  );
}

const nameOf = (owner: Owner): string => owner.displayName ?? owner.id;

function Name({ owner }: { owner: Owner }) {
  return (
    <>
      {nameOf(owner)}
      {owner.userPrincipalName && owner.userPrincipalName !== owner.displayName && ` (${owner.userPrincipalName})`}
    </>
  );
}

interface Change {
  name: string;
  give?: { found: Found; role: Part };
  take?: string;
}

function useChange({ environment, flow }: Props, me: Me, administered: boolean) {
  const client = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: async ({ give, take }: Change) => {
      const params = { path: { name: flow }, query: { environment } };
      const put = give ? [{ principal: give.found.id, kind: kindOf(give.found), role: give.role }] : [];
      await api.POST('/flows/{name}/owners', { params, body: { put, delete: take ? [take] : [] } });
    },
    onSuccess: async (_, { take }) => {
      if (take === me.id && !administered) {
        // it is not theirs to look at any more
        await navigate(within(environment, 'flows'));
        await client.invalidateQueries({ queryKey: ['flows', environment] });
        return;
      }
      await client.invalidateQueries({ queryKey: ['owners', environment, flow] });
    },
  });
}

const kindOf = (found: Found): 'group' | 'user' => (found.kind === 'group' ? 'group' : 'user');

function Take({ owner, onConfirm }: { owner: Owner; onConfirm: () => void }) {
  const text = useText();
  return (
    <Choice
      trigger={<Button aria-label={`${text.common.remove}: ${nameOf(owner)}`}>{text.common.remove}</Button>}
      title={text.flow.ownersTakeTitle(nameOf(owner))}
      confirm={text.common.remove}
      onConfirm={onConfirm}
    >
      {text.flow.ownersTakeText}
    </Choice>
  );
}

interface GiveProps {
  owners: Owner[];
  roles: Record<string, string>;
  isPending: boolean;
  give: (found: Found, role: Part) => void;
}

function Give({ owners, roles, isPending, give }: GiveProps) {
  const styles = useStyles();
  const text = useText();
  const [found, setFound] = useState<Found>();
  const [role, setRole] = useState<Part>('CanEdit');
  const isKnown = owners.some((it) => it.id === found?.id);
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        if (!found || isPending) return;
        give(found, role);
        setFound(undefined);
      }}
    >
      <div className={styles.field}>
        <PersonPicker
          label={text.flow.ownersAdd}
          kinds={['user', 'group']}
          chosen={found}
          choose={setFound}
          validation={isKnown ? { validationState: 'none', validationMessage: text.flow.ownersOnceMore } : {}}
        />
      </div>
      <Field label={text.flow.ownersAs} className={styles.field}>
        <Select
          value={role}
          onChange={(_, { value }) => {
            setRole(PARTS.find((it) => it === value) ?? 'CanEdit');
          }}
        >
          {PARTS.map((it) => (
            <option key={it} value={it}>
              {roles[it]}
            </option>
          ))}
        </Select>
      </Field>
      <Button type="submit" className={styles.add} disabledFocusable={!found || isPending}>
        {text.common.add}
      </Button>
    </form>
  );
}
