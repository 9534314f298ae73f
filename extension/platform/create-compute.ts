import * as vscode from 'vscode';
import { jobsRoot } from '../../files/job-folder';
import { Compute, type ComputeServices } from './compute';
import { startComputeProcess, type ComputeLaunch } from './compute-process';
import { DetachedRuns } from './detached-runs';
import type { Log } from './log';
import type { Named } from './long-jobs';
import { onSettingChange, setting } from './settings';
import { mayRun } from './trust';

interface ComputeParts extends Pick<ComputeServices, 'withCode'> {
  readonly named: Named;
  /** Folders that are open in this window. */
  readonly workspace: () => readonly string[];
}

/** The compute server with this window's settings, read anew at each start of a process, and runs that outlast the window. */
export function createCompute(
  context: vscode.ExtensionContext,
  log: Log,
  { named, workspace, withCode }: ComputeParts,
): { readonly compute: Compute; readonly detached: DetachedRuns; readonly launch: () => ComputeLaunch } {
  const module = context.asAbsolutePath('dist/compute-server.js');
  const launch = (): ComputeLaunch => ({
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
  });
  const detached = new DetachedRuns({
    root: jobsRoot(process.env),
    workspace,
    launch,
  });
  const compute = new Compute({
    mayRun,
    log,
    named,
    detached,
    ...(withCode ? { withCode } : {}),
    start: () => startComputeProcess(launch()),
  });
  context.subscriptions.push(
    compute,
    detached,
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
  return { compute, detached, launch };
}
