import { tensorBytes } from '../../cost/attention';
import type { Cost } from '../../cost/cost';
import { attentionGraph } from '../../graph/attention-graph';
import { biasedCost, biasedPairs, tileRows } from '../../graph/biased-tiles';
import type { Mechanism } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import { allRows } from '../../reference/softmax';
import { isCausalSelf, type AttentionShape } from '../../shape';
import { exactTiles, tiled } from '../tiled';
import { rcmhaDecoding } from './decode';
import { rcmhaRows, rcmhaWeights, type RcmhaParameters } from './definition';
import { rcmhaGraph, weightInputs } from './graph';
import * as field from '../../parameters';

export const rcmha: Mechanism<RcmhaParameters> = {
  id: 'rcmha',
  title: 'Relative convolutional (RCMHA)',
  family: 'positional',
  summary:
    'Softmax attention over queries, keys and values that a short causal convolution has mixed with their predecessors, with a learned vector and number for each distance added to the scores, as in Transformer-XL. For small models whose tokens are letters or word pieces; twice the products of plain attention.',
  source: {
    reference: 'arXiv:2308.03429; rcmha/attention.py of the authors’ code (hermansh-id/rcmha, 87df49b)',
    trust: 'medium',
    note: 'The definition is the code’s class; its training script trains relative attention without the convolution, so that the accuracy of 0.572 is unverified. Keys before the first query are the memory of the layer, and the convolution of queries does not reach into it, as in the code; decoding continues one pass. Our choices: farther keys than the largest distance share its row (the code fails there); learned numbers are drawn instead of the zeros of the code, so that a proof sees them; cross attention without the relative terms.',
  },
  template: {
    projected: 'a causal convolution of each channel, of queries, keys and values',
    scores: '((q + u)·k + q·E(distance) + β(distance)) / √d',
    positions: { words: 'all that came before', chosen: 'beforehand' },
    normaliser: { words: 'softmax over the keys read', averagesValues: false },
    aggregation: 'weighted sum of convolved values',
    mixing: 'data-dependent',
    matrix: 'dense',
    state: { words: 'convolved keys and values of all positions, the last rows before the convolutions', grows: true },
    sharded: {
      heads: 'nothing; tables of a head go with it, kernels are the same for all',
      headsIndependent: true,
      sequence: 'the rows before the part for the convolutions; keys and values of the other parts',
    },
  },
  parameters: {
    convolution: field.flag(
      'Convolution',
      'Off gives RMHA, relative attention alone; with the relative terms off too, plain attention.',
      true,
    ),
    relative: field.flag('Relative terms', 'Off gives MDHA (Primer), the convolution alone.', true),
    kernel: field.integer('Kernel size', 'Positions that a convolution reads: the own one and those before it.', {
      min: 1,
      max: 64,
      default: 3,
    }),
    maxDistance: field.integer(
      'Largest distance',
      'P: the tables have 2 P rows for each head, and distances beyond P share one.',
      { min: 1, max: 1 << 20, default: 4096 },
    ),
  },
  layout: 'heads-first',
  exponent: 2,
  supports({ pattern }, { convolution, relative }) {
    if (pattern === 'causal-self') return { ok: true };
    if (relative) {
      return {
        ok: false,
        why: 'The relative terms are learned for keys at or before a query in one sequence: turn them off, or choose causal self-attention.',
      };
    }
    if (pattern === 'noncausal-self' && convolution) {
      return {
        ok: false,
        why: 'The convolution reads earlier positions only and gives attention a direction: turn it off, or choose causal self-attention.',
      };
    }
    return { ok: true };
  },
  weights: rcmhaWeights,
  reference: (inputs, shape, parameters) => rcmhaRows(inputs, shape, parameters, allRows(shape)),
  referenceRows: rcmhaRows,
  build: (full, parameters, precision) =>
    attentionGraph('rcmha', full, precision, 'heads-first', (values, shape) =>
      rcmhaGraph(values, shape, parameters, weightInputs(values.builder, full, parameters, precision)),
    ),
  cost: rcmhaCost,
  pattern: (shape, { relative }) => ({
    dependsOnData: false,
    reads: denseReads(shape),
    block: relative ? { queries: tileRows, keys: tileRows } : { queries: exactTiles.rows, keys: exactTiles.rows },
  }),
  decode: rcmhaDecoding,
  limits: [
    {
      name: 'neither convolution nor relative terms',
      parameters: () => ({ convolution: false, relative: false }),
      equals: 'scaled-dot-product',
    },
  ],
};

/**
 * Letters as in cost/attention.ts, K kernel size, p computed pairs. Attention in tiles +
 * convolution: b (h n d + hkv m (d + e)) 2 K flops, 3 K + 3 passes over these numbers;
 * relative: p (2 d + 3) flops for each head of b h, ten passes over the pairs; rows of E cut for the whole and for each tile.
 */
function rcmhaCost(shape: AttentionShape, { convolution, relative, kernel }: RcmhaParameters): Cost {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const attention = relative ? biasedCost(shape) : tiled.cost(shape, exactTiles);
  const seeing = isCausalSelf(shape) ? Math.min(queries, keys) : queries;
  const numbers = convolution ? batch * (heads * seeing * headDim + kvHeads * keys * (headDim + valueDim)) : 0;
  const { pairs, copiedKeys } = relative ? biasedPairs(shape) : { pairs: 0, copiedKeys: 0 };
  const scores = batch * heads * pairs;
  const rows = relative ? heads * headDim : 0;
  return {
    flops: attention.flops + 2 * kernel * numbers + scores * (2 * headDim + 3),
    bytes:
      attention.bytes +
      4 * (numbers * (6 * kernel + 1) + 11 * scores + rows * (2 * keys + 3 * copiedKeys)) +
      (relative ? 8 * batch * heads * seeing * headDim : 0),
    peakBytes:
      attention.peakBytes +
      4 * numbers +
      4 * rows * keys +
      (relative ? 12 * batch * heads * Math.min(tileRows, seeing) * keys : 0) +
      (convolution || relative ? tensorBytes(shape) : 0),
  };
}
