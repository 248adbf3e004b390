import { Badge, Button } from '@fluentui/react-components';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useParams } from 'react-router';
import { api, given } from '../api/client';
import { approvalQuery } from '../api/query';
import type { ApprovalDetail } from '../api/shape';
import { Choice } from '../parts/Choice';
import { Fault } from '../parts/Fault';
import { Page as Frame } from '../parts/Page';
import { Section } from '../parts/Section';
import { useText } from '../text';
import { Asked } from './approval/Asked';
import { Decide } from './approval/Decide';
import { People } from './approval/People';
import { Reassign } from './approval/Reassign';

export function Page() {
  const text = useText();
  const { id = '' } = useParams();
  const { data, error } = useQuery(approvalQuery(id));
  if (!data) {
    return (
      <Frame title={text.approvals.title}>
        <Fault error={error} />
        {!error && <p>{text.common.loading}</p>}
      </Frame>
    );
  }
  return (
    <Frame title={data.title} actions={<Withdraw approval={data} />}>
      <Fault error={error} />
      <div role="status">
        <Badge appearance="tint" color={data.state === 'Open' ? 'brand' : 'informative'}>
          {text.approvals.standing[data.state] ?? data.state}
        </Badge>{' '}
        {data.outcome && `${text.approvals.outcome}: ${data.outcome}`}
      </div>
      <Asked approval={data} />
      {data.state === 'Open' && (
        <Section title={text.approvals.answer}>
          <Decide approval={data} />
          {data.isReassignable && <Reassign approval={data} />}
        </Section>
      )}
      <People approval={data} />
    </Frame>
  );
}

/** What everybody sees of an approval that was changed. */
export function useChanged(id: string) {
  const client = useQueryClient();
  return async (changed: ApprovalDetail) => {
    client.setQueryData(approvalQuery(id).queryKey, changed);
    await client.invalidateQueries({ queryKey: ['approvals'] });
  };
}

function Withdraw({ approval }: { approval: ApprovalDetail }) {
  const text = useText();
  const changed = useChanged(approval.id);
  const withdraw = useMutation({
    mutationFn: async () =>
      given(await api.POST('/approvals/{id}/cancel', { params: { path: { id: approval.id } }, body: {} })),
    onSuccess: changed,
  });
  if (!approval.isCancellable) return null;
  return (
    <>
      <Choice
        trigger={<Button>{text.approvals.withdraw}</Button>}
        title={text.approvals.withdrawTitle(approval.title)}
        confirm={text.approvals.withdraw}
        onConfirm={() => {
          withdraw.mutate();
        }}
      >
        {text.approvals.withdrawText}
      </Choice>
      <Fault error={withdraw.error} />
    </>
  );
}
