import { Field } from '@fluentui/react-components';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { api, given, Refused } from '../api/client';
import { Fault } from '../parts/Fault';
import { Page as Frame } from '../parts/Page';
import { useEnvironment } from '../shell/environment';
import { useText } from '../text';
import { ImportPlan } from './import/ImportPlan';

/** Bytes that the server takes. */
const PACKAGE_BYTES_MAX = 24 * 1024 * 1024;

export function Page() {
  const text = useText();
  const environment = useEnvironment();
  const [file, setFile] = useState<File>();
  const inspect = useMutation({
    mutationFn: async (chosen: File) => {
      if (chosen.size > PACKAGE_BYTES_MAX) throw new Refused(413, 'TooLarge', text.import.tooLarge);
      const params = { query: { environment } };
      const bodySerializer = (body: unknown) => body as BodyInit;
      const headers = { 'Content-Type': 'application/zip' };
      // The contract says text for bytes.
      const body = chosen as unknown as string;
      return given(await api.POST('/packages/inspect', { params, body, bodySerializer, headers }));
    },
  });
  return (
    <Frame title={text.import.title}>
      <p>{text.import.text}</p>
      <Field label={text.import.choose}>
        {(props) => (
          <input
            {...props}
            type="file"
            accept=".zip,application/zip"
            onChange={({ target }) => {
              const chosen = target.files?.[0];
              if (!chosen) return;
              setFile(chosen);
              inspect.mutate(chosen);
            }}
          />
        )}
      </Field>
      <div role="status">{inspect.isPending && text.import.reading}</div>
      <Fault error={inspect.error} />
      {file && inspect.data && <ImportPlan environment={environment} file={file} content={inspect.data} />}
    </Frame>
  );
}
