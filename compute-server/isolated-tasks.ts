/** What runs in a process of its own; main.ts starts it when it sees the flag, isolated.ts calls it. */
import { selfTest } from './devices/self-test';
import { measureRoof } from './devices/roof';
import { measurePeak } from './harness/peak-memory';

export const isolatedTasks = { selfTest, measureRoof, measurePeak };

export type IsolatedTasks = typeof isolatedTasks;
export type TaskName = keyof IsolatedTasks;

export const isTaskName = (name: string | undefined): name is TaskName =>
  name !== undefined && Object.hasOwn(isolatedTasks, name);
