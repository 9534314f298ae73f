import type { ChildProcess } from 'node:child_process';
import { fork, spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type {
  Diagnostic,
  InitializeResult,
  MessageConnection,
  PublishDiagnosticsParams,
} from 'vscode-languageserver-protocol/node';
import {
  createMessageConnection,
  IPCMessageReader,
  IPCMessageWriter,
  StreamMessageReader,
  StreamMessageWriter,
} from 'vscode-languageserver-protocol/node';
import { bundleLanguageServer } from '../compute/support/bundle';

export interface EditorOptions {
  readonly transport?: 'ipc' | 'stdio';
  /** What the editor answers to workspace/configuration; absent: it does not support it. */
  readonly configuration?: () => unknown;
  readonly initializationOptions?: unknown;
  /** A bundle to run in place of one that is made for the tests. */
  readonly server?: string;
  /** Options of node, as the extension gives them. */
  readonly nodeOptions?: readonly string[];
}

/** A small editor: it opens and changes documents and waits for what the server says of them. */
export class Editor {
  readonly logs: string[] = [];
  readonly registered: string[] = [];
  private readonly published: PublishDiagnosticsParams[] = [];
  private waiting: (() => void)[] = [];
  private greeting: InitializeResult | undefined;

  private constructor(
    readonly child: ChildProcess,
    readonly connection: MessageConnection,
  ) {}

  static async start({
    transport = 'stdio',
    configuration,
    initializationOptions,
    server,
    nodeOptions = [],
  }: EditorOptions = {}): Promise<Editor> {
    const main = resolve(server ?? (await bundleLanguageServer()));
    const execArgv = [...nodeOptions];
    const child =
      transport === 'ipc'
        ? fork(main, ['--node-ipc'], { execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
        : spawn(process.execPath, [...execArgv, main, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    const connection =
      transport === 'ipc'
        ? createMessageConnection(new IPCMessageReader(child), new IPCMessageWriter(child))
        : createMessageConnection(new StreamMessageReader(child.stdout!), new StreamMessageWriter(child.stdin!));
    const editor = new Editor(child, connection);
    connection.onNotification('textDocument/publishDiagnostics', (params: PublishDiagnosticsParams) =>
      editor.take(params),
    );
    connection.onNotification('window/logMessage', ({ message }: { message: string }) => {
      editor.logs.push(message);
    });
    connection.onRequest('client/registerCapability', ({ registrations }: { registrations: { method: string }[] }) => {
      editor.registered.push(...registrations.map(({ method }) => method));
      return null;
    });
    connection.onRequest('workspace/configuration', ({ items }: { items: unknown[] }) =>
      items.map(() => configuration?.() ?? null),
    );
    connection.onRequest('workspace/inlayHint/refresh', () => null);
    connection.onRequest('workspace/codeLens/refresh', () => null);
    connection.listen();
    editor.greeting = await connection.sendRequest<InitializeResult>('initialize', {
      processId: process.pid,
      rootUri: null,
      initializationOptions,
      capabilities: {
        workspace: {
          ...(configuration === undefined
            ? {}
            : { configuration: true, didChangeConfiguration: { dynamicRegistration: true } }),
          didChangeWatchedFiles: { dynamicRegistration: true },
        },
      },
    });
    await connection.sendNotification('initialized', {});
    return editor;
  }

  get initialized(): InitializeResult {
    if (this.greeting === undefined) throw new Error('the server has not greeted yet');
    return this.greeting;
  }

  open(uri: string, text: string, version = 1): Promise<void> {
    return this.connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'json', version, text },
    });
  }

  change(uri: string, text: string, version: number): Promise<void> {
    return this.connection.sendNotification('textDocument/didChange', {
      textDocument: { uri, version },
      contentChanges: [{ text }],
    });
  }

  close(uri: string): Promise<void> {
    return this.connection.sendNotification('textDocument/didClose', { textDocument: { uri } });
  }

  changedOnDisk(uri: string): Promise<void> {
    return this.connection.sendNotification('workspace/didChangeWatchedFiles', { changes: [{ uri, type: 2 }] });
  }

  request<T>(method: string, params: unknown): Promise<T> {
    return this.connection.sendRequest(method, params);
  }

  /** All reports so far about a file. */
  reports(uri: string): readonly PublishDiagnosticsParams[] {
    return this.published.filter((params) => params.uri === uri);
  }

  /** The next report, from now or from `after`, that fulfils the wish. */
  async report(
    uri: string,
    wish: (diagnostics: readonly Diagnostic[], version: number | undefined) => boolean,
    after = 0,
  ): Promise<PublishDiagnosticsParams> {
    for (;;) {
      const found = this.reports(uri)
        .slice(after)
        .find(({ diagnostics, version }) => wish(diagnostics, version));
      if (found !== undefined) return found;
      await new Promise<void>((heard) => this.waiting.push(heard));
    }
  }

  async stop(): Promise<number | null> {
    const ended = new Promise<number | null>((heard) => this.child.once('exit', heard));
    await this.connection.sendRequest('shutdown');
    await this.connection.sendNotification('exit');
    const code = await ended;
    this.connection.dispose();
    return code;
  }

  private take(params: PublishDiagnosticsParams): void {
    this.published.push(params);
    const heard = this.waiting;
    this.waiting = [];
    heard.forEach((go) => go());
  }
}

export const codes = (diagnostics: readonly Diagnostic[]): readonly string[] =>
  diagnostics.map(({ code }) => String(code));

/** LSP 3.18 allows formatted messages; this server writes plain ones. */
export const messageOf = (diagnostic: Diagnostic | undefined): string =>
  typeof diagnostic?.message === 'string' ? diagnostic.message : '';
