/** Serves the panels' pages as the extension does: the same element, the same policy with a nonce, nothing from elsewhere. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { build } from 'esbuild';

const root = path.join(__dirname, '../../..');
const codicons = path.join(root, 'node_modules/@vscode/codicons/dist');

export interface PageServer {
  readonly url: (panel: string, place: string) => string;
  /** A page without a panel. */
  readonly resting: string;
  readonly close: () => Promise<void>;
}

/** Built as build/bundle.mjs builds it for the package, but in memory. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [`webviews/panels/main.ts`],
    bundle: true,
    write: false,
    minify: true,
    platform: 'browser',
    target: 'es2023',
    format: 'iife',
    define: { 'process.env.HEADSCOPE_VERSION': '"0.0.0"' },
  });
  return outputFiles[0]?.text ?? '';
}

export async function servePanels(): Promise<PageServer> {
  const script = await bundle();
  const server: Server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const send = (type: string, body: string | Buffer, headers: Record<string, string> = {}): void => {
      response.writeHead(200, { 'content-type': type, ...headers });
      response.end(body);
    };
    const [, panel = '', file] = url.pathname.split('/');
    // The same for the whole run: the browser keeps what it fetched, and the code that it compiled.
    const kept = { 'cache-control': 'max-age=86400' };
    if (file === 'codicon.css') return send('text/css', readFileSync(path.join(codicons, 'codicon.css')), kept);
    if (file === 'codicon.ttf') return send('font/ttf', readFileSync(path.join(codicons, 'codicon.ttf')), kept);
    if (url.pathname === '/panels.js') return send('text/javascript', script, kept);
    if (file === '') {
      const nonce = randomBytes(16).toString('base64');
      const origin = `http://${request.headers.host ?? ''}`;
      return send('text/html; charset=utf-8', shell(panel, url.searchParams.get('place') ?? 'full', nonce), {
        'content-security-policy': policy(origin, nonce),
      });
    }
    response.writeHead(url.pathname === '/favicon.ico' ? 204 : 404);
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (panel, place) => `http://127.0.0.1:${port}/${panel}/?place=${place}`,
    resting: `http://127.0.0.1:${port}/no-panel/codicon.css`,
    close: () =>
      new Promise((resolve, reject) => {
        server.closeAllConnections();
        server.close((error) => (error ? reject(error) : resolve()));
      }),
  };
}

const policy = (source: string, nonce: string): string =>
  `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${source} 'nonce-${nonce}'; font-src ${source}; img-src ${source} data: blob:`;

const shell = (panel: string, place: string, nonce: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="codicon.css" id="codicons">
<title>${panel}</title>
</head>
<body>
<div id="root" data-panel="${panel}" data-place="${place}" data-page="the page" data-nonce="${nonce}"></div>
<script nonce="${nonce}" src="../panels.js"></script>
</body>
</html>`;
