import { Button, Field, makeStyles, Textarea, tokens } from '@fluentui/react-components';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, given } from '../../api/client';
import type { ApprovalDetail, Party } from '../../api/shape';
import { Fault } from '../../parts/Fault';
import { useText } from '../../text';
import { useChanged } from '../Approval';
import { useWhom, Whom } from './Whom';

const useStyles = makeStyles({
  options: { display: 'flex', flexWrap: 'wrap', gap: tokens.spacingHorizontalM },
  option: { minHeight: '44px' },
});

interface Given {
  response: string;
  comments: string;
  whom: Party;
}

/** The answers there are, for whoever is asked, and for whom they stand. */
export function Decide({ approval }: { approval: ApprovalDetail }) {
  const text = useText();
  const changed = useChanged(approval.id);
  const answer = useMutation({
    // the server is told for whom, always: what it would take by itself may be another than is shown
    mutationFn: async ({ response, comments, whom }: Given) =>
      given(
        await api.POST('/approvals/{id}/responses', {
          params: { path: { id: approval.id } },
          body: { response, assignee: whom.id, ...(comments.trim() && { comments }) },
        }),
      ),
    onSuccess: changed,
  });
  const { response, whom } = answer.variables ?? {};
  return (
    <>
      <div role="status">
        {answer.isSuccess && whom && text.approvals.answered(response ?? '', whom.displayName)}
      </div>
      <Fault error={answer.error} />
      {approval.answersFor.length === 0 ? (
        <p>{text.approvals.notAsked}</p>
      ) : (
        <Answer
          approval={approval}
          isPending={answer.isPending}
          give={(one, onDone) => {
            answer.mutate(one, { onSuccess: onDone });
          }}
        />
      )}
    </>
  );
}

interface AnswerProps {
  approval: ApprovalDetail;
  isPending: boolean;
  give: (answer: Given, onDone: () => void) => void;
}

function Answer({ approval, isPending, give }: AnswerProps) {
  const styles = useStyles();
  const text = useText();
  const [comments, setComments] = useState('');
  const people = useWhom(approval.answersFor);
  const { whom } = people;
  return (
    <>
      <Whom {...people} label={text.approvals.forWhom} only={text.approvals.answerFor} />
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
            disabledFocusable={isPending || !whom}
            onClick={() => {
              if (!whom) return;
              give({ response: option, comments, whom }, () => {
                // they were said for one, not for the next
                setComments('');
              });
            }}
          >
            {option}
          </Button>
        ))}
      </div>
    </>
  );
}
