/**
 * A catalogue for the tests of the compute server: sound mechanisms as they are and others that go wrong in one way each. The
 * test build puts it in the place of kernels/catalogue.
 */
import { attentionGraph } from '../../../../kernels/graph/attention-graph';
import { add, floor, multiply } from '../../../../kernels/graph/operators/elementwise';
import { expand, reshape, slice, transpose } from '../../../../kernels/graph/operators/layout';
import { matmul } from '../../../../kernels/graph/operators/matrix';
import { softmax } from '../../../../kernels/graph/operators/reduce';
import { fused } from '../../../../kernels/mechanisms/fused';
import { lightningAttention2 } from '../../../../kernels/mechanisms/lightning/attention-2';
import { scaledDotProduct } from '../../../../kernels/mechanisms/scaled-dot-product';
import { memoryAsContext } from '../../../../kernels/mechanisms/titans/memory-as-context';
import { memoryAsLayer } from '../../../../kernels/mechanisms/titans/memory-as-layer';
import { gna } from '../../../../kernels/mechanisms/gna/gna';
import { longheads } from '../../../../kernels/mechanisms/longheads/longheads';
import { slidingWindow } from '../../../../kernels/mechanisms/sliding-window';
import type { Mechanism } from '../../../../kernels/mechanism';
import type { AttentionShape, Precision } from '../../../../kernels/shape';
import { zeros } from '../../../../kernels/tensors/tensor';

const sound = scaledDotProduct as Mechanism;
const context = memoryAsContext as Mechanism;

/** The reference differs by a hundredth: whatever the graph gives is wrong. */
const wrong: Mechanism = {
  ...sound,
  id: 'wrong',
  reference: (...args) => shifted(sound.reference(...args)),
  referenceRows: (...args) => shifted(sound.referenceRows!(...args)),
};
const shifted = (x: ReturnType<Mechanism['reference']>) => ({
  shape: x.shape,
  data: x.data.map((value) => value + 0.01),
});

/** One run takes seconds, during which the process hears nothing: powers of a large matrix, added with weight 0. */
const slow: Mechanism = { ...sound, id: 'slow', build: (shape, _parameters, precision) => slowGraph(shape, precision) };

function slowGraph(full: AttentionShape, precision: Precision) {
  return attentionGraph('slow', full, precision, 'heads-first', ({ query, key, value }, shape) => {
    const scores = matmul(multiply(query, shape.headDim ** -0.5), transpose(key, [0, 1, 3, 2]));
    const output = matmul(softmax(scores), value);
    const corner = reshape(slice(slice(slice(query, 1, 0, 1), 2, 0, 1), 3, 0, 1), [1, 1]);
    let power = expand(multiply(corner, 0), [3072, 3072]);
    for (let step = 0; step < 60; step++) power = matmul(power, power);
    return add(output, reshape(slice(slice(power, 0, 0, 1), 1, 0, 1), [1]));
  });
}

/** Ends its process as a native library does that gives up. */
const aborting: Mechanism = { ...sound, id: 'aborting', build: () => process.abort() };

/** A thousand times the memory of plain attention. */
const greedy: Mechanism = {
  ...sound,
  id: 'greedy',
  cost(shape, parameters) {
    const cost = sound.cost(shape, parameters);
    return { ...cost, peakBytes: cost.peakBytes * 1e6 };
  },
};

/** Claims more arithmetic than any device can do. */
const impossible: Mechanism = {
  ...sound,
  id: 'impossible',
  cost: (shape, parameters) => ({ ...sound.cost(shape, parameters), flops: 1e15 }),
};

/** Uses an operator that the runtime does not have. */
const unknownOperator: Mechanism = {
  ...sound,
  id: 'unknown-operator',
  build: (full, _parameters, precision) =>
    attentionGraph(
      'unknown-operator',
      full,
      precision,
      'heads-first',
      ({ query }) => query.graph.node('NoSuchOperator', [query], [{ type: query.type, shape: query.shape }])[0],
    ),
};

/** Right, and its key goes through steps of 2^-20, whose derivative is 0 where the definition has a gradient. */
const wrongGradient: Mechanism = {
  ...sound,
  id: 'wrong-gradient',
  build: (full, _parameters, precision) =>
    attentionGraph('wrong-gradient', full, precision, 'heads-first', ({ query, key, value }, shape) => {
      const stepped = multiply(floor(multiply(key, 2 ** 20)), 2 ** -20);
      const scores = matmul(multiply(query, shape.headDim ** -0.5), transpose(stepped, [0, 1, 3, 2]));
      return matmul(softmax(scores), value);
    }),
};

/** Right, and made with an operator whose gradient is not known. */
const withoutGradient: Mechanism = {
  ...sound,
  id: 'without-gradient',
  build: (full, _parameters, precision) =>
    attentionGraph('without-gradient', full, precision, 'heads-first', ({ query, key, value }, shape) => {
      const nothing = query.graph.node('Celu', [multiply(query, 0)], [{ type: query.type, shape: query.shape }])[0];
      const scores = matmul(multiply(add(query, nothing), shape.headDim ** -0.5), transpose(key, [0, 1, 3, 2]));
      return matmul(softmax(scores), value);
    }),
};

/** Has no rows of its reference, which is too long to be run whole beyond a few hundred positions. */
const withoutRows: Mechanism = { ...sound, id: 'without-rows' };
delete (withoutRows as { referenceRows?: unknown }).referenceRows;

/** Decodes on a state that has lost what the memory answered in this segment. */
const wrongStep: Mechanism = {
  ...context,
  id: 'wrong-step',
  decode: {
    ...context.decode!,
    stateAfter(...args) {
      const state = context.decode!.stateAfter(...args);
      return { ...state, 'segment.context.value': zeros(state['segment.context.value']!.shape) };
    },
  },
};

export const catalogue: readonly Mechanism[] = [
  fused,
  sound,
  slidingWindow,
  gna,
  longheads,
  lightningAttention2,
  context,
  memoryAsLayer,
  wrong,
  wrongStep,
  slow,
  aborting,
  greedy,
  impossible,
  unknownOperator,
  withoutRows,
  wrongGradient,
  withoutGradient,
];
