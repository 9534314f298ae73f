/** Makes and starts the client of the language server; bundled apart, because vscode-languageclient is large. */
import * as vscode from 'vscode';
import { LanguageClient, RevealOutputChannelOn, State, TransportKind } from 'vscode-languageclient/node';
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
      documentSelector: [
        { language: 'json' },
        { language: 'jsonc', pattern: '**/*.json' },
        { pattern: '**/*.headscope-sweep.{yaml,yml}' },
      ],
      synchronize: { configurationSection: 'headscope' },
      initializationOptions: { settings: vscode.workspace.getConfiguration('headscope') },
      outputChannel: log,
      revealOutputChannelOn: RevealOutputChannelOn.Never,
      // Hovers hold words of model files: no command, no HTML.
      markdown: { isTrusted: false, supportHtml: false },
      progressOnInitialization: false,
    },
  );
  askForLensesAgain(client);
  await client.start();
  return client;
}

/**
 * VS Code takes a request for lenses back when the text loses the focus before it was sent, and asks again when it has it once
 * more (1.101): on the first start the walkthrough takes it, and a config beside it had none. Told of a change, it asks at once.
 */
function askForLensesAgain(client: LanguageClient): void {
  const listener = vscode.window.onDidChangeActiveTextEditor(() => {
    const feature = client.getFeature('textDocument/codeLens');
    const providers = vscode.window.visibleTextEditors.map(({ document }) => feature.getProvider(document));
    for (const provider of new Set(providers)) provider?.onDidChangeCodeLensEmitter.fire();
  });
  client.onDidChangeState(({ newState }) => {
    if (newState === State.Stopped) listener.dispose();
  });
}
