import { Badge, type BadgeProps } from '@fluentui/react-components';
import { useText } from '../text';

const COLORS: Record<string, BadgeProps['color']> = {
  Running: 'brand',
  Waiting: 'informative',
  Succeeded: 'success',
  Failed: 'danger',
  TimedOut: 'danger',
  Aborted: 'danger',
  Started: 'success',
  Suspended: 'warning',
};

/** How a run or an action is; the word says it, the color says it again. */
export function Status({ status }: { status: string }) {
  const text = useText();
  return (
    <Badge appearance="tint" color={COLORS[status] ?? 'informative'}>
      {text.status[status] ?? status}
    </Badge>
  );
}

/** Whether a flow is on. */
export function State({ state }: { state: string }) {
  const text = useText();
  return (
    <Badge appearance="tint" color={COLORS[state] ?? 'informative'}>
      {text.state[state] ?? state}
    </Badge>
  );
}
