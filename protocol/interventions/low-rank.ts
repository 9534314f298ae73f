import type { Output } from '../schema/check';
import { exactly, list, object, wholeFrom } from '../schema/fields';
import type { InterventionKind } from './kind';
import { decimal, halves } from '../schema/written-form';
import { whichField, whichOf, whichText, type Which } from './which';

/** No projection of a model has more singular values. */
const mostValues = 1 << 20;

const layersText = (layers: readonly Which[]): string => layers.map(whichText).join(',');

/**
 * With x [w] what the layer's key and value projections read, and V [w, r] the first r right singular vectors of [W_K; W_V], keys and
 * values are made of V V^T x: the best approximation of both projections of rank r (Eckart and Young 1936). Biases, norms of
 * keys and rotation stay in their places. A cache could hold V^T x, r numbers a token, for all heads (arXiv:2503.11132, without
 * its change of the rotation). Queries read x itself.
 */
const lowRankSchema = object({
  kind: exactly('low-rank'),
  layers: list(whichField, 'a list of layers', { least: 1, most: 10_000 }),
  rank: wholeFrom(1, mostValues),
});
export type LowRank = Output<typeof lowRankSchema>;

export const lowRank: InterventionKind<LowRank> = {
  kind: 'low-rank',
  name: 'low-rank cache',
  meaning:
    'Makes the keys and values of a layer of r numbers per token, the best that a projection of rank r can do; rotation stays where it is. At full rank nothing changes.',
  form: 'low-rank:LAYERS=r',
  example: 'low-rank:*=64',
  parameters: [
    { name: 'layers', takes: 'layers separated by commas, or `*`', meaning: 'the layers' },
    {
      name: 'rank',
      takes: 'a whole number from 1',
      meaning: 'numbers per token; of several for a layer the last counts',
    },
  ],
  schema: lowRankSchema,
  parse(text) {
    const [place, number] = halves(text) ?? [];
    const layers = (place ?? '').split(',').map((each) => each.trim());
    const rank = decimal(number ?? '');
    return rank !== undefined && layers.every((each) => /^(\d+|\*)$/.test(each))
      ? { kind: 'low-rank', layers: layers.map(whichOf), rank }
      : undefined;
  },
  print: ({ layers, rank }) => `${layersText(layers)}=${rank}`,
  words: ({ layers, rank }) => `keys and values of layers ${layersText(layers)} of rank ${rank}`,
  sentence: ({ layers, rank }) =>
    `In the layers ${layersText(layers)} keys and values are made of ${rank} ${rank === 1 ? 'number' : 'numbers'} per token.`,
  // Which rank is full depends on the model.
  neutral: () => false,
  anywhere: () => true,
};
