import { tensorBytes } from '../../cost/attention';
import type { Cost } from '../../cost/cost';
import { attentionGraph } from '../../graph/attention-graph';
import type { Mechanism } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import { allRows } from '../../reference/softmax';
import { isCausalSelf, type AttentionShape } from '../../shape';
import { exactTiles, tiled } from '../tiled';
import { cmhaRows, cmhaWeights, type CmhaParameters } from './definition';
import { cmhaGraph, naiveRows } from './graph';
import * as field from '../../parameters';

export const cmha: Mechanism<CmhaParameters> = {
  id: 'cmha',
  title: 'Complex vectors (CMHA, ComplexFormer)',
  family: 'positional',
  summary:
    'Rotary attention in polar form: each head learns by how much the angle between query and key counts beside their distance (delta), and a constant phase (b). With delta 1 and b 0 it is rotary attention without the division by the root of d. The paper was withdrawn by its authors; its claims are unverified.',
  source: {
    reference:
      'arXiv:2505.10222 (withdrawn); attention/complex_attention.py of the authors’ code (shaojintian/complexFormer)',
    trust: 'low',
    note: 'The definition is the code’s; how the paper defines its adaptation of angles is not known. Our choices: the division by the root of d as an option, cross attention with positions of each side, b drawn instead of the zeros of the code, so that a proof sees it. Factored form: the score written as a product of a remapped query and key, which the code does not use.',
  },
  template: {
    projected: 'magnitudes and angles of pairs of components; angles times δ, plus b, turned by the position',
    scores: 'Σ r r cos(δ (angle of q - angle of k) + b + distance times frequency)',
    positions: { words: 'all that came before', chosen: 'beforehand' },
    normaliser: { words: 'softmax over the keys read', averagesValues: true },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'dense',
    state: { words: 'keys and values of all positions', grows: true },
    sharded: {
      heads: 'nothing; delta and b go with their head',
      headsIndependent: true,
      sequence: 'keys and values of the other parts (ring or gather), or partial outputs with their log-sums',
    },
  },
  parameters: {
    form: field.choice(
      'Form',
      'factored: queries and keys are remapped one by one, then plain attention. naive: the cosine of every pair and plane, eight queries at a time, as in the authors’ code.',
      { options: ['factored', 'naive'], default: 'factored' },
    ),
    scale: field.choice('Scale', 'none as in the authors’ code, or scores divided by the root of the head width.', {
      options: ['none', '1 / root of d'],
      default: 'none',
    }),
    base: field.number('Rotary base', 'Plane i turns by base^(-2 i / d) a position; 0 leaves positions out.', {
      min: 0,
      max: 1e9,
      default: 10000,
    }),
  },
  layout: 'heads-first',
  exponent: 2,
  supports: ({ headDim }) =>
    headDim % 2 === 0
      ? { ok: true }
      : { ok: false, why: `Two components make a complex number: a head width of ${headDim} is odd.` },
  weights: cmhaWeights,
  reference: (inputs, shape, parameters) => cmhaRows(inputs, shape, parameters, allRows(shape)),
  referenceRows: cmhaRows,
  build: (full, parameters, precision) =>
    attentionGraph('cmha', full, precision, 'heads-first', (values, shape) => {
      const [delta, b] = cmhaWeights(full).map(({ name, shape: dims }) => values.builder.input(name, precision, dims));
      return cmhaGraph(values, shape, parameters, { delta: delta!, b: b! });
    }),
  cost: cmhaCost,
  pattern: (shape, { form }) => ({
    dependsOnData: false,
    reads: denseReads(shape),
    ...(form === 'factored' && isCausalSelf(shape)
      ? { block: { queries: exactTiles.rows, keys: exactTiles.rows } }
      : {}),
  }),
  limits: [],
};

/**
 * Letters as in cost/attention.ts; every query head has remapped keys of its own.
 * Factored: plain attention in tiles + 12 operations and some 30 passes over each of the b h (n + m) d / 2 planes.
 * Naive: b h n m (4 d / 2 + 2 e + 5) flops: difference, cosine, product with the magnitudes, sum for each plane of each pair;
 * eight passes over planes of pairs; eight queries' planes at a time in memory.
 */
function cmhaCost(full: AttentionShape, { form }: CmhaParameters): Cost {
  const shape = { ...full, kvHeads: full.heads };
  const { batch, heads, queries, keys, headDim, valueDim } = shape;
  const seeing = isCausalSelf(shape) ? Math.min(queries, keys) : queries;
  const planes = (batch * heads * (seeing + keys) * headDim) / 2;
  const remap = { flops: 12 * planes, bytes: 4 * 30 * planes };
  if (form === 'factored') {
    const attention = tiled.cost(shape, exactTiles);
    return {
      flops: attention.flops + remap.flops,
      bytes: attention.bytes + remap.bytes,
      peakBytes: attention.peakBytes + tensorBytes(shape),
    };
  }
  const pairs = batch * heads * Math.ceil(seeing / naiveRows) * naiveRows * keys;
  return {
    flops: pairs * (2 * headDim + 2 * valueDim + 5) + remap.flops,
    bytes:
      tensorBytes(full) + remap.bytes + 4 * pairs * (4 * headDim + 8) + 4 * (pairs / naiveRows) * (headDim + valueDim),
    peakBytes: 3 * tensorBytes(shape) + 4 * batch * heads * naiveRows * keys * (1.5 * headDim + 2),
  };
}
