import { pairFlops, readablePairs, tensorBytes } from '../../cost/attention';
import { expectedSizes } from '../../graph/stored-tensors';
import { attentionGraph } from '../../graph/attention-graph';
import { add, cast, divide, greater, multiply } from '../../graph/operators/elementwise';
import { concat, filled, reshape, scatterElements, slice, transpose, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul } from '../../graph/operators/matrix';
import { reduceNorm, reduceSum, softmax, topK } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Mechanism, Weight } from '../../mechanism';
import { denseDefinition, denseReads } from '../../reference/pattern';
import { allRows, softmaxRows } from '../../reference/softmax';
import { isCausalSelf, queryOffset, type AttentionShape } from '../../shape';
import type { AttentionInputs, Tensor } from '../../tensors/tensor';
import { causalInTiles, exactTiles, tiled } from '../tiled';
import { routedHeads } from './kernel';
import { gains, headCounts, type Routing } from './routing';
import * as field from '../../parameters';

interface Parameters extends Routing {
  readonly span: number;
}

export const mixtureOfHead: Mechanism<Parameters> = {
  id: 'moh',
  title: 'Mixture-of-Head (MoH)',
  family: 'dense',
  summary:
    'Each position takes a few of the heads: some are shared by all, the others are chosen by a router, and every output is weighed by a gain. The rows that a head does not serve are never computed; keys and values of all heads are still needed.',
  source: {
    reference: 'arXiv:2410.11842, section 3; gains as in the code (SkyworkAI/MoH: MoH-ViT, MoH-LLaMA3)',
    trust: 'high',
    note: 'Paper and code scale the gains differently; the code is the default. The router reads the joined query heads in place of the layer’s input. Gathering rows head by head is our kernel.',
  },
  template: {
    projected: 'gains of a router for each head and position',
    scores: 'q·k / √d',
    positions: { words: 'all that came before, by the heads that a position takes', chosen: 'by data' },
    normaliser: { words: 'softmax over the keys read, times the gain of the head', averagesValues: false },
    aggregation: 'weighted sum of values',
    mixing: 'data-dependent',
    matrix: 'dense',
    state: { words: 'keys and values of all positions', grows: true },
    sharded: {
      heads: 'the router’s scores of all heads',
      headsIndependent: false,
      sequence: 'keys and values of the other parts (ring or gather), or partial outputs with their log-sums',
    },
  },
  parameters: {
    share: field.number('Share of heads', 'Heads that a position takes, shared ones included, as a share of all.', {
      min: 0.05,
      max: 1,
      default: 0.5,
    }),
    sharedShare: field.number('Shared heads', 'Heads that every position takes (the first ones), as a share of all.', {
      min: 0,
      max: 1,
      default: 0.25,
    }),
    routing: field.choice(
      'Routing',
      'learned: by router weights; query norm: the heads of longest query, with gain 1.',
      { options: ['learned', 'query norm'], default: 'learned' },
    ),
    scaling: field.choice(
      'Scaling',
      'Gains of the learned router: code has a mean of about 1, paper sums to at most 1.',
      { options: ['code', 'paper'], default: 'code' },
    ),
    span: field.integer(
      'Span',
      'Causal only: queries that share one copy of the keys before them; masks are applied inside a span.',
      { min: 1, max: 65536, default: 512 },
    ),
  },
  layout: 'heads-first',
  exponent: 2,
  supports: () => ({ ok: true }),
  weights(shape, parameters): readonly Weight[] {
    if (parameters.routing !== 'learned') return [];
    const { shared, routed } = headCounts(shape, parameters);
    const width = shape.heads * shape.headDim;
    const initial = { kind: 'normal', deviation: width ** -0.5 } as const;
    return [
      { name: 'router.shared', shape: [shared, width], initial },
      { name: 'router.routed', shape: [routed, width], initial },
      { name: 'router.groups', shape: [2, width], initial },
    ].filter(({ shape: [rows] }) => rows !== 0);
  },
  reference: (inputs, shape, parameters) => referenceRows(inputs, shape, parameters, allRows(shape)),
  referenceRows,
  build: (full, parameters, precision) =>
    attentionGraph('moh', full, precision, 'heads-first', ({ builder, query, key, value }, shape) => {
      const { shared, routed, active } = headCounts(shape, parameters);
      const weights = new Map(
        (mixtureOfHead.weights?.(full, parameters) ?? []).map(({ name, shape: dims }) => [
          name,
          builder.input(name, precision, dims),
        ]),
      );
      const route = routeOf(query, shape, parameters, weights);
      const outputs: Value[] = [];
      const expected: Record<string, number> = {};
      const attend = (first: number, chosen: Value, share: number) => {
        const { output, spans } = routedHeads(query, key, value, chosen, shape, { first, span: parameters.span });
        for (const [name, length] of spans) expected[name] = share * length;
        return output;
      };
      const inTiles = sharedShape(shape, parameters);
      if (inTiles) {
        const few = (x: Value, heads: number): Value => slice(x, 1, 0, heads);
        const [q, k, v] = [few(query, shared), few(key, inTiles.kvHeads), few(value, inTiles.kvHeads)];
        outputs.push(builder.within('shared', () => causalInTiles(q, k, v, inTiles, tilesOf(parameters))));
      } else if (shared > 0) {
        const all = filled(
          builder.constant('bool', [], [1]),
          [shape.batch, shape.queries, shared],
          builder.constant('bool', [], [1]),
        );
        outputs.push(builder.within('shared', () => attend(0, all, 1)));
      }
      if (routed > 0 && active > 0) {
        outputs.push(builder.within('routed', () => attend(shared, route.chosen, active / routed)));
      } else if (routed > 0) {
        outputs.push(filled(query, [shape.batch, routed, shape.queries, shape.valueDim], 0));
      }
      builder.metadata.set(expectedSizes, JSON.stringify(expected));
      return multiply(concat(outputs, 1), unsqueeze(transpose(route.gains, [0, 2, 1]), 3));
    }),
  cost(shape, parameters) {
    const { shared, routed, active } = headCounts(shape, parameters);
    const { batch, heads, queries: n, headDim, valueDim, keys } = shape;
    const router =
      parameters.routing === 'learned'
        ? 2 * batch * n * heads * headDim * (heads + 2)
        : 2 * batch * n * heads * headDim;
    const inTiles = sharedShape(shape, parameters);
    const tiles = inTiles ? tiled.cost(inTiles, tilesOf(parameters)) : { flops: 0, bytes: 0, peakBytes: 0 };
    const taken = ((inTiles ? 0 : shared) + (routed > 0 ? active : 0)) / heads;
    const span = isCausalSelf(shape) ? Math.min(parameters.span, n) : n;
    const inside = isCausalSelf(shape) ? (Math.min(n, keys) * (span - 1)) / 2 : 0;
    const pairs = readablePairs(shape) + inside;
    const rows = 4 * batch * n * taken * heads * (2 * headDim + 2 * valueDim);
    const copies = isCausalSelf(shape) ? 4 * batch * shape.kvHeads * (n / span) * keys * (headDim + valueDim + 2) : 0;
    return {
      flops: router + tiles.flops + taken * pairFlops(shape, pairs),
      bytes:
        tensorBytes(shape) +
        tiles.bytes +
        2 * rows +
        copies +
        16 * batch * taken * heads * n * (isCausalSelf(shape) ? span : 0),
      peakBytes: 2 * tensorBytes(shape) + tiles.peakBytes + (taken > 0 ? rows / (taken * heads) : 0) + copies / 2,
    };
  },
  pattern: (shape, { span }) => ({
    dependsOnData: true,
    joinsHeads: true,
    reads: denseReads(shape),
    ...(isCausalSelf(shape) ? { block: { queries: span, keys: span } } : {}),
  }),
  chosen(inputs, shape, parameters, head) {
    const reads = denseReads(shape);
    const { data } = gains(inputs, shape, parameters);
    return (query, key) => data[query * shape.heads + head] !== 0 && reads(head, query, key);
  },
  limits: [
    {
      name: 'every head for every position',
      parameters: () => ({ share: 1, routing: 'query norm', span: 32 }),
      equals: 'scaled-dot-product',
    },
  ],
};

