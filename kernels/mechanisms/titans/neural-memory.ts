import { tensorBytes } from '../../cost/attention';
import { attentionGraph, stepInputs } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import { scan } from '../../graph/operators/control';
import {
  add,
  divide,
  exponential,
  logarithm,
  maximum,
  minimum,
  multiply,
  negate,
  sigmoid,
  squareRoot,
  subtract,
} from '../../graph/operators/elementwise';
import { expand, pad, reshape, slice, transpose, unsqueeze } from '../../graph/operators/layout';
import { fusedMatmul, matmul } from '../../graph/operators/matrix';
import { cumulativeSum, reduceSum } from '../../graph/operators/reduce';
import type { Value } from '../../graph/records';
import type { Mechanism, Weight } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import type { AttentionShape } from '../../shape';
import { zeros } from '../../tensors/tensor';
import { largest, roundingUnit } from '../../tensors/tolerance';
import { memoryReference, normEpsilon, runMemory } from './memory';

interface Parameters extends Record<string, number> {
  readonly chunk: number;
}

const weightsOf = ({ kvHeads, headDim, valueDim }: AttentionShape): readonly Weight[] => [
  { name: 'gates', shape: [kvHeads, headDim, 3], initial: { kind: 'normal', deviation: headDim ** -0.5 } },
  { name: 'gates.offset', shape: [kvHeads, 1, 3], initial: { kind: 'constant', value: 0 } },
  { name: 'memory', shape: [kvHeads, headDim, valueDim], initial: { kind: 'normal', deviation: headDim ** -0.5 } },
];

