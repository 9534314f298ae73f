/** The result of the analysis `head-subspace`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { count, figure, flag, list, object, oneOf, texts, triple, whole } from '../../../protocol/schema/fields';
import { mutations } from '../../shared/choices/layout';
import { bases } from './subspace';
import { inputs, items } from './vectors';
import { measuredMean } from '../../shared/statistics/proportion';

/** Nats. */
export const leastLowered = 0.01;

export const compressions = [...inputs, 'all'] as const;
export type Compression = (typeof compressions)[number];

/** Loss among the labels in nats, and share of prompts whose right label has the largest logit of them. */
const answers = object({ loss: measuredMean, accuracy: measuredMean });
export type Answers = Output<typeof answers>;

/** On the prompts of the fit, and on those held out. */
const both = object({ fit: answers, held: answers });
export type Both = Output<typeof both>;

/** Where a vector stands along the first three directions, and of which label it is. */
const point = object({ label: whole, at: triple(figure, 'three coordinates') });
export type Point = Output<typeof point>;

const points = list(point, 'a list of points');

const compressed = object({ input: oneOf(compressions), rank: whole, kept: figure, fit: answers, held: answers });
export type Compressed = Output<typeof compressed>;

const kept = object({
  /**
   * (loss with the mean output - loss) / (loss with the mean output - loss of the whole head), held-out means: 1 as the whole head, 0
   * as without; NaN where the head lowers the loss by less than `leastLowered`.
   */
  kept: figure,
  fit: answers,
  held: answers,
});
export type Kept = Output<typeof kept>;

const mutationRow = object({
  mutation: oneOf(mutations),
  prompts: whole,
  full: answers,
  /** By what is compressed, with the directions found on usual prompts. */
  compressed: object({ query: answers, key: answers, value: answers, all: answers }),
  ablated: answers,
  /** Mean attention to the right item, whole and with everything compressed. */
  attention: figure,
  attentionCompressed: figure,
  /** Query replaced by the mean query of another place n: mean attention to the n-th item before and after. */
  before: measuredMean,
  after: measuredMean,
  /** After: mean attention to the item with the usual letter of place n; NaN where it is not in the list. */
  letter: figure,
  /** After: share of prompts in which the n-th item has the most attention of the items, and in which its label is the answer. */
  largest: measuredMean,
  answered: measuredMean,
});
export type MutationRow = Output<typeof mutationRow>;

export const subspaceResult = object({
  head: object({ layer: whole, head: whole }),
  /** Whether a person named it; else it has the largest direct effect. */
  named: flag,
  /**
   * On the prompts of the fit: the mean direct effect on the right label, in logits, and the attention to all labels and all
   * options.
   */
  direct: figure,
  onLabels: figure,
  onOptions: figure,
  /** Where keys and values are looked at; attention below is to one of these. */
  at: oneOf(items),
  labels: texts,
  notes: texts,
  basis: oneOf(bases),
  rank: count,
  /** Prompts that the directions were found on, and held-out ones. */
  fit: count,
  held: count,
  /** Query heads that read the same keys and values, this one counted. */
  sharing: count,
  chance: object({ accuracy: figure, loss: figure }),
  full: both,
  ablated: both,
  values: object({ query: list(figure), key: list(figure), value: list(figure) }),
  points: object({ query: points, key: points, value: points }),
  compressed: list(compressed),
  /** Query, keys and values in random directions, `rank` of them, by draw. */
  random: list(kept),
  mutations: list(mutationRow),
});
export type SubspaceResult = Output<typeof subspaceResult>;
