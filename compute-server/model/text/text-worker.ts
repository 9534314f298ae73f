/** The thread in which a model folder's tokenizer and template run; text-thread.ts starts and ends it. */
import { TextFault, faultOf, TextLibrary, type TextCall, type TextFiles } from './text-library';
import { readlinkSync } from 'node:fs';
import { workerData, type MessagePort } from 'node:worker_threads';

/** Items that lists may have when they are joined: more than the messages of any chat and the tokens of any text here. */
const mostJoined = 2 ** 22;

/**
 * Only for the thread of texts. A template that doubles a list asks for half of the heap in one step; V8 then ends the whole
 * process and not the thread ("Reached heap limit", node 20.20, seen on 2026-11-27 and 2026-11-28).
 */
function limitJoinedLists(): void {
  const join = Array.prototype.concat as (this: readonly unknown[], ...more: unknown[]) => unknown[];
  Object.defineProperty(Array.prototype, 'concat', {
    configurable: true,
    writable: true,
    value: function concat(this: readonly unknown[], ...more: unknown[]): unknown[] {
      const items = more.reduce<number>((total, one) => total + (Array.isArray(one) ? one.length : 1), this.length);
      if (items > mostJoined)
        throw new TextFault(`a list grows to more than ${mostJoined.toLocaleString('en-US')} items`);
      return join.apply(this, more);
    },
  });
}

export interface TextWorkerData {
  readonly port: MessagePort;
  /**
   * Two numbers. The first is 0 while the caller waits, 1 when the answer is in the port; the second is the number that the
   * system has given to this thread, 0 where it is not known.
   */
  readonly flag: Int32Array;
  readonly files: TextFiles;
}

export type TextAnswer = { readonly ok: string | readonly number[] | readonly string[] } | { readonly fault: string };

const { port, flag, files } = workerData as TextWorkerData;
let library: TextLibrary | undefined;
limitJoinedLists();
Atomics.store(flag, 1, ownNumber());

/** The link in /proc is that of the thread which reads it: `71/task/78`. */
function ownNumber(): number {
  if (process.platform !== 'linux') return 0;
  try {
    return Number(/\d+$/.exec(readlinkSync('/proc/thread-self'))?.[0] ?? 0);
  } catch {
    return 0;
  }
}

const wake = (): void => {
  Atomics.store(flag, 0, 1);
  Atomics.notify(flag, 0);
};

port.on('message', (call: TextCall) => {
  let answer: TextAnswer;
  try {
    library ??= new TextLibrary(files);
    answer = { ok: library.answer(call) };
  } catch (error) {
    answer = { fault: faultOf(error) };
  }
  port.postMessage(answer);
  wake();
});
wake();