export const neuralMemory: Mechanism<Parameters> = {
  id: 'neural-memory',
  title: 'Neural memory (Titans)',
  family: 'memory',
  summary:
    'A matrix learns, position by position, to give each value for its key: gradient steps at run time with momentum and forgetting, read by the queries. Its state does not grow, and time grows with n.',
  source: {
    reference: 'arXiv:2501.00663, section 3.1 and 3.2 (the memory alone, one layer)',
    trust: 'medium',
    note: 'Our choices: half the squared error summed over features; forget, learn and keep are sigmoids of the key, one each for a position and head, in place of the layer’s input; no convolution and no residual. Gradients are taken at the start of a chunk, as published; a query reads after the write. The paper’s deeper memories and its three ways to join memory and attention are not in this kernel.',
  },
  parameters: {
    chunk: {
      kind: 'integer',
      title: 'Chunk',
      description: 'Positions whose gradients are taken at the same memory; 1 is the exact online rule.',
      min: 1,
      max: 1024,
      default: 64,
    },
  },
  layout: 'heads-first',
  exponent: 1,
  supports: ({ pattern }) =>
    pattern === 'causal-self'
      ? { ok: true }
      : { ok: false, why: 'The memory is learned in the order of one sequence: it takes causal self-attention only.' },
  weights: weightsOf,
  reference: (inputs, shape, { chunk }) => memoryReference(inputs, shape, chunk),
  build: (full, parameters, precision) =>
    attentionGraph('neural-memory', full, precision, 'heads-first', ({ builder, query, key, value }, shape) => {
      const weights = weightsOf(full).map(({ name, shape: dims }) => builder.input(name, precision, dims));
      return chunked(query, key, value, weights, shape, parameters.chunk);
    }),
  /** A chunk of L: decays L^3 + L^2, errors and states 3 L d dv for a key head; 2 L d dv + L^2 (d + dv) for a query head. */
  cost(shape, { chunk }) {
    const { batch, heads, kvHeads, keys, headDim: d, valueDim: e } = shape;
    const size = Math.min(chunk, keys);
    const rows = Math.ceil(keys / size) * size;
    const perKey = size ** 2 + size + 3 * d * e + 3 * d;
    const perQuery = 2 * d * e + size * (d + e);
    const products = batch * rows * (kvHeads * perKey + heads * perQuery);
    const elementwise = batch * rows * (kvHeads * (8 * size + 6 * d) + heads * (2 * size + 6 * d));
    const states = 4 * batch * kvHeads * d * e;
    return {
      flops: 2 * products + elementwise,
      bytes: 5 * tensorBytes(shape) + (rows / size) * 12 * states + 4 * batch * rows * size * (6 * kvHeads + 4 * heads),
      peakBytes: 4 * tensorBytes(shape) + 6 * states,
    };
  },
  pattern: (shape, { chunk }) => ({
    dependsOnData: true,
    reads: denseReads(shape),
    block: { queries: chunk, keys: chunk },
  }),
  // Of the size of the values times the time constants of momentum and forgetting, about 2 each.
  tolerance: ({ value, weights }, shape, _parameters, precision) =>
    roundingUnit(precision) *
    64 *
    Math.sqrt(shape.headDim) *
    (largest(value) + largest(weights['memory']!) * Math.sqrt(shape.headDim)),
  decode: {
    states: ({ batch, kvHeads, headDim, valueDim }) =>
      ['state.memory', 'state.surprise', 'state.start'].map((name) => ({
        name,
        shape: [batch, kvHeads, headDim, valueDim],
      })),
    stateAfter(inputs, shape, { chunk }) {
      const { batch, kvHeads, headDim, valueDim } = shape;
      const size = headDim * valueDim;
      const [memory, surprise, start] = [0, 1, 2].map(() => zeros([batch, kvHeads, headDim, valueDim])) as [
        ReturnType<typeof zeros>,
        ReturnType<typeof zeros>,
        ReturnType<typeof zeros>,
      ];
      for (let head = 0; head < batch * kvHeads; head++) {
        const state = runMemory(inputs, shape, chunk, head, () => undefined);
        memory.data.set(state.memory, head * size);
        surprise.data.set(state.surprise, head * size);
        start.data.set(state.start, head * size);
      }
      return { 'state.memory': memory, 'state.surprise': surprise, 'state.start': start };
    },
    build(shape, { chunk }, precision) {
      const builder = new GraphBuilder('neural-memory step');
      const { batch, heads, kvHeads, headDim, valueDim } = shape;
      const { query, key, value } = stepInputs(builder, shape, precision);
      const state = (name: string): Value => builder.input(name, precision, [batch, kvHeads, headDim, valueDim]);
      const [memory, surprise, kept] = [state('state.memory'), state('state.surprise'), state('state.start')];
      const [gates, offset] = weightsOf(shape)
        .slice(0, 2)
        .map(({ name, shape: dims }) => builder.input(name, precision, dims));
      // What the memory began with is in the state; the input stays, so that steps and prefill take the same weights.
      builder.input('memory', precision, [kvHeads, headDim, valueDim]);
      const start = (shape.keys - 1) % chunk === 0 ? memory : kept;
      const { forget, learn, keep } = gateValues(key, gates!, offset!); // [b, hkv, 1, 1]
      const k = unitRows(key);
      const gradient = fusedMatmul(k, subtract(matmul(k, start), value), { transposeA: true });
      const nextSurprise = subtract(multiply(surprise, keep), multiply(gradient, learn));
      const next = add(multiply(memory, subtract(1, forget)), nextSurprise);
      const rows = reshape(unitRows(query), [batch, kvHeads, heads / kvHeads, headDim]);
      builder.output(reshape(matmul(rows, next), [batch, heads, 1, valueDim]), 'output');
      builder.output(next, 'next.state.memory');
      builder.output(nextSurprise, 'next.state.surprise');
      builder.output(start, 'next.state.start');
      return builder.finish();
    },
    cost({ batch, heads, kvHeads, headDim, valueDim }) {
      const cells = batch * headDim * valueDim;
      return {
        flops: cells * (9 * kvHeads + 2 * heads),
        bytes: 4 * cells * 12 * kvHeads,
        peakBytes: 4 * cells * 6 * kvHeads,
      };
    },
  },
  limits: [],
};

/** SiLU, then length 1 along the last axis. */
function unitRows(x: Value): Value {
  const active = multiply(x, sigmoid(x));
  return divide(active, squareRoot(add(reduceSum(multiply(active, active), [-1]), normEpsilon)));
}

/** forget, learn and keep of each position, [b, hkv, m, 1]. */
function gateValues(key: Value, gates: Value, offset: Value) {
  const all = sigmoid(add(matmul(key, gates), offset));
  const [forget, learn, keep] = [0, 1, 2].map((at) => slice(all, 3, at, at + 1)) as [Value, Value, Value];
  return { forget, learn, keep };
}

