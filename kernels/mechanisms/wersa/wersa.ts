import { tensorBytes } from '../../cost/attention';
import { linearCost } from '../../cost/linear';
import { attentionGraph, groupQueries } from '../../graph/attention-graph';
import { concat, filled, reshape, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import type { Value } from '../../graph/records';
import type { Mechanism } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import { isCausalSelf, type AttentionShape } from '../../shape';
import { causalSums } from '../linear';
import { wersaDecoding } from './decode';
import { gateHidden, gateKernel, gateWidth, levelsOf, type WersaParameters } from './filter';
import { filterRows, gateSourceOf, gateValues } from './kernel';
import { wersaReference } from './reference';
import { featureRows, normedAverages, readWeights, scalesOf, weightsOf } from './rows';
import * as field from '../../parameters';

const isCross = ({ pattern }: AttentionShape): boolean => pattern === 'noncausal-cross' || pattern === 'causal-cross';

/** Each position by itself: nothing is read from its neighbours, so that queries may come one by one. */
const isPointwise = ({ levels, gate }: WersaParameters): boolean => levels === 0 && gate === 'off';

export const wersa: Mechanism<WersaParameters> = {
  id: 'wersa',
  title: 'WERSA (wavelets, random features)',
  family: 'linear',
  summary:
    'Takes queries and keys apart into wavelet levels along the sequence, weights the levels by gates, and attends by random ReLU features in linear time. It pays on long sequences whose information sits at a few time scales.',
  source: {
    reference: 'arXiv:2507.08637; its repository (vincenzodentamaro/wersa) gives ingredients and defaults, no layer',
    trust: 'low',
    note: 'The paper’s equations were not read: gates, gelu, initial scales, bandwidth and the final norm follow a third-party port. Our choices: one projection for queries and keys; gates from the joined key heads in place of the layer’s input, in cross attention for queries from the mean query head of each key head; right prefix sums, where the port’s are not causal; a one-sided filter for causal attention, since Haar blocks read up to 2^levels - 1 later tokens; it decodes by the sums of each level and the last 32 joined keys. ReLU features approximate the arc-cosine kernel, not softmax, however many there are.',
  },
  template: {
    projected: 'wavelet levels of queries and keys, weighed by gates, then random ReLU features',
    scores: 'φ(q)·φ(k)',
    positions: { words: 'all of its wavelet block', chosen: 'beforehand' },
    normaliser: { words: 'sum of the scores, then a layer norm of the output', averagesValues: false },
    aggregation: 'running sum of φ(k) vᵀ, read by φ(q)',
    mixing: 'data-dependent',
    matrix: 'low rank',
    state: { words: 'sums of features times values, and the positions of the wavelets in progress', grows: false },
    sharded: {
      heads: 'inputs of the gates, which read all heads',
      headsIndependent: false,
      sequence: 'sums of features times values from part to part, and margins of the wavelets',
    },
  },
  parameters: {
    levels: field.integer(
      'Levels',
      'Wavelet levels; level l has the time scale 2^l. 0 leaves one scale for the whole.',
      { min: 0, max: 16, default: 4 },
    ),
    features: field.integer('Features', 'Random ReLU features of a query or key.', { min: 1, max: 4096, default: 128 }),
    filter: field.choice(
      'Filter',
      'haar: as published, reads later tokens of its block; one-sided: undecimated and causal, ours.',
      { options: ['haar', 'one-sided'], default: 'haar' },
    ),
    gate: field.choice('Gate', 'local: from 33 positions around each; global: from the mean of the sequence; off: 1.', {
      options: ['local', 'global', 'off'],
      default: 'local',
    }),
    sharedProjection: field.flag(
      'Shared projection',
      'Off (as in the port): with separate draws scores lose the angle between query and key.',
      true,
    ),
    seed: field.integer('Seed', 'Draws the projection, which is never learned.', { min: 0, max: 1 << 30, default: 0 }),
    chunk: field.integer(
      'Chunk',
      'Causal only: positions that are multiplied directly before the running sums take over.',
      { min: 1, max: 4096, default: 64 },
    ),
  },
  layout: 'heads-first',
  exponent: 1,
  supports(shape, parameters) {
    if (isPointwise(parameters)) return { ok: true };
    const { filter, gate, levels } = parameters;
    if (shape.pattern === 'causal-self' || shape.pattern === 'causal-cross') {
      if (gate === 'global') {
        return {
          ok: false,
          why: 'A global gate is made from the mean of the whole sequence, later tokens too: choose gate "local" or "off" for causal attention.',
        };
      }
      if (filter === 'haar') {
        const ahead = [
          ...(levels > 0 ? [`Haar blocks of ${levels} levels read up to ${2 ** levels - 1} later tokens`] : []),
          ...(gate === 'local' ? [`${levels > 0 ? 'local' : 'Local'} gates read 16 later tokens`] : []),
        ].join(' and ');
        return { ok: false, why: `${ahead}: choose filter "one-sided" for causal attention.` };
      }
    }
    if (!isCross(shape) && shape.queries < shape.keys) {
      return {
        ok: false,
        why: `The filter of a query reads the queries before it, which a cache of keys and values does not hold: decode position by position, or take levels 0 and gate "off" for ${shape.queries} queries of ${shape.keys} positions.`,
      };
    }
    return { ok: true };
  },
  weights: weightsOf,
  reference: wersaReference,
  build: (full, parameters, precision) =>
    attentionGraph('wersa', full, precision, 'heads-first', ({ builder, query, key, value }, shape) => {
      const weights = readWeights(builder, full, parameters, precision);
      const { gate } = parameters;
      const scales = scalesOf(weights, parameters);
      const gatesOf = (x: Value) =>
        gate === 'off' ? undefined : gateValues(gateSourceOf(x, shape), weights, parameters);
      const keyGates = gatesOf(key);
      const queryGates = isCross(shape) ? gatesOf(query) : keyGates;
      const rows = (x: Value, gates: Value | undefined, of: 'query' | 'key'): Value =>
        featureRows(x, of, shape, parameters, (active) => filterRows(active, scales, gates, parameters));
      const wide = { ...shape, headDim: parameters.features };
      const queries = groupQueries(rows(query, queryGates, 'query'), wide); // [b, hkv, g, n, r]
      const keys = unsqueeze(rows(key, keyGates, 'key'), 2); // [b, hkv, 1, m, r]
      // A column of ones gathers the denominators in the same products.
      const ones = filled(value, [shape.batch, shape.kvHeads, 1, shape.keys, 1], 1);
      const values = concat([unsqueeze(value, 2), ones], 4);
      const sums = isCausalSelf(shape)
        ? causalSums(queries, keys, values, wide, parameters.chunk)
        : matmul(queries, fusedMatmul(keys, values, { transposeA: true }, 'state'));
      const whole = reshape(sums, [shape.batch, shape.heads, shape.queries, shape.valueDim + 1]);
      return normedAverages(whole, shape.valueDim, weights);
    }),
  /**
   * Linear attention of width r + features 2 r d (n + m) + gelu 4 d (n + m) + wavelets (two additions a level both ways for
   * one-sided, 4 in all for haar, and the gains) + norm 8 n e + gates (33 D + D D / 4 + (levels + 1) D / 4 a position).
   */
  cost(shape, parameters) {
    const { batch, heads, kvHeads, queries, keys, headDim: d, valueDim: e } = shape;
    const { features, gate, filter, chunk } = parameters;
    const base = linearCost({ ...shape, headDim: features }, chunk);
    const levels = levelsOf(keys, parameters);
    const passes = 4 + (filter === 'haar' ? (levels > 0 ? 5 : 1) : 4 * levels + 1);
    const rows = batch * (heads * queries + kvHeads * keys);
    const [width, hidden] = [gateWidth(shape), gateHidden(shape)];
    const gated = gate === 'off' ? 0 : batch * (isCross(shape) ? queries + keys : keys);
    const perGate =
      gate === 'local' ? 2 * (gateKernel * width + hidden * width + (parameters.levels + 1) * hidden) : width;
    const own = tensorBytes(shape);
    const others = tensorBytes({ ...shape, headDim: features });
    const filteredBytes = 4 * rows * d;
    return {
      flops: base.flops + rows * d * (2 * features + passes) + gated * perGate + 8 * batch * heads * queries * e,
      bytes: base.bytes - others + own + 2 * passes * filteredBytes + 16 * gated * (width + hidden),
      peakBytes: base.peakBytes - others + own + 3 * filteredBytes + 8 * gated * width,
    };
  },
  pattern: (shape, { gate, chunk }) => ({
    dependsOnData: false,
    joinsHeads: gate !== 'off',
    reads: denseReads(shape),
    ...(isCausalSelf(shape) ? { block: { queries: chunk, keys: chunk } } : {}),
  }),
  decode: wersaDecoding,
  limits: [],
};
