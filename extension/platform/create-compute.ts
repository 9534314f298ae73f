import * as vscode from 'vscode';
import { Compute } from './compute';
import { startComputeProcess } from './compute-process';
import type { Log } from './log';
import type { Named } from './long-jobs';
import { onSettingChange, setting } from './settings';
import { mayRun } from './trust';

/** The compute server with this window's settings; read anew at each start of the process. */
export function createCompute(context: vscode.ExtensionContext, log: Log, named: Named): vscode.Disposable & Compute {
  const module = context.asAbsolutePath('dist/compute-server.js');
  const compute = new Compute({
    mayRun,
    log,
    named,
    start: () =>
      startComputeProcess({
        module,
        nodePath: setting('headscope.compute.nodePath'),
        runtimeFolder: setting('headscope.compute.runtimeFolder'),
        device: setting('headscope.compute.device'),
        weights: setting('headscope.compute.weights'),
        cacheWeights: setting('headscope.compute.cacheWeights'),
        threads: setting('headscope.compute.threads'),
        memoryLimit: setting('headscope.compute.memoryLimit'),
        deviceMemory: setting('headscope.compute.deviceMemory'),
        cacheFolder: vscode.Uri.joinPath(context.globalStorageUri, 'devices').fsPath,
        log: (line) => log.info(line),
      }),
  });
  context.subscriptions.push(
    onSettingChange(
      [
        'headscope.compute.nodePath',
        'headscope.compute.runtimeFolder',
        'headscope.compute.device',
        'headscope.compute.weights',
        'headscope.compute.cacheWeights',
        'headscope.compute.threads',
        'headscope.compute.memoryLimit',
        'headscope.compute.deviceMemory',
      ],
      () => compute.settingsChanged(),
    ),
  );
  return compute;
}
