import { Button, Field, Input } from '@fluentui/react-components';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, given } from '../../api/client';
import type { ApprovalDetail } from '../../api/shape';
import { Fault } from '../../parts/Fault';
import { useText } from '../../text';
import { useChanged } from '../Approval';

/** Somebody else is to answer. */
export function Reassign({ approval }: { approval: ApprovalDetail }) {
  const text = useText();
  const changed = useChanged(approval.id);
  const [to, setTo] = useState('');
  // who is not asked, and may do so all the same, does so for the one whom all wait for
  const from = approval.answersFor[0] ?? approval.waitingFor[0];
  const reassign = useMutation({
    mutationFn: async () =>
      given(
        await api.POST('/approvals/{id}/reassign', {
          params: { path: { id: approval.id } },
          body: { to, ...(from && { from: from.id }) },
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
        reassign.mutate();
      }}
    >
      <Field label={text.approvals.reassignTo}>
        <Input
          value={to}
          onChange={(_, { value }) => {
            setTo(value);
          }}
        />
      </Field>
      <p>
        <Button type="submit" disabledFocusable={!to.trim() || reassign.isPending}>
          {text.approvals.reassign}
        </Button>
      </p>
      <div role="status">{reassign.isSuccess && text.approvals.changed}</div>
      <Fault error={reassign.error} />
    </form>
  );
}
