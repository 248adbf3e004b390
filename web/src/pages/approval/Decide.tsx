import { Button, Field, makeStyles, Textarea, tokens } from '@fluentui/react-components';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, given } from '../../api/client';
import type { ApprovalDetail } from '../../api/shape';
import { Fault } from '../../parts/Fault';
import { useText } from '../../text';
import { useChanged } from '../Approval';

const useStyles = makeStyles({
  options: { display: 'flex', flexWrap: 'wrap', gap: tokens.spacingHorizontalM },
  option: { minHeight: '44px' },
});

/** The answers there are, for whoever is asked, and for whom they stand. */
export function Decide({ approval }: { approval: ApprovalDetail }) {
  const styles = useStyles();
  const text = useText();
  const changed = useChanged(approval.id);
  const [comments, setComments] = useState('');
  const answer = useMutation({
    mutationFn: async (response: string) =>
      given(
        await api.POST('/approvals/{id}/responses', {
          params: { path: { id: approval.id } },
          body: { response, ...(comments.trim() && { comments }) },
        }),
      ),
    onSuccess: changed,
  });
  const whom = approval.answersFor.map((it) => it.displayName).join(', ');
  return (
    <>
      <div role="status">{answer.isSuccess && text.approvals.answered(answer.variables)}</div>
      <Fault error={answer.error} />
      {approval.answersFor.length === 0 ? (
        <p>{text.approvals.notAsked}</p>
      ) : (
        <>
          <p>{text.approvals.answerFor(whom)}</p>
          <Field label={text.approvals.comments}>
            <Textarea
              value={comments}
              rows={3}
              onChange={(_, { value }) => {
                setComments(value);
              }}
            />
          </Field>
          <div className={styles.options}>
            {approval.options.map((option, at) => (
              <Button
                key={option}
                className={styles.option}
                appearance={at === 0 ? 'primary' : 'secondary'}
                disabledFocusable={answer.isPending}
                onClick={() => {
                  answer.mutate(option);
                }}
              >
                {option}
              </Button>
            ))}
          </div>
        </>
      )}
    </>
  );
}
