import { Button, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger } from '@fluentui/react-components';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from 'react-router';
import { api, given } from '../../api/client';
import { isLive, type Run } from '../../api/shape';
import { Fault } from '../../parts/Fault';
import { useText } from '../../text';

const RESUMABLE = ['Failed', 'TimedOut', 'Cancelled'];

/** What can be done with a run: cancel, again, on where it failed. */
export function RunActions({ run }: { run: Run }) {
  const text = useText();
  const client = useQueryClient();
  const navigate = useNavigate();
  const params = { path: { id: run.id } };
  const cancel = useMutation({
    mutationFn: () => api.POST('/runs/{id}/cancel', { params }),
    onSuccess: () => client.invalidateQueries({ queryKey: ['run', run.id] }),
  });
  const resubmit = useMutation({
    mutationFn: async () => given(await api.POST('/runs/{id}/resubmit', { params })),
    onSuccess: async (started) => {
      if (started.run) await navigate(`/runs/${started.run}`);
    },
  });
  const resume = useMutation({
    mutationFn: async (version: 'latest' | number) =>
      given(await api.POST('/runs/{id}/resume', { params, body: { version } })),
    onSuccess: (started) => navigate(`/runs/${started.run}`),
  });
  const canResume = RESUMABLE.includes(run.status) && !run.resumedAs;
  return (
    <>
      {isLive(run.status) ? (
        <Button disabledFocusable={cancel.isPending} onClick={() => { cancel.mutate(); }}>
          {text.run.cancel}
        </Button>
      ) : (
        <Button disabledFocusable={resubmit.isPending} onClick={() => { resubmit.mutate(); }}>
          {text.run.resubmit}
        </Button>
      )}
      {canResume && (
        <Menu inline>
          <MenuTrigger disableButtonEnhancement>
            <Button appearance="primary" disabledFocusable={resume.isPending}>
              {text.run.resume}
            </Button>
          </MenuTrigger>
          <MenuPopover>
            <MenuList>
              <MenuItem onClick={() => { resume.mutate('latest'); }}>{text.run.resumeLatest}</MenuItem>
              <MenuItem onClick={() => { resume.mutate(run.version); }}>{text.run.resumeSame}</MenuItem>
            </MenuList>
          </MenuPopover>
        </Menu>
      )}
      <span role="status">{cancel.isSuccess && isLive(run.status) && text.run.cancelled}</span>
      <Fault error={cancel.error ?? resubmit.error ?? resume.error} />
    </>
  );
}
