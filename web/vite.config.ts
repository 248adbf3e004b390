import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin } from 'vite';

// Files are compressed once, here, and never by the server.
const COMPRESSED = /\.(js|css|svg)$/;

function compressed(): Plugin {
  return {
    name: 'compressed',
    apply: 'build',
    async writeBundle({ dir = '' }, bundle) {
      for (const path of Object.keys(bundle).filter((name) => COMPRESSED.test(name))) {
        const bytes = await readFile(join(dir, path));
        const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        await writeFile(join(dir, `${path}.br`), brotliCompressSync(bytes, { params }));
        await writeFile(join(dir, `${path}.gz`), gzipSync(bytes, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  base: '/console/',
  plugins: [react(), compressed()],
  // The server puts a number in its place that is good for one answer.
  html: { cspNonce: '__CONSOLE_NONCE__' },
  // While somebody writes: calls and pages of signing in are those of a server beside it.
  server: {
    proxy: Object.fromEntries(
      ['/api', '/account', '/console/sign-in', '/console/sign-out'].map((path) => [path, 'http://127.0.0.1:8484']),
    ),
  },
  resolve: {
    // Its form for browsers has them parse markup, which the policy of the page forbids.
    alias: {
      'decode-named-character-reference': fileURLToPath(
        new URL('node_modules/decode-named-character-reference/index.js', import.meta.url),
      ),
    },
  },
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    // What is small stays a file: the policy of the page allows no script in addresses.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1024,
  },
});
