import { failureOf } from '../dispatch/dispatcher';
import type { Task, TaskReply } from './task-process';

/** Waits for the argument, runs the task, answers and ends the process. */
export function serveTask<Argument>(task: Task<Argument, unknown>): void {
  process.once('disconnect', () => process.exit(1));
  process.once('message', (argument) => {
    // runInProcess, which sends the argument, has checked its type.
    void task
      .run(argument as Argument)
      .then(
        (ok): TaskReply => ({ ok }),
        (error): TaskReply => ({ failure: failureOf(error) }),
      )
      .then((reply) => process.send?.(reply, undefined, {}, () => process.exit(0)));
  });
}
