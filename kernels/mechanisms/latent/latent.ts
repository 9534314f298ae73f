import type { Cost } from '../../cost/cost';
import { attentionGraph, stepInputs } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import { add, multiply } from '../../graph/operators/elementwise';
import { concat, expand, reshape, slice, transpose, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { softmax } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Mechanism } from '../../mechanism';
import { denseDefinition, denseReads } from '../../reference/pattern';
import { allRows, softmaxRows } from '../../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import { causalInTiles, exactTiles, tiled, unmaskedInTiles } from '../tiled';
import { cachedWidth, explicitInputs, latents, latentWeights, rotaryAngles, type LatentParameters } from './definition';
import * as field from '../../parameters';

export const latent: Mechanism<LatentParameters> = {
  id: 'latent',
  title: 'Multi-head latent attention',
  family: 'latent',
  summary:
    'Keys and values of all heads are made from one short latent per position, and one rotary key is shared by all heads: the cache holds only these. In the absorbed form the keys and values are never rebuilt: queries go to the latents.',
  source: {
    reference:
      'arXiv:2503.11132 (X-EcoMLA), its code (AMD-AGI/AMD-Hybrid-Models); the form is that of arXiv:2405.04434, section 2.1',
    trust: 'high',
    note: 'The latent is a product with the joined key and value heads of a position, in place of the layer’s input; queries are taken as they are (their own low-rank form lies before the kernel). Rotation turns neighbouring pairs, as in the code.',
  },
  template: {
    projected: 'one latent for each position, of all heads, and one rotary key',
    scores: 'q·k / √d, keys rebuilt or queries brought to the latents',
    positions: { words: 'all that came before', chosen: 'beforehand' },
    normaliser: { words: 'softmax over the keys read', averagesValues: false },
    aggregation: 'weighted sum of values rebuilt from latents',
    mixing: 'data-dependent',
    matrix: 'dense',
    state: { words: 'latents and rotary keys of all positions', grows: true },
    sharded: {
      heads: 'the latents, which are made of all heads',
      headsIndependent: false,
      sequence: 'latents and rotary keys of the other parts, fewer numbers than keys and values',
    },
  },
  parameters: {
    rank: field.integer('Rank', 'Width of the latent that each position keeps (r_kv).', {
      min: 1,
      max: 4096,
      default: 64,
    }),
    rotary: field.integer(
      'Rotary width',
      'Numbers of a query and of the shared key that carry the position (d_r, even); the rest does not.',
      { min: 0, max: 512, default: 8 },
    ),
    form: field.choice(
      'Form',
      'explicit: keys and values of every head are rebuilt; absorbed: queries are projected to the latents.',
      { options: ['explicit', 'absorbed'], default: 'explicit' },
    ),
  },
  layout: 'heads-first',
  exponent: 2,
  supports(shape, { rotary }) {
    if (rotary % 2 !== 0)
      return { ok: false, why: `Rotation turns pairs of numbers: a rotary width of ${rotary} is odd.` };
    if (rotary >= shape.headDim) {
      return {
        ok: false,
        why: `The rotary width ${rotary} must leave a part of the head width ${shape.headDim} without position: choose a smaller one.`,
      };
    }
    if (rotary > 0 && (shape.pattern === 'noncausal-cross' || shape.pattern === 'causal-cross')) {
      return {
        ok: false,
        why: 'Rotation needs queries and keys of one sequence: set the rotary width to 0 for cross attention.',
      };
    }
    return { ok: true };
  },
  weights: latentWeights,
  reference: (inputs, shape, parameters) => latent.referenceRows!(inputs, shape, parameters, allRows(shape)),
  referenceRows: (inputs, shape, parameters, rows) =>
    softmaxRows(
      explicitInputs(inputs, shape, parameters),
      { ...shape, kvHeads: shape.heads },
      rows,
      denseDefinition(shape),
    ),
  build: (full, parameters, precision) =>
    attentionGraph('latent', full, precision, 'heads-first', ({ builder, query, key, value }, shape) => {
      const weights = weightInputs(builder, full, parameters, precision);
      const cache = cacheOf(key, value, shape, parameters, weights, 0); // [b, m, r + d_r]
      const attend = isCausalSelf(shape) ? causalInTiles : unmaskedInTiles;
      if (parameters.form === 'explicit') {
        const { keys, values } = rebuilt(cache, shape, parameters, weights);
        const turned = turnQueries(query, shape, parameters);
        return attend(turned, keys, values, { ...shape, kvHeads: shape.heads }, exactTiles);
      }
      const shared = unsqueeze(cache, 1); // [b, 1, m, r + d_r]
      const { rank } = parameters;
      const wide = { ...shape, kvHeads: 1, headDim: cachedWidth(parameters), valueDim: rank };
      const queries = absorbed(query, shape, parameters, weights, Math.sqrt(wide.headDim / shape.headDim));
      const mixed = attend(queries, shared, slice(shared, 3, 0, rank), wide, exactTiles); // [b, h, n, r]
      return matmul(mixed, weights.values);
    }),
  cost(shape, parameters) {
    const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
    const { rank, rotary, form } = parameters;
    const down = 2 * batch * keys * kvHeads * (headDim * (rank + rotary) + valueDim * rank);
    const perHead = 2 * batch * heads * rank * (headDim - rotary + valueDim);
    const wide =
      form === 'explicit'
        ? { ...shape, kvHeads: heads }
        : { ...shape, kvHeads: 1, headDim: rank + rotary, valueDim: rank };
    const attention = tiled.cost(wide, exactTiles);
    const made =
      4 * batch * (form === 'explicit' ? heads * keys * (headDim + valueDim) : heads * queries * (2 * rank + rotary));
    return {
      flops: attention.flops + down + perHead * (form === 'explicit' ? keys : queries),
      bytes: attention.bytes + 2 * made,
      peakBytes: attention.peakBytes + made,
    };
  },
  pattern: (shape) => ({
    dependsOnData: false,
    joinsHeads: true,
    reads: denseReads(shape),
    ...(isCausalSelf(shape) ? { block: { queries: exactTiles.rows, keys: exactTiles.rows } } : {}),
  }),
  decode: {
    states: ({ batch, keys }, parameters) => [
      { name: 'latents', shape: [batch, keys - 1, cachedWidth(parameters)], grows: 1 },
    ],
    stateAfter: (inputs, shape, parameters) => ({ latents: latents(inputs, shape, parameters) }),
    build(shape, parameters, precision) {
      const builder = new GraphBuilder('latent step');
      const { batch, heads, keys, headDim, valueDim } = shape;
      const { query, key, value } = stepInputs(builder, shape, precision);
      const past = builder.input('latents', precision, [batch, keys - 1, cachedWidth(parameters)]);
      const weights = weightInputs(builder, shape, parameters, precision);
      const one = { ...shape, keys: 1, queries: 1 };
      const row = cacheOf(key, value, one, parameters, weights, keys - 1); // [b, 1, r + d_r]
      const scale = headDim ** -0.5;
      const queries = absorbed(query, one, parameters, weights, 1, keys - 1);
      const rows = reshape(queries, [batch, heads, cachedWidth(parameters)]);
      const scores = [past, row].map((cache) => fusedMatmul(rows, cache, { transposeB: true, scale }));
      const probabilities = softmax(concat(scores, 2)); // [b, h, n]
      // The rotary part is carried along: slicing it off the cache would copy the cache.
      const before = matmul(slice(probabilities, 2, 0, keys - 1), past);
      const mixed = add(before, matmul(slice(probabilities, 2, keys - 1), row)); // [b, h, r + d_r]
      const latentPart = reshape(slice(mixed, 2, 0, parameters.rank), [batch, heads, 1, parameters.rank]);
      builder.output(reshape(matmul(latentPart, weights.values), [batch, heads, 1, valueDim]), 'output');
      builder.output(row, 'next.latents');
      return builder.finish();
    },
    /** flops 2 h n (2 r + d_r) + projections; bytes: the cache read twice, once by each product, and 8 passes over the scores. */
    cost({ batch, heads, kvHeads, keys, headDim, valueDim }, { rank, rotary }): Cost {
      const cached = 4 * batch * keys * (rank + rotary);
      const projections = rank * (heads * (headDim - rotary + valueDim) + kvHeads * (headDim + valueDim));
      return {
        flops: batch * (heads * keys * (4 * (rank + rotary) + 5) + 2 * projections),
        bytes: 2 * cached + 4 * projections + 32 * batch * heads * keys,
        peakBytes: cached + 4 * projections + 12 * batch * heads * keys,
      };
    },
  },
  limits: [],
};

