/**
 * A vector added to the residual stream that leaves the layer (steering): h becomes h + v. Neutral: v = -0, which leaves every float as it
 * is, 0 and -0 too. It acts before a replacement of the stream, so that what is replaced is what came in. Its gradient is that of a
 * sum: it passes on what comes.
 */
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { add } from '../../../kernels/graph/operators/elementwise';
import type { Value } from '../../../kernels/graph/records';

/** One row for all positions, or one for each: the run decides. */
export const declareAddition = (graph: GraphBuilder, hiddenSize: number): Value =>
  graph.input('residual_addition', 'float32', ['b', 'added', hiddenSize]);

export const withAddition = (addition: Value | undefined, stream: Value): Value =>
  addition ? add(stream, { ...addition, shape: stream.shape }) : stream;
