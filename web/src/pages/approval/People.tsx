import type { ApprovalDetail } from '../../api/shape';
import { Rows } from '../../parts/Rows';
import { Section } from '../../parts/Section';
import { useFormat, useText } from '../../text';

/** Who is or was asked, stage by stage, and what happened. */
export function People({ approval }: { approval: ApprovalDetail }) {
  const text = useText();
  const format = useFormat();
  const tasks = approval.stages.flatMap((stage, number) => stage.tasks.map((task, at) => ({ ...task, number, at, name: stage.name })));
  return (
    <>
      <Section title={text.approvals.people}>
        <Rows
          label={text.approvals.people}
          rows={tasks}
          id={(it) => `${it.number} ${it.at}`}
          empty={text.common.none}
          columns={[
            { title: text.common.name, cell: (it) => it.assignee.displayName },
            { title: text.approvals.stages, cell: (it) => it.name ?? text.approvals.stage(it.number + 1) },
            { title: text.common.state, cell: (it) => text.approvals.task[it.state] ?? it.state },
            { title: text.approvals.outcome, cell: (it) => it.response ?? it.reassignedTo?.displayName ?? '' },
            { title: text.approvals.comments, cell: (it) => it.comments ?? '' },
            { title: text.common.ended, cell: (it) => format.time(it.responseTime) },
          ]}
        />
      </Section>
      <Section title={text.approvals.history}>
        <Rows
          label={text.approvals.history}
          rows={approval.history.map((entry, at) => ({ ...entry, at }))}
          id={(it) => String(it.at)}
          empty={text.common.none}
          columns={[
            { title: text.approvals.what, cell: (it) => it.text },
            { title: text.common.changed, cell: (it) => format.time(it.time) },
            { title: text.approvals.comments, cell: (it) => it.comments ?? '' },
          ]}
        />
      </Section>
    </>
  );
}
