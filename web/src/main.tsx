import { createDOMRenderer, RendererProvider } from '@fluentui/react-components';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Refused } from './api/client';
import { App } from './shell/App';

// The number that the page's policy lets style elements have.
const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce ?? '';
const renderer = createDOMRenderer(document, { styleElementAttributes: { nonce } });

const root = document.getElementById('root');
if (root) {
  // What the server refuses is shown on the page; it is no fault of the script.
  const onCaughtError = (error: unknown) => {
    if (!(error instanceof Refused)) console.error(error);
  };
  createRoot(root, { onCaughtError }).render(
    <StrictMode>
      <RendererProvider renderer={renderer} targetDocument={document}>
        <App />
      </RendererProvider>
    </StrictMode>,
  );
}