interface WeightValues {
  readonly down: Value;
  readonly keys: Value;
  readonly values: Value;
  readonly rotary?: Value;
}

function weightInputs(
  builder: GraphBuilder,
  shape: AttentionShape,
  parameters: LatentParameters,
  precision: 'float32' | 'float16',
): WeightValues {
  const named = new Map(
    latentWeights(shape, parameters).map(({ name, shape: dims }) => [name, builder.input(name, precision, dims)]),
  );
  const rotary = named.get('latent.rotary');
  return {
    down: named.get('latent.down')!,
    keys: named.get('latent.keys')!,
    values: named.get('latent.values')!,
    ...(rotary ? { rotary } : {}),
  };
}

/** [c; k_r], [b, m, r + d_r]; the first key stands at position `first`. */
function cacheOf(
  key: Value,
  value: Value,
  { batch, kvHeads, keys, headDim, valueDim }: AttentionShape,
  { rotary }: LatentParameters,
  weights: WeightValues,
  first: number,
): Value {
  const joined = (x: Value, width: number): Value =>
    reshape(transpose(x, [0, 2, 1, 3]), [batch, keys, kvHeads * width]);
  const allKeys = joined(key, headDim);
  const compressed = matmul(concat([allKeys, joined(value, valueDim)], 2), weights.down);
  if (!weights.rotary) return compressed;
  return concat([compressed, turned(matmul(allKeys, weights.rotary), rotary, keys, first)], 2);
}

