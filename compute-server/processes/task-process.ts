/**
 * Runs one task in a short-lived process of its own: where a native abort must not take the server along (probing a device),
 * and where the process itself is what is measured (peak memory).
 */
import { fork } from 'node:child_process';
import { FailureError } from '../../protocol/wire/failures';
import type { Failure } from '../../protocol/wire/failures';
import { exitInWords } from './exit-words';

/** What runs in a process of its own. Argument and result cross by structured clone. */
export interface Task<Argument, Result> {
  readonly name: string;
  readonly run: (argument: Argument) => Promise<Result>;
}

/** The flag by which main.ts knows that it runs one task; followed by the task's name. */
export const taskFlag = '--isolated';

export type TaskReply = { readonly ok: unknown } | { readonly failure: Failure };

export interface TaskOptions {
  /** The compute server's own script. */
  readonly entry: string;
  readonly signal?: AbortSignal;
  /**
   * Milliseconds after which the process is killed. By the clock: these tasks keep all processors busy, or wait for a driver, so
   * that their computing time says little. It is some hundred times what they need on an idle machine.
   */
  readonly timeout: number;
}

export function runInProcess<Argument extends object, Result>(
  { name }: Task<Argument, Result>,
  argument: Argument,
  options: TaskOptions,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const fail = (failure: Failure) => reject(new FailureError(failure));
    if (options.signal?.aborted) return fail({ code: 'cancelled' });
    const child = fork(options.entry, [taskFlag, name], {
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
    let reply: TaskReply | undefined;
    child.on('message', (message) => (reply = message as TaskReply));
    child.on('error', (error) => (stopped ??= { code: 'runtime-failed', detail: error.message }));
    // `close` rather than `exit`: the reply and the last words on stderr have arrived by then.
    child.on('close', (code, signal) => {
      clearTimeout(clock);
      options.signal?.removeEventListener('abort', cancel);
      if (stopped) return fail(stopped);
      if (reply && 'ok' in reply) return resolve(reply.ok as Result);
      if (reply) return fail(reply.failure);
      fail({ code: 'runtime-failed', detail: exitInWords(code, signal, errors) });
    });
    child.send(argument);
  });
}
