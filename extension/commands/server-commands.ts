import * as vscode from 'vscode';
import { settings } from '../../protocol/contributions/settings';
import type { Compute } from '../platform/compute';
import type { Language } from '../platform/language';
import type { Log } from '../platform/log';
import { setting, updateSetting } from '../platform/settings';
import { statusNow } from '../views/status-bar';
import { showStatusPick } from '../views/status-pick';
import type { Handlers } from './register';

type ServerCommand =
  | 'headscope.restartCompute'
  | 'headscope.restartLanguageServer'
  | 'headscope.showLog'
  | 'headscope.showStatus'
  | 'headscope.setRuleSeverity';

export function serverCommands(compute: Compute, language: Language, log: Log): Pick<Handlers, ServerCommand> {
  return {
    'headscope.restartCompute': async () => {
      compute.restart();
      // Proves that the new process answers.
      await compute.info();
      vscode.window.setStatusBarMessage('Headscope: the compute server was restarted.', 4000);
    },
    'headscope.restartLanguageServer': async () => {
      await language.restart();
      vscode.window.setStatusBarMessage('Headscope: the language server was restarted.', 4000);
    },
    'headscope.showLog': () => log.show(),
    'headscope.showStatus': () => showStatus(compute),
    'headscope.setRuleSeverity': (code, severity) => setRuleSeverity(code, severity),
  };
}

function showStatus(compute: Compute): Promise<void> {
  const device = setting('headscope.compute.device');
  const run = (id: string, ...args: readonly unknown[]) => vscode.commands.executeCommand(id, ...args);
  return showStatusPick(compute.queue, () => statusNow(compute).spoken, [
    { label: '$(chip) Devices…', description: device, act: () => run('headscope.devices.show') },
    { label: '$(graph-line) Benchmark attention kernels', act: () => run('headscope.benchmarkKernels') },
    { label: '$(eye) Show head patterns', act: () => run('headscope.showHeads') },
    { label: '$(debug-restart) Restart the compute server', act: () => run('headscope.restartCompute') },
    { label: '$(output) Show the log', act: () => run('headscope.showLog') },
    {
      label: '$(settings-gear) Settings',
      act: () => run('workbench.action.openSettings', 'headscope.compute'),
    },
  ]);
}

/** Asked for by the quick fix that silences a rule: the workspace remembers it, or the person when no folder is open. */
async function setRuleSeverity(code: unknown, severity: unknown): Promise<void> {
  const options = settings['headscope.diagnostics.severity'].options;
  if (typeof code !== 'string' || typeof severity !== 'string' || !Object.hasOwn(options, severity)) {
    await vscode.commands.executeCommand('workbench.action.openSettings', 'headscope.diagnostics.severity');
    return;
  }
  const before = setting('headscope.diagnostics.severity');
  const target =
    vscode.workspace.workspaceFolders === undefined
      ? vscode.ConfigurationTarget.Global
      : vscode.ConfigurationTarget.Workspace;
  await updateSetting(
    'headscope.diagnostics.severity',
    { ...before, [code]: severity as keyof typeof options },
    target,
  );
}