/** x [..., n, d_r] with pair i of row t turned by (first + t) angle_i; `factor` multiplies the result. */
function turned(x: Value, width: number, rows: number, first: number, factor = 1): Value {
  const angles = rotaryAngles(width);
  const table = (f: (angle: number) => number): Value =>
    x.graph.constant(
      x.type,
      [rows, width],
      Float32Array.from({ length: rows * width }, (_, at) => {
        const position = first + Math.floor(at / width);
        return factor * f(angles[Math.floor((at % width) / 2)]! * position);
      }),
    );
  // (x, y) to (-y, x), pair by pair.
  const quarter = x.graph.constant(
    x.type,
    [width, width],
    Float32Array.from({ length: width * width }, (_, at) => {
      const [row, column] = [Math.floor(at / width), at % width];
      if (row === column + 1 && row % 2 === 1) return -1;
      return column === row + 1 && column % 2 === 1 ? 1 : 0;
    }),
  );
  return add(multiply(x, table(Math.cos)), multiply(matmul(x, quarter), table(Math.sin)));
}

/** [q_n, q_r] with q_r turned. */
function turnQueries(query: Value, shape: AttentionShape, { rotary }: LatentParameters): Value {
  if (rotary === 0) return query;
  const plain = shape.headDim - rotary;
  return concat(
    [slice(query, 3, 0, plain), turned(slice(query, 3, plain), rotary, shape.queries, queryOffset(shape))],
    3,
  );
}

/** factor [B_k^T q_n, q_r], [b, h, n, r + d_r]. */
function absorbed(
  query: Value,
  shape: AttentionShape,
  { rotary }: LatentParameters,
  weights: WeightValues,
  factor: number,
  first = queryOffset(shape),
): Value {
  const plain = shape.headDim - rotary;
  const projected = fusedMatmul(slice(query, 3, 0, plain), weights.keys, { transposeB: true, scale: factor });
  if (rotary === 0) return projected;
  return concat([projected, turned(slice(query, 3, plain), rotary, shape.queries, first, factor)], 3);
}

/** Keys [b, h, m, d] and values [b, h, m, dv] of every head. */
function rebuilt(cache: Value, shape: AttentionShape, { rank, rotary }: LatentParameters, weights: WeightValues) {
  const { batch, heads, keys } = shape;
  const compressed = unsqueeze(slice(cache, 2, 0, rank), 1); // [b, 1, m, r]
  const plain = matmul(compressed, weights.keys);
  const values = matmul(compressed, weights.values);
  if (rotary === 0) return { keys: plain, values };
  const shared = expand(unsqueeze(slice(cache, 2, rank), 1), [batch, heads, keys, rotary]);
  return { keys: concat([plain, shared], 3), values };
}
