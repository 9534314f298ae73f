import { tensorBytes } from '../../cost/attention';
import { attentionGraph, stepInputs } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import type { Mechanism } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import { largest, roundingUnit } from '../../tensors/tolerance';
import { memoryReference, memoryStates } from './memory';
import {
  chunkFlops,
  chunksOf,
  memoryBytes,
  memoryStateTensors,
  memoryWeights,
  readInChunks,
  readStep,
  stepMemory,
  stepStates,
} from './memory-graph';
import { chunkParameter, inOrder } from './sequence';

interface Parameters extends Record<string, number> {
  readonly chunk: number;
}

export const neuralMemory: Mechanism<Parameters> = {
  id: 'neural-memory',
  title: 'Neural memory (Titans)',
  family: 'memory',
  summary:
    'A matrix learns, position by position, to give each value for its key: gradient steps at run time with momentum and forgetting, read by the queries. Its state does not grow, and time grows with n.',
  source: {
    reference: 'arXiv:2501.00663, section 3.1 and 3.2 (the memory alone, one layer)',
    trust: 'medium',
    note: 'Our choices: half the squared error summed over features; forget, learn and keep are sigmoids of the key, one each for a position and head, in place of the layer’s input; no convolution and no residual. Gradients are taken at the start of a chunk, as published; a query reads after the write. The paper’s deeper memories are not in this kernel; memory joined with attention: titans-mac, titans-mag and titans-mal.',
  },
  template: {
    projected: 'rates of forgetting, learning and keeping, from the key',
    scores: 'none: a memory learns to give each value for its key',
    positions: { words: 'all that came before, in their order', chosen: 'by data' },
    normaliser: { words: 'none', averagesValues: false },
    aggregation: 'gradient steps on a matrix, read by q',
    mixing: 'data-dependent',
    matrix: 'low rank',
    state: { words: 'the memory and its momentum, two d x e matrices', grows: false },
    sharded: {
      heads: 'nothing; the heads of the output are joined',
      headsIndependent: true,
      sequence: 'memory and momentum from part to part, one part after another',
    },
  },
  parameters: { chunk: chunkParameter },
  layout: 'heads-first',
  exponent: 1,
  supports: inOrder,
  weights: memoryWeights,
  reference: (inputs, shape, { chunk }) => memoryReference(inputs, shape, { chunk }),
  build: (full, parameters, precision) =>
    attentionGraph('neural-memory', full, precision, 'heads-first', ({ builder, query, key, value }, shape) => {
      const weights = memoryWeights(full).map(({ name, shape: dims }) => builder.input(name, precision, dims));
      return readInChunks(query, key, value, weights, shape, parameters);
    }),
  cost(shape, { chunk }) {
    const { batch, heads, kvHeads, keys } = shape;
    const { size, count } = chunksOf(keys, { chunk });
    const rows = count * size;
    const states = memoryBytes(shape);
    return {
      flops: chunkFlops(shape, size, rows),
      bytes: 5 * tensorBytes(shape) + count * 12 * states + 4 * batch * rows * size * (6 * kvHeads + 4 * heads),
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
    states: memoryStateTensors,
    stateAfter: (inputs, shape, { chunk }) => memoryStates(inputs, shape, { chunk }),
    build(shape, { chunk }, precision) {
      const builder = new GraphBuilder('neural-memory step');
      const { query, key, value } = stepInputs(builder, shape, precision);
      const states = stepStates(builder, shape, precision);
      // What the memory began with is in the state; the input stays, so that steps and prefill take the same weights.
      const weights = memoryWeights(shape).map(({ name, shape: dims }) => builder.input(name, precision, dims));
      const next = stepMemory(builder, states, key, value, weights, (shape.keys - 1) % chunk === 0);
      builder.output(readStep(query, next, shape), 'output');
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
