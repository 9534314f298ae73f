import type { Task } from '../../model-description';

/** What is on top of the stack, for the tensors of the head. */
export interface Top {
  readonly task: Task;
  readonly tied: boolean;
}