/**
 * A chunk at once. With A[t, s] the product of (1 - forget) over (s, t] and E[s, i] that of keep over (i, s], both for s <= t
 * and i <= s, the gradient of i weighs W[t, i] = learn_i sum_s A[t, s] E[s, i] in the memory after t; what the chunk began
 * with weighs B_t (memory) and c_t (surprise). Then y_t = B_t q_t Phi + c_t q_t S - sum_i W[t, i] (q_t . k_i) u_i with u_i =
 * k_i Phi - v_i.
 */
function chunked(
  query: Value,
  key: Value,
  value: Value,
  [gates, offset, memory]: readonly Value[],
  shape: AttentionShape,
  chunk: number,
): Value {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const group = heads / kvHeads;
  const size = Math.min(chunk, keys);
  const count = Math.ceil(keys / size);
  const spare = count * size - keys;
  const blocks = (x: Value, own: number): Value => {
    const width = Number(x.shape[3]);
    const cut = reshape(pad(x, 2, count * size - spare - Number(x.shape[2]), spare), [
      batch,
      kvHeads,
      own,
      count,
      size,
      width,
    ]);
    return transpose(cut, [3, 0, 1, 2, 4, 5]);
  };
  const { forget, learn, keep } = gateValues(key, gates!, offset!);
  // A gate of 0 would make differences of infinities; exp(-60) is nothing beside 1.
  const logOf = (gate: Value): Value => maximum(logarithm(gate), -60);
  const kept = logOf(subtract(1, forget));
  const scanned = [
    blocks(unitRows(query), group),
    blocks(unitRows(key), 1),
    blocks(value, 1),
    blocks(kept, 1),
    blocks(logOf(keep), 1),
    blocks(learn, 1),
  ];
  const stateShape = [batch, kvHeads, 1, headDim, valueDim];
  const first = expand(unsqueeze(unsqueeze(memory!, 0), 2), stateShape);
  const none = multiply(first, 0);
  const lower = query.graph.constant(
    query.type,
    [size, size],
    Float32Array.from({ length: size * size }, (_, x) => (x % size <= Math.floor(x / size) ? 1 : 0)),
  );
  const { outputs } = scan([first, none], scanned, ([phi, surprise], [q, k, v, logKept, logKeep, rate]) => {
    const between = (sums: Value): Value =>
      multiply(exponential(minimum(subtract(sums, transpose(sums, [0, 1, 2, 4, 3])), 0)), lower);
    const [keptSums, keepSums] = [cumulativeSum(logKept!, 3), cumulativeSum(logKeep!, 3)]; // [b, hkv, 1, L, 1]
    const forgetting = between(keptSums); // A
    const momentum = between(keepSums); // E
    const rates = transpose(rate!, [0, 1, 2, 4, 3]); // [b, hkv, 1, 1, L]
    const weights = multiply(matmul(forgetting, momentum), rates);
    const fromMemory = exponential(keptSums);
    const fromSurprise = matmul(forgetting, exponential(keepSums));
    const errors = subtract(matmul(k!, phi!), v!);
    const seen = multiply(fusedMatmul(q!, k!, { transposeB: true }), weights);
    const y = subtract(
      add(multiply(matmul(q!, phi!), fromMemory), multiply(matmul(q!, surprise!), fromSurprise)),
      matmul(seen, errors),
    );
    const last = (x: Value): Value => slice(x, 3, size - 1, size);
    const column = (row: Value): Value => transpose(row, [0, 1, 2, 4, 3]);
    const gathered = (row: Value): Value => fusedMatmul(multiply(k!, column(row)), errors, { transposeA: true });
    const nextPhi = subtract(
      add(multiply(phi!, last(fromMemory)), multiply(surprise!, last(fromSurprise))),
      gathered(last(weights)),
    );
    const nextSurprise = add(
      multiply(surprise!, exponential(last(keepSums))),
      negate(gathered(multiply(last(momentum), rates))),
    );
    return { states: [nextPhi, nextSurprise], outputs: [y] };
  });
  const rows = reshape(transpose(outputs[0]!, [1, 2, 3, 0, 4, 5]), [batch, heads, count * size, valueDim]);
  return slice(rows, 2, keys - queries, keys);
}
