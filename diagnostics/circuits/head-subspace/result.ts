/** The result of the analysis `head-subspace`, and its schema. */
import type { Schema } from '../../../protocol/schema/check';
import {
  count,
  figure,
  flag,
  list,
  object,
  oneOf,
  record,
  texts,
  triple,
  whole,
} from '../../../protocol/schema/fields';
import type { HeadPlace } from '../../../protocol/sections/heads';
import { mutations, type Mutation } from '../../shared/choices/layout';
import type { Level } from '../multiple-choice/result';
import { bases, type Basis } from './subspace';
import { inputs, items, type Input, type Items } from './vectors';

/** Loss among the labels in nats, and share of prompts whose right label has the largest logit of them. */
export interface Answers {
  readonly loss: Level;
  readonly accuracy: Level;
}

/** On the prompts of the fit, and on those held out. */
export interface Both {
  readonly fit: Answers;
  readonly held: Answers;
}

/** Nats. */
export const leastLowered = 0.01;

export const compressions = [...inputs, 'all'] as const;
export type Compression = (typeof compressions)[number];

export interface Kept extends Both {
  /**
   * (loss with the mean output - loss) / (loss with the mean output - loss of the whole head), held-out means: 1 as the whole head, 0
   * as without; NaN where the head lowers the loss by less than `leastLowered`.
   */
  readonly kept: number;
}

export interface Compressed extends Kept {
  readonly input: Compression;
  readonly rank: number;
}

/** Where a vector stands along the first three directions, and of which label it is. */
export interface Point {
  readonly label: number;
  readonly at: readonly [number, number, number];
}

export interface MutationRow {
  readonly mutation: Mutation;
  readonly prompts: number;
  readonly full: Answers;
  /** By what is compressed, with the directions found on usual prompts. */
  readonly compressed: Readonly<Record<Compression, Answers>>;
  readonly ablated: Answers;
  /** Mean attention to the right item, whole and with everything compressed. */
  readonly attention: number;
  readonly attentionCompressed: number;
  /** Query replaced by the mean query of another place n: mean attention to the n-th item before and after. */
  readonly before: Level;
  readonly after: Level;
  /** After: mean attention to the item with the usual letter of place n; NaN where it is not in the list. */
  readonly letter: number;
  /** After: share of prompts in which the n-th item has the most attention of the items, and in which its label is the answer. */
  readonly largest: Level;
  readonly answered: Level;
}

interface SubspaceFields {
  readonly head: HeadPlace;
  /** Whether a person named it; else it has the largest direct effect. */
  readonly named: boolean;
  /** Of the prompts of the fit: mean direct effect on the right label, in logits, and attention to all labels and to all options. */
  readonly direct: number;
  readonly onLabels: number;
  readonly onOptions: number;
  /** Where keys and values are looked at; attention below is to one of these. */
  readonly at: Items;
  readonly labels: readonly string[];
  readonly notes: readonly string[];
  readonly basis: Basis;
  readonly rank: number;
  /** Prompts that the directions were found on, and held-out ones. */
  readonly fit: number;
  readonly held: number;
  /** Query heads that read the same keys and values, this one counted. */
  readonly sharing: number;
  readonly chance: { readonly accuracy: number; readonly loss: number };
  readonly full: Both;
  readonly ablated: Both;
  readonly values: Readonly<Record<Input, readonly number[]>>;
  readonly points: Readonly<Record<Input, readonly Point[]>>;
  readonly compressed: readonly Compressed[];
  /** Query, keys and values in random directions, `rank` of them, by draw. */
  readonly random: readonly Kept[];
  readonly mutations: readonly MutationRow[];
}

export interface SubspaceResult extends SubspaceFields, Readonly<Record<string, unknown>> {}
/** The same without the index signature, which hides the names. */
type Named = Pick<SubspaceFields, keyof SubspaceFields>;

const level: Schema<Level> = object<Level>({ mean: figure, low: figure, high: figure });
const answers: Schema<Answers> = object<Answers>({ loss: level, accuracy: level });
const both: Schema<Both> = object<Both>({ fit: answers, held: answers });
const points: Schema<readonly Point[]> = list(
  object<Point>({ label: whole, at: triple(figure, 'three coordinates') }),
  'a list of points',
);

export const subspaceResult: Schema<SubspaceResult> = object<Named>({
  head: object<HeadPlace>({ layer: whole, head: whole }),
  named: flag,
  direct: figure,
  onLabels: figure,
  onOptions: figure,
  at: oneOf(items),
  labels: texts,
  notes: texts,
  basis: oneOf(bases),
  rank: count,
  fit: count,
  held: count,
  sharing: count,
  chance: object<Named['chance']>({ accuracy: figure, loss: figure }),
  full: both,
  ablated: both,
  values: object<Named['values']>({ query: list(figure), key: list(figure), value: list(figure) }),
  points: object<Named['points']>({ query: points, key: points, value: points }),
  compressed: list(
    object<Compressed>({ input: oneOf(compressions), rank: whole, kept: figure, fit: answers, held: answers }),
  ),
  random: list(object<Kept>({ kept: figure, fit: answers, held: answers })),
  mutations: list(
    object<MutationRow>({
      mutation: oneOf(mutations),
      prompts: whole,
      full: answers,
      compressed: record(answers),
      ablated: answers,
      attention: figure,
      attentionCompressed: figure,
      before: level,
      after: level,
      letter: figure,
      largest: level,
      answered: level,
    }),
  ),
});
