/** The result of the analysis `circuit-reuse`, and its schema. */
import { overlap } from '../../shared/circuits/overlap';
import { role } from '../../shared/circuits/roles';
import { level } from '../../shared/circuits/verdict';
import { repair } from './repair';
import type { Output } from '../../../protocol/schema/check';
import { effectMetrics } from '../../../protocol/analysis/tasks';
import { count, figure, list, object, oneOf, optional, text, whole } from '../../../protocol/schema/fields';
import { circuitField } from '../../shared/circuits/circuit';

const chance = object({ mean: figure, largest: figure, share: figure, n: count });

/** One task: its circuit, and what both circuits keep of it on its held-out prompts. */
const side = object({
  task: text,
  title: text,
  metric: oneOf(effectMetrics),
  found: count,
  held: count,
  circuit: circuitField,
  own: level,
  other: level,
  /** Faithfulness of random circuits that are as large as the other one. */
  chance: optional(chance),
  /** The roles of the heads of either circuit on this task. */
  roles: list(role),
});
export type Side = Output<typeof side>;

export const reuseResult = object({
  first: side,
  second: side,
  overlap: list(overlap),
  /** Heads of both circuits, and those of them that have the same role in both tasks (other than none). */
  sameRole: object({ shared: whole, same: whole }),
  repair: optional(repair),
});
export type ReuseResult = Output<typeof reuseResult>;
