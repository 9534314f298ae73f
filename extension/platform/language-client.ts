/** Makes and starts the client of the language server; bundled apart, because vscode-languageclient is large. */
import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, TransportKind } from 'vscode-languageclient/node';
import type { Log } from './log';

export async function startLanguageClient(module: string, log: Log): Promise<LanguageClient> {
  const run = { module, transport: TransportKind.ipc };
  const client = new LanguageClient(
    'headscope',
    'Headscope',
    { run, debug: { ...run, options: { execArgv: ['--nolazy', '--inspect=6011'] } } },
    {
      documentSelector: [{ language: 'json' }, { language: 'jsonc', pattern: '**/*.json' }],
      synchronize: { configurationSection: 'headscope' },
      initializationOptions: { settings: vscode.workspace.getConfiguration('headscope') },
      outputChannel: log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      markdown: { isTrusted: { enabledCommands: ['headscope.benchmarkConfig'] }, supportHtml: false },
      progressOnInitialization: false,
    },
  );
  await client.start();
  return client;
}
