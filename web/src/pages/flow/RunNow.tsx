import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  DialogTrigger,
  Field,
  Textarea,
} from '@fluentui/react-components';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { useNavigate } from 'react-router';
import { api, given } from '../../api/client';
import type { Flow } from '../../api/shape';
import { Fault } from '../../parts/Fault';
import { useText } from '../../text';

function isJson(body: string): boolean {
  try {
    JSON.parse(body);
    return true;
  } catch {
    return body.trim() === '';
  }
}

/** Starts a flow by its Request trigger, and goes to the run. */
export function RunNow({ environment, flow }: { environment: string; flow: Flow }) {
  const text = useText();
  const navigate = useNavigate();
  const [typed, setTyped] = useState('');
  const isGood = isJson(typed);
  const start = useMutation({
    mutationFn: async () => {
      const body = typed.trim() ? { body: JSON.parse(typed) as unknown } : {};
      const params = { path: { name: flow.name }, query: { environment } };
      return given(await api.POST('/flows/{name}/run', { params, body }));
    },
    onSuccess: async ({ run }) => {
      if (run) await navigate(`/runs/${run}`);
    },
  });
  return (
    <Dialog>
      <DialogTrigger disableButtonEnhancement>
        <Button appearance="primary">{text.flow.start}</Button>
      </DialogTrigger>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{text.flow.startTitle(flow.displayName)}</DialogTitle>
          <DialogContent>
            <Field label={text.flow.body} validationMessage={isGood ? null : text.flow.notJson}>
              <Textarea
                value={typed}
                rows={6}
                spellCheck={false}
                onChange={(_, { value }) => {
                  setTyped(value);
                }}
              />
            </Field>
            <Fault error={start.error} />
          </DialogContent>
          <DialogActions>
            <DialogTrigger disableButtonEnhancement>
              <Button>{text.common.cancel}</Button>
            </DialogTrigger>
            <Button
              appearance="primary"
              disabledFocusable={!isGood || start.isPending}
              onClick={() => {
                start.mutate();
              }}
            >
              {text.flow.start}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
