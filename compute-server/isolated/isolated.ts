/**
 * Runs one task in a short-lived process of its own: where a native abort must not take the server along (probing a device),
 * and where the process itself is what is measured (peak memory).
 */
import { fork } from 'node:child_process';
import { FailureError } from '../../protocol/wire/failures';
import type { Failure } from '../../protocol/wire/failures';
import { exitInWords } from './exit-words';
import type { IsolatedTasks, TaskName } from '../isolated-tasks';

/** The flag by which main.ts knows that it runs one task; followed by the task's name. */
export const isolatedFlag = '--isolated';

export type IsolatedReply = { readonly ok: unknown } | { readonly failure: Failure };

export interface IsolatedOptions {
  /** The compute server's own script. */
  readonly entry: string;
  readonly signal?: AbortSignal;
  /**
   * Milliseconds after which the process is killed. By the clock: these tasks keep all processors busy, or wait for a driver, so
   * that their computing time says little. It is some hundred times what they need on an idle machine.
   */
  readonly timeout: number;
}

export function runIsolated<T extends TaskName>(
  name: T,
  argument: Parameters<IsolatedTasks[T]>[0],
  options: IsolatedOptions,
): Promise<Awaited<ReturnType<IsolatedTasks[T]>>> {
  return new Promise((resolve, reject) => {
    const fail = (failure: Failure) => reject(new FailureError(failure));
    if (options.signal?.aborted) return fail({ code: 'cancelled' });
    const child = fork(options.entry, [isolatedFlag, name], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-2000)));
    let stopped: Failure | undefined;
    const stop = (failure: Failure) => {
      stopped ??= failure;
      child.kill('SIGKILL');
    };
    const clock = setTimeout(
      () => stop({ code: 'runtime-failed', detail: `it did not end within ${options.timeout / 1000} s` }),
      options.timeout,
    );
    const cancel = () => stop({ code: 'cancelled' });
    options.signal?.addEventListener('abort', cancel, { once: true });
    let reply: IsolatedReply | undefined;
    child.on('message', (message) => (reply = message as IsolatedReply));
    child.on('error', (error) => (stopped ??= { code: 'runtime-failed', detail: error.message }));
    // `close` rather than `exit`: the reply and the last words on stderr have arrived by then.
    child.on('close', (code, signal) => {
      clearTimeout(clock);
      options.signal?.removeEventListener('abort', cancel);
      if (stopped) return fail(stopped);
      if (reply && 'ok' in reply) return resolve(reply.ok as Awaited<ReturnType<IsolatedTasks[T]>>);
      if (reply) return fail(reply.failure);
      fail({ code: 'runtime-failed', detail: exitInWords(code, signal, errors) });
    });
    child.send(argument);
  });
}
