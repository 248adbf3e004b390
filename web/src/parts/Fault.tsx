import { MessageBar, MessageBarBody, MessageBarTitle } from '@fluentui/react-components';
import { Refused } from '../api/client';
import { useText } from '../text';

/** What went wrong, in the server's words. */
export function Fault({ error }: { error: Error | null }) {
  const text = useText();
  if (!error) return null;
  const details = error instanceof Refused ? error.details : [];
  return (
    <MessageBar intent="error" layout="multiline" role="alert">
      <MessageBarBody>
        <MessageBarTitle>{text.common.failed}</MessageBarTitle>
        {error.message}
        {details.length > 0 && (
          <ul>
            {details.map((it) => (
              <li key={`${it.path} ${it.message}`}>
                {it.path}: {it.message}
              </li>
            ))}
          </ul>
        )}
      </MessageBarBody>
    </MessageBar>
  );
}
