/** The result of the analysis `circuit-reuse`, and its schema. */
import { taskMetrics, type TaskMetric } from '../../../protocol/analysis/tasks';
import type { Schema } from '../../../protocol/schema/check';
import { count, figure, list, object, oneOf, optional, pair, text, whole } from '../../../protocol/schema/fields';
import type { HeadPlace } from '../../../protocol/sections/heads';
import { circuitField, type Circuit } from '../../shared/circuits/circuit';
import type { Baseline, Overlap } from '../../shared/circuits/overlap';
import { roles, type HeadRole } from '../../shared/circuits/roles';
import type { Level } from '../../shared/circuits/verdict';
import type { MoverAttention, Repair } from './repair';

/** One task: its circuit, and what both circuits keep of it on its held-out prompts. */
export interface Side {
  readonly task: string;
  readonly title: string;
  readonly metric: TaskMetric;
  readonly found: number;
  readonly held: number;
  readonly circuit: Circuit;
  readonly own: Level;
  readonly other: Level;
  /** Faithfulness of random circuits that are as large as the other one. */
  readonly chance?: { readonly mean: number; readonly largest: number; readonly share: number; readonly n: number };
  /** Of the heads of either circuit, on this task. */
  readonly roles: readonly HeadRole[];
}

interface ReuseFields {
  readonly first: Side;
  readonly second: Side;
  readonly overlap: readonly Overlap[];
  /** Heads of both circuits, and those of them that have the same role in both tasks (other than none). */
  readonly sameRole: { readonly shared: number; readonly same: number };
  readonly repair?: Repair;
}

export interface ReuseResult extends ReuseFields, Readonly<Record<string, unknown>> {}

/** The same without the index signature, which hides the names. */
type Named = Pick<ReuseFields, keyof ReuseFields>;

const level: Schema<Level> = object<Level>({
  mean: figure,
  low: figure,
  high: figure,
  share: figure,
  shareLow: figure,
  shareHigh: figure,
});
const chance = object<NonNullable<Side['chance']>>({ mean: figure, largest: figure, share: figure, n: count });
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
const side: Schema<Side> = object<Side>({
  task: text,
  title: text,
  metric: oneOf(taskMetrics),
  found: count,
  held: count,
  circuit: circuitField,
  own: level,
  other: level,
  chance: optional(chance),
  roles: list(role),
});
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

export const reuseResult: Schema<ReuseResult> = object<Named>({
  first: side,
  second: side,
  overlap: list(overlap),
  sameRole: object<Named['sameRole']>({ shared: whole, same: whole }),
  repair: optional(
    object<Repair>({
      heads: list(object<HeadPlace>({ layer: whole, head: whole })),
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
