/**
 * How the compute server is started as a child process. It is tested without VS Code.
 */
import { fork } from 'node:child_process';
import type { ForkOptions } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { serverEnvironment } from '../../protocol/compute/child-environment';
import type { ComputeProcess } from '../../protocol/compute/client';
import type { ToCompute } from '../../protocol/compute/api';
import type { WeightChoice } from '../../protocol/inputs/weights';
import { computingSeconds } from '../../protocol/wire/time-limit';

export interface ComputeLaunch {
  /** The bundle of the compute server. */
  readonly module: string;
  /** `headscope.compute.nodePath`; empty: the program that runs this process. */
  readonly nodePath: string;
  /** `headscope.compute.device`: where models run. */
  readonly device: string;
  /** `headscope.compute.weights`: how weights of models are held. */
  readonly weights: WeightChoice;
  /** `headscope.compute.cacheWeights`: GB (10^9 bytes) of quantised weights that are kept on the disk; 0: none. */
  readonly cacheWeights: number;
  /** `headscope.compute.runtimeFolder`; empty: the runtime that Headscope brings along. */
  readonly runtimeFolder: string;
  /** 0: as many as the runtime chooses. */
  readonly threads: number;
  /** GB (10^9 bytes); 0: from the memory that is free. */
  readonly memoryLimit: number;
  /** `headscope.compute.deviceMemory`: memory of devices; a number alone is in GB (10^9 bytes); empty or 0: what can be found out. */
  readonly deviceMemory: string;
  /** Folder for what is measured once per device. */
  readonly cacheFolder: string;
  /** A line the child wrote outside the protocol (native code writes to stderr). */
  readonly log: (line: string) => void;
}

/** True inside the desktop editor, whose program is Electron and acts as Node.js only when asked to. */
const inElectron = 'electron' in process.versions;

export function launchOptions(
  launch: ComputeLaunch,
  environment: NodeJS.ProcessEnv,
  electron = inElectron,
): ForkOptions {
  const env: NodeJS.ProcessEnv = { ...serverEnvironment, ...environment, HEADSCOPE_CACHE_DIR: launch.cacheFolder };
  // Options meant for the editor's own extension host (a debugger's port, a loader) would break or hold up the child.
  delete env['NODE_OPTIONS'];
  const set = ['RUNTIME', 'WEIGHTS', 'CACHE_WEIGHTS', 'THREADS', 'MEMORY_LIMIT', 'DEVICE_MEMORY'];
  for (const name of [...set.map((each) => `HEADSCOPE_${each}`), 'ELECTRON_RUN_AS_NODE']) delete env[name];
  env['HEADSCOPE_DEVICE'] = launch.device;
  if (launch.weights !== 'as-stored') env['HEADSCOPE_WEIGHTS'] = launch.weights;
  if (launch.cacheWeights > 0) env['HEADSCOPE_CACHE_WEIGHTS'] = String(Math.round(launch.cacheWeights * 1e9));
  if (launch.runtimeFolder !== '') env['HEADSCOPE_RUNTIME'] = launch.runtimeFolder;
  if (launch.threads > 0) env['HEADSCOPE_THREADS'] = String(launch.threads);
  if (launch.memoryLimit > 0) env['HEADSCOPE_MEMORY_LIMIT'] = String(Math.round(launch.memoryLimit * 1e9));
  const memory = Number(launch.deviceMemory);
  if (memory > 0) env['HEADSCOPE_DEVICE_MEMORY'] = String(Math.round(memory * 1e9));
  else if (Number.isNaN(memory)) env['HEADSCOPE_DEVICE_MEMORY'] = launch.deviceMemory;
  if (electron && launch.nodePath === '') {
    env['ELECTRON_RUN_AS_NODE'] = '1';
    env['ELECTRON_NO_ASAR'] = '1';
  }
  return {
    ...(launch.nodePath === '' ? {} : { execPath: launch.nodePath }),
    env,
    execArgv: [],
    // Tensors stay binary: 1 MiB of float32 there and back costs 16 ms, and 1160 ms as JSON (measured, Node 20).
    serialization: 'advanced',
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  };
}

/** Why the process is gone, as a clause that the words of `compute-restarted` and `compute-unavailable` take up. */
export function exitReason(code: number | null, signal: NodeJS.Signals | null, nodePath: string): string {
  if (signal === 'SIGTRAP' && nodePath === '') {
    return "it was ended by SIGTRAP, because the editor's allocator refuses very large blocks (set headscope.compute.nodePath to a Node.js program, or choose a shorter length)";
  }
  if (signal === 'SIGKILL') {
    return 'it was killed by the system (SIGKILL), which happens when memory runs out (choose a shorter length or fewer heads)';
  }
  if (signal !== null) return `it was ended by ${signal}, and the log has what it wrote last`;
  return `it ended with exit code ${code ?? 'unknown'}, and the log has what it wrote last`;
}

const isFile = (path: string): boolean => {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
};

/** What is missing before anything can be started, as a clause. */
export function obstacle(launch: ComputeLaunch): string | undefined {
  if (!isFile(launch.module)) return `its program is not at ${launch.module} (install Headscope again)`;
  if (launch.nodePath !== '' && !isFile(launch.nodePath)) {
    return `headscope.compute.nodePath names ${launch.nodePath}, which is not a file (correct the setting or empty it)`;
  }
  return undefined;
}

/** A process that never was: it says at once why. */
const unstartable = (why: string): ComputeProcess => ({
  send: () => undefined,
  onMessage: () => undefined,
  onExit: (listener) => queueMicrotask(() => listener(why)),
  kill: () => undefined,
});

export function startComputeProcess(launch: ComputeLaunch): ComputeProcess {
  const missing = obstacle(launch);
  if (missing !== undefined) return unstartable(missing);
  const child = fork(launch.module, [], launchOptions(launch, process.env));
  const exitListeners: ((why: string) => void)[] = [];
  let gone: string | undefined;
  const end = (why: string): void => {
    if (gone !== undefined) return;
    gone = why;
    for (const listener of exitListeners) listener(why);
  };
  child.on('exit', (code, signal) => end(exitReason(code, signal, launch.nodePath)));
  child.on('error', (error) => {
    // A failed send is followed by `exit`; a program that cannot be started is not.
    if (child.pid === undefined) end(`its program cannot be run (${error.message})`);
    else launch.log(error.message);
  });
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.setEncoding('utf8');
    stream?.on('data', (text: string) => {
      const lines = (rest + text).split(/\r?\n/);
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') launch.log(line);
    });
    stream?.on('close', () => {
      if (rest !== '') launch.log(rest);
    });
  }
  return {
    send(message: ToCompute) {
      if (child.connected) child.send(message);
    },
    onMessage(listener) {
      child.on('message', listener);
    },
    onExit(listener) {
      if (gone === undefined) exitListeners.push(listener);
      else listener(gone);
    },
    kill() {
      child.kill('SIGKILL');
    },
    computed: () =>
      computingSeconds(child.pid, { platform: process.platform, read: (file) => readFileSync(file, 'utf8') }),
  };
}
