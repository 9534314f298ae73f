import { tensorBytes } from '../../cost/attention';
import { attentionGraph } from '../../graph/attention-graph';
import type { Mechanism } from '../../mechanism';
import { isCausalSelf, queryOffset } from '../../shape';
import { largest } from '../../tensors/tensor';
import { chunksOf, gaamReference, rootEpsilon, weightsOf, type GaamParameters } from './definition';
import { gaamDecoding } from './decode';
import { gatedValues, weightInputs } from './graph';
import * as field from '../../parameters';

export const gaam: Mechanism<GaamParameters> = {
  id: 'gaam',
  title: 'Gaussian adaptive attention (GAAM)',
  family: 'gate',
  summary:
    'Multiplies each position by a learned Gaussian of its distance from the mean along the sequence: no queries, no keys, no pairs. A gate on features whose statistics drift, at a cost that grows with n.',
  source: {
    reference:
      'arXiv:2401.11143; both variants as in the authors’ code (DAAM-PEFT-paper-code; Gaussian-Adaptive-Attention)',
    trust: 'high',
    note: 'Reads values only; the axis is the sequence. Every chunk learns its own offsets and variances, or Gaussians, as the heads of the code do; attention heads are further features, which share nothing. Causal statistics over the positions so far, and the sum of Gaussians, are not from the paper. Entries equal to a padding value are not passed over, as the package does.',
  },
  template: {
    projected: 'mean and variance of each feature along the positions',
    scores: 'a Gaussian of the value’s distance from the mean',
    positions: { words: 'its own; the others through mean and variance', chosen: 'beforehand' },
    normaliser: { words: 'none', averagesValues: false },
    aggregation: 'the value times its gate',
    mixing: 'data-dependent',
    matrix: 'diagonal',
    state: { words: 'mean and sum of squared distances of each feature, and a count', grows: false },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'two sums and a count for each feature',
    },
  },
  parameters: {
    variant: field.choice(
      'Variant',
      'gate: the paper’s, in (0, 1] and not normalised; weights: the package’s, which sum to 1 along a chunk.',
      { options: ['gate', 'weights'], default: 'gate' },
    ),
    chunks: field.integer(
      'Chunks',
      'Contiguous parts of the sequence with statistics and learned numbers of their own (the code’s "heads").',
      { min: 1, max: 4096, default: 1 },
    ),
    gaussians: field.integer(
      'Gaussians',
      'Variant weights: Gaussians of a head. Their product is again one Gaussian.',
      { min: 1, max: 64, default: 5 },
    ),
    combine: field.choice('Combine', 'Variant weights: product as released; sum is not in the released code.', {
      options: ['product', 'sum'],
      default: 'product',
    }),
  },
  layout: 'heads-first',
  exponent: 1,
  supports(shape, { variant, chunks }) {
    if (shape.pattern === 'noncausal-cross' || shape.pattern === 'causal-cross') {
      return {
        ok: false,
        why: 'GAAM gates the values of one sequence: it has no queries that could read another one.',
      };
    }
    if (isCausalSelf(shape)) {
      if (variant === 'weights') {
        return {
          ok: false,
          why: 'The weights of a chunk sum to 1 over all its positions, later ones too: choose variant "gate" for causal attention.',
        };
      }
      return chunks === 1
        ? { ok: true }
        : { ok: false, why: 'Where chunks end depends on the whole length: causal attention takes 1 chunk.' };
    }
    if (shape.queries !== shape.keys) {
      return {
        ok: false,
        why: `GAAM gives one output for each value: ${shape.queries} queries have ${shape.keys} values.`,
      };
    }
    if (variant === 'gate' && shape.keys % chunks !== 0) {
      return {
        ok: false,
        why: `Variant "gate" needs chunks that divide the length: ${chunks} do not divide ${shape.keys}.`,
      };
    }
    if (Math.floor(shape.keys / chunks) < (variant === 'weights' ? 2 : 1)) {
      return {
        ok: false,
        why: `A chunk needs ${variant === 'weights' ? 'two positions for its variance' : 'a position'}: ${shape.keys} positions are too few for ${chunks} chunks.`,
      };
    }
    return { ok: true };
  },
  weights: weightsOf,
  reference: gaamReference,
  build: (full, parameters, precision) =>
    attentionGraph('gaam', full, precision, 'heads-first', ({ builder, value }, shape) =>
      gatedValues(value, weightInputs(builder, full, parameters, precision), shape, parameters),
    ),
  /** About 9 operations a number (3 more and a scan of sums when causal), 6 for each Gaussian of the variant weights. */
  cost(shape, { variant, gaussians }) {
    const numbers = shape.batch * shape.heads * shape.keys * shape.valueDim;
    const passes = isCausalSelf(shape) ? 14 : variant === 'gate' ? 9 : 5 + 6 * gaussians;
    return {
      flops: numbers * passes,
      bytes: tensorBytes(shape) + 8 * numbers * passes,
      peakBytes: tensorBytes(shape) + 4 * numbers * (isCausalSelf(shape) ? 5 : 3),
    };
  },
  pattern: (shape, { chunks }) => ({
    dependsOnData: false,
    reads: isCausalSelf(shape)
      ? (_head, query, key) => key <= query + queryOffset(shape)
      : (_head, query, key) => {
          const ends = chunksOf(shape.keys, chunks);
          return ends.some(([start, end]) => start <= query && query < end && start <= key && key < end);
        },
  }),
  /**
   * Causal statistics are differences of running sums about the first value, which may lie V from the mean: with the variance
   * s of the values, mean square and squared mean exceed their difference by up to V^2 / s, and so does the relative rounding
   * error of a sum.
   */
  amplification({ value }, shape, { variant }) {
    if (!isCausalSelf(shape) || variant !== 'gate') return 1;
    const mean = value.data.reduce((sum, x) => sum + x, 0) / value.data.length;
    const spread = value.data.reduce((sum, x) => sum + (x - mean) ** 2, 0) / value.data.length + rootEpsilon;
    return 1 + largest(value) ** 2 / spread;
  },
  decode: gaamDecoding,
  limits: [],
};
