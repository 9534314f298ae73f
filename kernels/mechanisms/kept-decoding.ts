/** Decoding of patterns that are chosen beforehand and never come back to a position that they left. */
import { stepCost } from '../cost/step';
import { stepInputs } from '../graph/attention-graph';
import { GraphBuilder } from '../graph/builder';
import { shapeOfClass } from '../graph/head-classes';
import { attendKept, keptLists, keptNumbers, keptStates, type KeptClass } from '../graph/cache-state';
import type { Decoding, ParameterValues } from '../mechanism';
import type { AttentionShape } from '../shape';
import type { Tensor } from '../tensors/tensor';

export interface KeptPattern {
  /** Key/value heads, ascending. */
  readonly heads: readonly number[];
  /** Positions before the given one that the query there reads, ascending; a query reads itself besides. */
  readonly keptAt: (position: number) => readonly number[];
}

export function keptDecoding<P extends ParameterValues>(
  id: string,
  patternsOf: (shape: AttentionShape, parameters: P) => readonly KeptPattern[],
): Decoding<P> {
  const classesOf = (shape: AttentionShape, parameters: P): readonly KeptClass[] =>
    patternsOf(shape, parameters).map(({ heads, keptAt }, at) => ({
      name: String(at),
      heads,
      now: keptAt(shape.keys - 1),
      next: keptAt(shape.keys),
    }));
  return {
    states: (shape, parameters) => classesOf(shape, parameters).flatMap((kept) => keptStates(shape, kept)),
    stateAfter: (inputs, shape, parameters) =>
      Object.assign(
        {},
        ...classesOf({ ...shape, keys: shape.keys + 1 }, parameters).map((kept) => keptNumbers(inputs, kept)),
      ) as Readonly<Record<string, Tensor>>,
    build(shape, parameters, precision) {
      const builder = new GraphBuilder(`${id} step`);
      const { query, key, value } = stepInputs(builder, shape, precision);
      const classes = classesOf(shape, parameters).map((kept) => ({
        heads: kept.heads,
        lists: keptLists(builder, shape, precision, kept, key, value),
      }));
      builder.output(attendKept(query, shape, classes), 'output');
      return builder.finish();
    },
    cost: (shape, parameters) =>
      stepCost(
        shape,
        classesOf(shape, parameters).map(({ heads, now }) => ({
          shape: shapeOfClass(shape, heads),
          lists: now.length > 0 ? [1, now.length] : [1],
        })),
      ),
  };
}
