/** The thread in which a model folder's tokenizer and template run; text-thread.ts starts and ends it. */
import { readlinkSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { limitJoinedLists } from './joined-lists';
import { faultOf, TextLibrary, type TextCall, type TextFiles } from './text-library';

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
