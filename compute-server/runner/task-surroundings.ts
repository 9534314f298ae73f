/** What tasks are read with in the compute server. */
import { setImmediate } from 'node:timers/promises';
import type { TaskSurroundings } from '../../diagnostics/tasks/read-task';
import type { TaskCode } from '../../diagnostics/tasks/task-code';
import { FailureError } from '../../protocol/wire/failures';
import { textFile } from './files';

/** Milliseconds of drawing without a look at the messages that came. */
const longestStretch = 50;

/** `code`: the task file that is named, opened. */
export function taskSurroundings(signal: AbortSignal, code?: TaskCode): TaskSurroundings {
  let since = performance.now();
  return {
    textFile,
    ...(code ? { code } : {}),
    async pause() {
      if (performance.now() - since < longestStretch) return;
      await setImmediate();
      if (signal.aborted) throw new FailureError({ code: 'cancelled' });
      since = performance.now();
    },
  };
}