/**
 * Causal: heads that serve every position run in tiles, without gathering rows (a tenth of their computing time at 4096 positions,
 * onnxruntime 1.30, 2026-11). Undefined where they are none, or share a key/value head with routed ones.
 */
function sharedShape(shape: AttentionShape, parameters: Parameters): AttentionShape | undefined {
  const { shared } = headCounts(shape, parameters);
  const group = shape.heads / shape.kvHeads;
  if (!isCausalSelf(shape) || shared === 0 || shared % group !== 0) return undefined;
  return { ...shape, heads: shared, kvHeads: shared / group };
}

const tilesOf = ({ span }: Parameters) => ({ ...exactTiles, rows: Math.min(exactTiles.rows, span), span });

/** Gains [b, n, h], and which routed heads each position takes, bool [b, n, E]. */
function routeOf(
  query: Value,
  shape: AttentionShape,
  parameters: Parameters,
  weights: ReadonlyMap<string, Value>,
): { readonly gains: Value; readonly chosen: Value } {
  const { batch, heads, queries, headDim } = shape;
  const { shared, routed, active } = headCounts(shape, parameters);
  const positions = transpose(query, [0, 2, 1, 3]); // [b, n, h, d]
  const nobody = filled(query, [batch, queries, routed], 0);
  const mark = (scores: Value, numbers: (indices: Value, values: Value) => Value): Value => {
    if (active === 0) return nobody;
    const [values, indices] = topK(scores, active);
    return scatterElements(nobody, indices, numbers(indices, values), 2);
  };
  const ones = (indices: Value): Value => filled(query, indices.shape as number[], 1);
  if (parameters.routing === 'query norm') {
    const norms = reduceNorm(slice(positions, 2, shared), [3], false); // [b, n, E]
    const taken = mark(norms, ones);
    // Zero, or NaN where the router read one.
    const nothing = multiply(reduceSum(norms, [2]), 0);
    const always = filled(query, [batch, queries, shared], 1);
    const routedGains = add(taken, nothing);
    return { gains: shared > 0 ? concat([always, routedGains], 2) : routedGains, chosen: greater(taken, 0) };
  }
  const joined = reshape(positions, [batch, queries, heads * headDim]);
  const logits = (name: string): Value | undefined => {
    const weight = weights.get(name);
    return weight && fusedMatmul(joined, weight, { transposeB: true });
  };
  const parts: Value[] = [];
  const code = parameters.scaling === 'code';
  const groups = shared > 0 && active > 0 ? softmax(logits('router.groups')!) : undefined;
  const group = (at: number): Value | number => (groups ? slice(groups, 2, at, at + 1) : code ? 0.5 : 1);
  if (shared > 0) {
    const s = softmax(logits('router.shared')!);
    parts.push(multiply(multiply(s, group(0)), code ? 2 * shared : 1));
  }
  let chosen = greater(nobody, 0);
  if (routed > 0) {
    const scores = logits('router.routed')!;
    const p = softmax(scores);
    chosen = greater(mark(scores, ones), 0);
    const taken = multiply(p, cast(chosen, p.type));
    const scaled = code && active > 0 ? divide(multiply(taken, 2 * active), reduceSum(taken, [2])) : taken;
    parts.push(multiply(scaled, group(1)));
  }
  return { gains: concat(parts, 2), chosen };
}

/** g_(t, i) H_i(x)_t: the output of every head times its gain, 0 where a position does not take it. */
function referenceRows(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: Parameters,
  rows: readonly number[],
): Tensor {
  const output = softmaxRows(inputs, shape, rows, denseDefinition(shape));
  const { data } = gains(inputs, shape, parameters);
  const { batch, heads, queries, valueDim } = shape;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      rows.forEach((row, at) => {
        // The first rows of more queries than keys read nothing, whatever their gain.
        if (isCausalSelf(shape) && row + queryOffset(shape) < 0) return;
        const gain = data[(b * queries + row) * heads + h]!;
        const from = ((b * heads + h) * rows.length + at) * valueDim;
        // What an idle head would read is never read.
        for (let x = from; x < from + valueDim; x++) output.data[x] = gain === 0 ? 0 : output.data[x]! * gain;
      });
    }
  }
  return output;
}
