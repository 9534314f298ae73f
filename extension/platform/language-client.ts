/** Makes and starts the client of the language server; bundled apart, because vscode-languageclient is large. */
import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, TransportKind } from 'vscode-languageclient/node';
import type { Log } from './log';

export async function startLanguageClient(module: string, log: Log): Promise<LanguageClient> {
  // Small young generation: a megabyte config leaves a third less memory resident (measured 2026-11, node 24).
  const execArgv = ['--max-semi-space-size=4'];
  const run = { module, transport: TransportKind.ipc, options: { execArgv } };
  const client = new LanguageClient(
    'headscope',
    'Headscope',
    { run, debug: { ...run, options: { execArgv: [...execArgv, '--nolazy', '--inspect=6011'] } } },
    {
      documentSelector: [{ language: 'json' }, { language: 'jsonc', pattern: '**/*.json' }],
      synchronize: { configurationSection: 'headscope' },
      initializationOptions: { settings: vscode.workspace.getConfiguration('headscope') },
      outputChannel: log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      // Hovers hold words of model files: no command, no HTML.
      markdown: { isTrusted: false, supportHtml: false },
      progressOnInitialization: false,
    },
  );
  await client.start();
  return client;
}
