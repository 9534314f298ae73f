import { tensorBytes } from '../../cost/attention';
import { attentionGraph, stepInputs } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import type { Mechanism } from '../../mechanism';
import { denseReads } from '../../reference/pattern';
import { memoryParameters, memoryStateTensors, memoryWeights, type MemoryParameters } from './layers';
import { memoryReference, memoryStates } from './memory';
import { chunkBytes, chunkFlops, chunkPeakBytes, stepCost } from './memory-cost';
import { chunksOf, readInChunks, takeWeights, memoryAmplification } from './memory-graph';
import { readStep, stepMemory, stepStates } from './memory-step';
import { memorySupport } from './sequence';

export const neuralMemory: Mechanism<MemoryParameters> = {
  id: 'neural-memory',
  title: 'Neural memory (Titans)',
  family: 'memory',
  summary:
    'A matrix, or a small network, learns, position by position, to give each value for its key: gradient steps at run time with momentum and forgetting, read by the queries. Its state does not grow, and time grows with n.',
  source: {
    reference: 'arXiv:2501.00663, section 3.1 and 3.2 (the memory alone)',
    trust: 'medium',
    note: 'Our choices: half the squared error summed over features; forget, learn and keep are sigmoids of the key, one each for a position and head, in place of the layer’s input; no convolution and no residual (the module neural-memory-block has all three). Gradients are taken at the start of a chunk, as published; a query reads after the write. Deeper memories are multilayer perceptrons without bias or residual, with GELU (tanh form) and hidden layers of 4 widths as in titans-pytorch (unofficial); every layer’s gradient is taken at the start of the chunk. Momentum and forgetting can be switched off; the largest step is 1 (titans-pytorch: theta_max). Memory joined with attention: titans-mac, titans-mag and titans-mal.',
  },
  template: {
    projected: 'rates of forgetting, learning and keeping, from the key',
    scores: 'none: a memory learns to give each value for its key',
    positions: { words: 'all that came before, in their order', chosen: 'beforehand' },
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
  parameters: memoryParameters,
  layout: 'heads-first',
  exponent: 1,
  supports: memorySupport,
  weights: memoryWeights,
  reference: memoryReference,
  build: (full, parameters, precision) =>
    attentionGraph('neural-memory', full, precision, 'heads-first', ({ builder, query, key, value }, shape) => {
      const weights = takeWeights(builder, memoryWeights(full, parameters), precision);
      return readInChunks(query, key, value, weights, shape, parameters);
    }),
  cost(shape, parameters) {
    const { size, count } = chunksOf(shape.keys, parameters);
    const rows = count * size;
    return {
      flops: chunkFlops(shape, size, rows, parameters),
      bytes: 5 * tensorBytes(shape) + chunkBytes(shape, size, rows, parameters),
      peakBytes: 4 * tensorBytes(shape) + chunkPeakBytes(shape, size, parameters),
    };
  },
  pattern: (shape, { chunk }) => ({
    dependsOnData: true,
    reads: denseReads(shape),
    block: { queries: chunk, keys: chunk },
  }),
  amplification: memoryAmplification,
  decode: {
    states: memoryStateTensors,
    stateAfter: memoryStates,
    build(shape, parameters, precision) {
      const builder = new GraphBuilder('neural-memory step');
      const { query, key, value } = stepInputs(builder, shape, precision);
      const states = stepStates(builder, shape, parameters, precision);
      // What the memory began with is in the state; the input stays, so that steps and prefill take the same weights.
      const weights = takeWeights(builder, memoryWeights(shape, parameters), precision);
      const next = stepMemory(builder, states, key, value, weights, shape, parameters);
      builder.output(readStep(query, next, shape), 'output');
      return builder.finish();
    },
    cost: stepCost,
  },
  limits: [],
};
