/** The result of the analysis `circuit-reuse`, and its schema. */
import type { Output, Schema } from '../../../protocol/schema/check';
import { taskMetrics } from '../../../protocol/analysis/tasks';
import { count, figure, list, object, oneOf, optional, pair, text, whole } from '../../../protocol/schema/fields';
import { circuitField } from '../../shared/circuits/circuit';
import type { Baseline, Overlap } from '../../shared/circuits/overlap';
import { roles, type HeadRole } from '../../shared/circuits/roles';
import type { Level } from '../../shared/circuits/verdict';
import type { MoverAttention, Repair } from './repair';

const level: Schema<Level> = object<Level>({
  mean: figure,
  low: figure,
  high: figure,
  share: figure,
  shareLow: figure,
  shareHigh: figure,
});
const chance = object({ mean: figure, largest: figure, share: figure, n: count });
const role: Schema<HeadRole> = object<HeadRole>({
  layer: whole,
  head: whole,
  previous: figure,
  duplicate: figure,
  induction: figure,
  answers: figure,
  direct: figure,
  inhibition: figure,
  role: oneOf(roles),
});
/** One task: its circuit, and what both circuits keep of it on its held-out prompts. */
const side = object({
  task: text,
  title: text,
  metric: oneOf(taskMetrics),
  found: count,
  held: count,
  circuit: circuitField,
  own: level,
  other: level,
  /** Faithfulness of random circuits that are as large as the other one. */
  chance: optional(chance),
  /** Of the heads of either circuit, on this task. */
  roles: list(role),
});
export type Side = Output<typeof side>;

const baseline: Schema<Baseline> = object<Baseline>({ mean: figure, chance: figure });
const overlap: Schema<Overlap> = object<Overlap>({
  what: oneOf(['heads', 'mlps', 'edges']),
  first: whole,
  second: whole,
  shared: whole,
  ofEither: figure,
  ofFirst: figure,
  ofSecond: figure,
  anyHeads: optional(baseline),
  sameLayers: optional(baseline),
});
type Three = Repair['change'];
const three: Schema<Three> = object<Three>({ mean: figure, low: figure, high: figure });
const beforeAfter = pair(three, three, 'a level before and one after');

export const reuseResult = object({
  first: side,
  second: side,
  overlap: list(overlap),
  /** Heads of both circuits, and those of them that have the same role in both tasks (other than none). */
  sameRole: object({ shared: whole, same: whole }),
  repair: optional(
    object<Repair>({
      heads: list(object({ layer: whole, head: whole })),
      to: text,
      n: count,
      accuracy: beforeAfter,
      choice: beforeAfter,
      metric: beforeAfter,
      change: three,
      movers: optional(
        list(
          object<MoverAttention>({ layer: whole, head: whole, right: beforeAfter, wrong: beforeAfter, change: three }),
        ),
      ),
    }),
  ),
});
export type ReuseResult = Output<typeof reuseResult>;
