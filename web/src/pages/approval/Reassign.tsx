import { Button, Field, Input } from '@fluentui/react-components';
import { useMutation, useSuspenseQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, given } from '../../api/client';
import { environmentsQuery, meQuery } from '../../api/query';
import type { ApprovalDetail, Party } from '../../api/shape';
import { Fault } from '../../parts/Fault';
import { useText } from '../../text';
import { useChanged } from '../Approval';
import { useWhom, Whom } from './Whom';

/** Who made it, or administers, has others asked instead of anybody; who is asked, instead of
 * those for whom they answer. */
function useReplaceable({ creator, environment, answersFor, waitingFor }: ApprovalDetail): Party[] {
  const { data: me } = useSuspenseQuery(meQuery);
  const { data: places } = useSuspenseQuery(environmentsQuery);
  const isAdministered = places.some(({ name, administered }) => name === environment && administered);
  const isLed = isAdministered || (creator != null && creator.id === me.id);
  return isLed || answersFor.length === 0 ? waitingFor : answersFor;
}

/** Somebody else is to answer. */
export function Reassign({ approval }: { approval: ApprovalDetail }) {
  const text = useText();
  const changed = useChanged(approval.id);
  const [to, setTo] = useState('');
  const people = useWhom(useReplaceable(approval));
  const { whom } = people;
  const reassign = useMutation({
    mutationFn: async (from: Party) =>
      given(
        await api.POST('/approvals/{id}/reassign', {
          params: { path: { id: approval.id } },
          body: { to, from: from.id },
        }),
      ),
    onSuccess: async (done) => {
      setTo('');
      await changed(done);
    },
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (whom && to.trim() && !reassign.isPending) reassign.mutate(whom);
      }}
    >
      <Whom {...people} label={text.approvals.insteadOf} only={text.approvals.insteadOfOnly} />
      <Field label={text.approvals.reassignTo}>
        <Input
          value={to}
          onChange={(_, { value }) => {
            setTo(value);
          }}
        />
      </Field>
      <p>
        <Button type="submit" disabledFocusable={!whom || !to.trim() || reassign.isPending}>
          {text.approvals.reassign}
        </Button>
      </p>
      <div role="status">{reassign.isSuccess && text.approvals.changed}</div>
      <Fault error={reassign.error} />
    </form>
  );
}
