/** Every task: one line each. `docs/tasks.md` has a row for each, and `test/unit/diagnostics/tasks` runs its laws on all of them. */
import type { Task } from './task';
import { capitals } from './capitals';
import { colouredObjects } from './coloured-objects';
import { docstring } from './docstring';
import { greaterThan } from './greater-than';
import { indirectObject } from './indirect-object';
import { induction } from './induction';
import { keyValue } from './key-value';
import { multipleChoice } from './multiple-choice';
import { needleGrid } from './needle-grid';
import { passkey } from './passkey';

export const tasks: readonly Task[] = [
  indirectObject,
  colouredObjects,
  greaterThan,
  docstring,
  multipleChoice,
  capitals,
  induction,
  keyValue,
  passkey,
  needleGrid,
];
