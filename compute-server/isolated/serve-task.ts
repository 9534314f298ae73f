import { failureOf } from '../dispatch/dispatcher';
import type { IsolatedReply } from './isolated';
import { isolatedTasks } from '../isolated-tasks';
import type { TaskName } from '../isolated-tasks';

/** Waits for the argument, runs the task, answers and ends the process. */
export function serveTask(name: TaskName): void {
  process.once('disconnect', () => process.exit(1));
  process.once('message', (argument) => {
    // The argument was typed where it was sent, by runIsolated.
    const task = isolatedTasks[name] as (argument: unknown) => Promise<unknown>;
    void task(argument)
      .then(
        (ok): IsolatedReply => ({ ok }),
        (error): IsolatedReply => ({ failure: failureOf(error) }),
      )
      .then((reply) => process.send?.(reply, undefined, {}, () => process.exit(0)));
  });
}
