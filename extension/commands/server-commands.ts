import * as vscode from 'vscode';
import { settings } from '../../protocol/contributions/settings';
import type { Compute } from '../platform/compute';
import type { Language } from '../platform/language';
import type { Log } from '../platform/log';
import { mayRun } from '../platform/trust';
import { setting, updateSetting } from '../platform/settings';
import { statusWords } from '../views/status-words';
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

async function showStatus(compute: Compute): Promise<void> {
  const device = setting('headscope.compute.device');
  const words = statusWords(compute.state, {
    device,
    threads: setting('headscope.compute.threads'),
    trusted: vscode.workspace.isTrusted,
  });
  const settingsOf = (query: string) => () => vscode.commands.executeCommand('workbench.action.openSettings', query);
  const run = (id: string) => () => vscode.commands.executeCommand(id);
  const choices = [
    ...(compute.state.kind === 'busy'
      ? [
          { label: '$(stop-circle) Cancel the benchmark', act: run('headscope.cancelBenchmark') },
          { label: '$(stop-circle) Cancel the run of the model', act: run('headscope.cancelHeads') },
        ]
      : []),
    { label: '$(graph-line) Benchmark attention kernels', act: run('headscope.benchmarkKernels') },
    { label: '$(eye) Show head patterns', act: run('headscope.showHeads') },
    { label: '$(chip) Choose the device', description: device, act: () => chooseDevice(compute) },
    { label: '$(debug-restart) Restart the compute server', act: run('headscope.restartCompute') },
    { label: '$(output) Show the log', act: run('headscope.showLog') },
    { label: '$(settings-gear) Settings', act: settingsOf('headscope.compute') },
  ];
  const choice = await vscode.window.showQuickPick(choices, { title: 'Headscope', placeHolder: words.spoken });
  await choice?.act();
}

async function chooseDevice(compute: Compute): Promise<void> {
  const may = mayRun();
  if (may !== true) throw new Error(may);
  const devices = await compute.devices();
  const choice = await vscode.window.showQuickPick(
    devices.map((device) => ({
      label: `$(${device.available ? 'pass' : 'circle-slash'}) ${device.id}`,
      description: device.available ? device.name : (device.reason ?? 'not available'),
      device,
    })),
    { title: 'Device on Which Kernels Run', placeHolder: 'A device that passed its self-test' },
  );
  if (choice === undefined) return;
  if (!choice.device.available) {
    throw new Error(
      `${choice.device.id} cannot be used here: ${choice.device.reason ?? 'it did not pass its self-test'}`,
    );
  }
  await updateSetting('headscope.compute.device', choice.device.id, vscode.ConfigurationTarget.Global);
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
