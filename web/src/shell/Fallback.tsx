import { useRouteError } from 'react-router';
import { Refused } from '../api/client';
import { Fault } from '../parts/Fault';
import { Page } from '../parts/Page';
import { useText } from '../text';

export function NotFound() {
  const text = useText();
  return <Page title={text.common.notFound}>{null}</Page>;
}

/** The frame itself, or the script of a page, could not be loaded. */
export function PageFailed() {
  const error = useRouteError();
  return <Failed error={error instanceof Error ? error : new Error(String(error))} />;
}

/** Where a page cannot be shown, what went wrong is. */
export function Failed({ error }: { error: Error }) {
  const text = useText();
  const shown = error instanceof Refused ? error : new Error(text.common.broken);
  if (error instanceof Refused && error.status === 403) {
    return (
      <Page title={text.common.notAllowed}>
        <p>{text.common.notAllowedText}</p>
      </Page>
    );
  }
  return (
    <Page title={text.common.failed}>
      <Fault error={shown} />
    </Page>
  );
}
