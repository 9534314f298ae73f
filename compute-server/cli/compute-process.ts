import { fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { ComputeClient } from '../../protocol/compute/client';
import type { ComputeClientOptions, ComputeProcess } from '../../protocol/compute/client';
import { serverEnvironment } from '../../protocol/compute/child-environment';
import { processorSeconds } from '../processes/processor-time';
import { exitInWords } from '../processes/exit-words';

/** The compute server's bundle, which is in the folder of the command line's own. */
export const serverScript = (): string => join(dirname(__filename), 'compute-server.js');

/** Starts the compute server as a child process. `apart`: it does not keep the process that started it alive. */
function forkServer(script: string, environment: NodeJS.ProcessEnv, apart = false): ComputeProcess {
  const child = fork(script, [], {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    env: { ...serverEnvironment, ...environment },
  });
  if (apart) {
    child.unref();
    child.channel?.unref();
    (child.stderr as Socket | null)?.unref();
  }
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
  return {
    // The callback takes the error of a process that has just gone; `close` reports it.
    send: (message) => child.send(message, () => {}),
    onMessage: (listener) => child.on('message', listener),
    onExit(listener) {
      child.on('error', (error) => listener(error.message));
      child.on('close', (code, signal) => listener(exitInWords(code, signal, errors)));
    },
    kill: () => child.kill('SIGKILL'),
    computed: () => processorSeconds(child.pid),
  };
}

/** For a client whose first call starts the process. */
export const clientOptions = (
  script: string,
  environment: NodeJS.ProcessEnv,
  { apart, ...options }: Omit<ComputeClientOptions, 'start' | 'after'> & { readonly apart?: boolean } = {},
): ComputeClientOptions => ({
  ...options,
  start: () => forkServer(script, environment, apart),
  after(milliseconds, act) {
    const timer = setTimeout(act, milliseconds);
    return () => clearTimeout(timer);
  },
});

/** A client of a compute server that is started by the first call. */
export const computeClient = (...given: Parameters<typeof clientOptions>): ComputeClient =>
  new ComputeClient(clientOptions(...given));
