import { Button, makeStyles, tokens } from '@fluentui/react-components';
import { useMutation } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { api } from '../../api/client';
import type { ApprovalDetail } from '../../api/shape';
import { Fault } from '../../parts/Fault';
import { Otherwise } from '../../parts/Otherwise';
import { Section } from '../../parts/Section';
import { useFormat, useText } from '../../text';

const Details = lazy(() => import('./Details'));

/** Characters that are read as Markdown: longer ones could keep a browser busy, and are text. */
const MARKDOWN_CHARACTERS_MAX = 10_000;

/** How long a browser may take until it reads what it is to keep. */
const KEPT_MS = 60_000;

const useStyles = makeStyles({
  facts: { margin: 0, display: 'grid', gridTemplateColumns: 'max-content 1fr', gap: tokens.spacingHorizontalM },
  pair: { display: 'contents' },
  fact: { margin: 0, overflowWrap: 'anywhere' },
  details: { whiteSpace: 'pre-wrap', overflowWrap: 'anywhere', margin: 0 },
  link: { color: tokens.colorBrandForegroundLink, overflowWrap: 'anywhere' },
});

/** Only addresses that lead to a page: the server lets no others in, and this shows no others. */
const isPage = (address: string) => /^https?:\/\//i.test(address);

/** Has the browser keep a file; it is never shown. */
function keep(content: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // the click only asks for it: the browser reads it afterwards
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, KEPT_MS);
}

/** Markdown; as it was written until that can be shown, and where it cannot. */
function Rich({ text }: { text: string }) {
  const styles = useStyles();
  const plain = <p className={styles.details}>{text}</p>;
  if (text.length > MARKDOWN_CHARACTERS_MAX) return plain;
  return (
    <Otherwise otherwise={plain}>
      <Suspense fallback={plain}>
        <Details text={text} />
      </Suspense>
    </Otherwise>
  );
}

/** What is asked. */
export function Asked({ approval }: { approval: ApprovalDetail }) {
  const styles = useStyles();
  const text = useText();
  const format = useFormat();
  const save = useMutation({
    mutationFn: async ({ number, name }: { number: number; name: string }) => {
      const path = { id: approval.id, number: String(number) };
      const found = await api.GET('/approvals/{id}/attachments/{number}', { params: { path }, parseAs: 'blob' });
      // of an empty file there is nothing
      const content: unknown = found.data ?? new Blob();
      keep(content as Blob, name);
    },
  });
  const { itemLink, itemLinkDescription } = approval;
  const facts: [string, string][] = [
    [text.approvals.requestor, approval.requestor?.displayName ?? ''],
    [text.approvals.asked, format.time(approval.createdTime)],
    [text.approvals.deadline, format.time(approval.deadline)],
  ];
  return (
    <Section title={text.approvals.details}>
      <dl className={styles.facts}>
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name} className={styles.pair}>
              <dt>{name}</dt>
              <dd className={styles.fact}>{value}</dd>
            </div>
          ))}
      </dl>
      {approval.details && <Rich text={approval.details} />}
      {itemLink && isPage(itemLink) && (
        <p>
          <a className={styles.link} href={itemLink} target="_blank" rel="noreferrer noopener">
            {itemLinkDescription ? `${itemLinkDescription} (${itemLink})` : itemLink}
          </a>
        </p>
      )}
      {approval.attachments.length > 0 && (
        <>
          <h3>{text.approvals.files}</h3>
          <ul>
            {approval.attachments.map((file) => (
              <li key={file.number}>
                <Button
                  appearance="transparent"
                  onClick={() => {
                    save.mutate(file);
                  }}
                >
                  {file.name}, {format.number(file.bytes / 1_024)} KiB
                </Button>
              </li>
            ))}
          </ul>
          <Fault error={save.error} />
        </>
      )}
    </Section>
  );
}
