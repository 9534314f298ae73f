/**
 * Watches what processes that load onnxruntime write and whom they call, without any traffic beyond this machine: each has an
 * empty home and temporary folder, and its calls go to a proxy on the loopback, which hears the name and refuses. The library
 * brings its own libcurl, which asks a proxy by name and looks up nothing itself. This needs no rights and no tool.
 */
import { EventEmitter, once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface Watched {
  /** Removed at the end; home and temporary folder lie in it. */
  readonly folder: string;
  /** The environment for the watched processes. */
  readonly environment: NodeJS.ProcessEnv;
  /** The first line of each request that reached the proxy. */
  readonly calls: readonly string[];
  /** Settles when so many requests have reached the proxy. */
  called(times: number): Promise<void>;
  /** What lies in the home and the temporary folder, relative to them. */
  written(): { readonly home: readonly string[]; readonly temporary: readonly string[] };
  remove(): void;
}

/** All that is taken over: the library is silent by itself where `CI` is set, which would make the control see nothing. */
const inherited = /^(PATH|SystemRoot|HEADSCOPE_.*)$/i;

export async function watched(more: NodeJS.ProcessEnv = {}): Promise<Watched> {
  const folder = mkdtempSync(path.join(tmpdir(), 'headscope-watched-'));
  const [home, temporary] = [path.join(folder, 'home'), path.join(folder, 'temporary')];
  mkdirSync(home);
  mkdirSync(temporary);
  const calls: string[] = [];
  const news = new EventEmitter();
  const proxy = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (bytes) => {
      calls.push(bytes.toString('latin1').split('\r\n')[0] ?? '');
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      news.emit('call');
    });
  });
  await new Promise<void>((done, fail) => proxy.once('error', fail).listen(0, '127.0.0.1', done));
  const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const kept = Object.entries(process.env).filter(([name]) => inherited.test(name));
  const entries = (place: string) => readdirSync(place, { recursive: true, encoding: 'utf8' }).sort();
  return {
    folder,
    environment: {
      ...Object.fromEntries(kept),
      HOME: home,
      TMPDIR: temporary,
      ...Object.fromEntries(
        ['http_proxy', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'].map((name) => [name, address]),
      ),
      ...more,
    },
    calls,
    async called(times) {
      while (calls.length < times) await once(news, 'call');
    },
    written: () => ({ home: entries(home), temporary: entries(temporary) }),
    remove() {
      proxy.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
