/** What tasks are read with in the compute server. */
import { setImmediate } from 'node:timers/promises';
import type { TaskSurroundings } from '../../diagnostics/tasks/read-task';
import { FailureError } from '../../protocol/wire/failures';
import { textFile } from './files';

/** Milliseconds of drawing without a look at the messages that came. */
const longestStretch = 50;

export function taskSurroundings(signal: AbortSignal): TaskSurroundings {
  let since = performance.now();
  return {
    textFile,
    async pause() {
      if (performance.now() - since < longestStretch) return;
      await setImmediate();
      if (signal.aborted) throw new FailureError({ code: 'cancelled' });
      since = performance.now();
    },
  };
}
