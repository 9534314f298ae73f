/** Heads of cross-attention of an encoder-decoder on a source and a target, and those of its encoder, as they are saved. */
import type { Output, Schema } from '../schema/check';
import { figure, list, mostItems, object, oneOf, optional, recordOf } from '../schema/fields';
import { mostHeads, mostHeadsInAll, mostLayers, placeFields } from '../schema/parts';
import type { PerHead } from './heads';
import { anyThumbnails, topKeysAmong } from './heads-schema';

export const crossStatisticNames = [
  'largest',
  'entropy',
  'meanPosition',
  'firstToken',
  'lastToken',
  'diagonal',
  'order',
  'sameToken',
] as const;
export type CrossStatisticName = (typeof crossStatisticNames)[number];

export const crossLabels = ['diagonal', 'same-token', 'first-token-sink', 'last-token-sink'] as const;
export type CrossLabel = (typeof crossLabels)[number];

const perHeadOf = <T>(item: Schema<T>) =>
  list(list(item, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers });
const perHead: Schema<PerHead> = perHeadOf(figure);

export const crossHeads = object({
  /** By the definitions of `crossStatisticInfos`; NaN where a head has none. */
  statistics: recordOf(crossStatisticNames, perHead),
  /**
   * Heads whose score is at least half of the way from what a head gives that reads all of the source alike (`null`) to 1; of several
   * labels of a head the strongest first.
   */
  classes: list(
    object({ ...placeFields(), label: oneOf(crossLabels), score: figure, null: figure }),
    'a list of labels',
    { most: mostHeadsInAll * crossLabels.length },
  ),
  /** The rows of the source that the last row of the target reads most, largest weight first, at most 4. */
  topKeys: optional(perHeadOf(topKeysAmong(mostItems))),
  /** Pictures of target by source; the shorter text is stretched. */
  thumbnails: optional(anyThumbnails),
});
export type CrossHeads = Output<typeof crossHeads>;

export interface CrossStatisticInfo {
  readonly id: CrossStatisticName;
  readonly title: string;
  readonly unit?: 'nats' | 'tokens';
  readonly definition: string;
}

/** p(i, j): the probability that row i of n of the target gives row j of m of the source. */
export const crossStatisticInfos: readonly CrossStatisticInfo[] = [
  {
    id: 'largest',
    title: 'Largest share',
    definition:
      'Mean over all rows i of the largest p(i, j): 1 for a head that reads one token of the source at a time.',
  },
  {
    id: 'entropy',
    title: 'Entropy',
    unit: 'nats',
    definition: 'Mean over all rows of -sum p ln p, in nats: 0 for one token of the source, ln m for all alike.',
  },
  {
    id: 'meanPosition',
    title: 'Mean position',
    unit: 'tokens',
    definition: 'Mean over all rows i of sum_j p(i, j) j: how far into the source the head looks.',
  },
  {
    id: 'firstToken',
    title: 'First token',
    definition: 'Mean over all rows i of p(i, 0): the mass on the first token of the source.',
  },
  {
    id: 'lastToken',
    title: 'Last token',
    definition:
      'Mean over all rows i of p(i, m-1): the mass on the last token of the source, mostly its end, where heads rest that have nothing to read.',
  },
  {
    id: 'diagonal',
    title: 'Diagonal',
    definition:
      'Mean over all rows i of the mass on the three tokens of the source nearest to i (m-1) / (n-1), as far through the source as i is through the target.',
  },
  {
    id: 'order',
    title: 'Order',
    definition:
      'Spearman’s correlation of the rows with the tokens of the source that they read most: 1 where it is read from left to right.',
  },
  {
    id: 'sameToken',
    title: 'Same token',
    definition:
      'Mean, over the rows whose own token stands in the source too, of the mass on its places there: a head that finds what was just written.',
  },
];

export const crossLabelWords: Readonly<
  Record<
    CrossLabel,
    { readonly title: string; readonly letter: string; readonly shape: number; readonly of: CrossStatisticName }
  >
> = {
  diagonal: { title: 'diagonal', letter: 'D', shape: 2, of: 'diagonal' },
  'same-token': { title: 'same token', letter: 'S', shape: 5, of: 'sameToken' },
  'first-token-sink': { title: 'first-token sink', letter: 'F', shape: 1, of: 'firstToken' },
  'last-token-sink': { title: 'last-token sink', letter: 'E', shape: 0, of: 'lastToken' },
};
