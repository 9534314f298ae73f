/**
 * Decoding by spans: a head keeps what its span will still read and nothing else, heads of equal spans in one cache; of the
 * keys and values that a compensated head dropped it keeps the sums.
 */
import { stepCost } from '../../cost/step';
import { stepInputs } from '../../graph/attention-graph';
import { GraphBuilder } from '../../graph/builder';
import { shapeOfClass } from '../../graph/head-classes';
import {
  attendKept,
  keepsNew,
  keptLists,
  keptNumbers,
  keptStates,
  leaving,
  rowsOfHeads,
  type KeptClass,
} from '../../graph/cache-state';
import { add, multiply } from '../../graph/operators/elementwise';
import { slice } from '../../graph/operators/layout';
import { integers } from '../../integers';
import type { Decoding, ParameterValues } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';
import { classesBySpan, droppedKeys, type HeadSpan, type HeadSpans } from './spans';
import type { StateTensor } from '../../graph/cache-state';

/** The positions [0, sinks) and the recent ones that stay for the query at a position. */
function keptFor({ sinks, recent }: HeadSpan, position: number): readonly number[] {
  const first = Math.min(sinks, position);
  return [...integers(0, first), ...integers(Math.max(first, position - recent + 1), position)];
}

interface SpanStep extends KeptClass {
  readonly span: HeadSpan;
  /** Positions that take part as their mean in this step. */
  readonly dropped: number;
}

export function spanDecoding<P extends ParameterValues>(
  id: string,
  spansOf: (shape: AttentionShape, parameters: P) => HeadSpans,
): Decoding<P> {
  const stepsAt = (shape: AttentionShape, parameters: P): readonly SpanStep[] => {
    const position = shape.keys - 1;
    const later = spansOf({ ...shape, keys: shape.keys + 1 }, parameters);
    return classesBySpan(spansOf(shape, parameters)).map(({ span, heads }, at) => ({
      name: String(at),
      heads,
      span,
      now: keptFor(span, position),
      next: keptFor(later[heads[0]!]!, position + 1),
      dropped: span.compensated ? droppedKeys(span, position) : 0,
    }));
  };
  return {
    states: (shape, parameters) =>
      stepsAt(shape, parameters).flatMap((step) => [...keptStates(shape, step), ...sumStates(shape, step)]),
    stateAfter: (inputs, shape, parameters) =>
      Object.assign(
        {},
        ...stepsAt({ ...shape, queries: 1, keys: shape.keys + 1 }, parameters).map((step) => {
          const { name, heads, span, dropped } = step;
          const gone = integers(span.sinks, span.sinks + dropped);
          const sums = span.compensated
            ? {
                [`key.sum.${name}`]: sumOfRows(rowsOfHeads(inputs.key, heads, gone)),
                [`value.sum.${name}`]: sumOfRows(rowsOfHeads(inputs.value, heads, gone)),
              }
            : {};
          return { ...keptNumbers(inputs, step), ...sums };
        }),
      ) as Readonly<Record<string, Tensor>>,
    build(shape, parameters, precision) {
      const builder = new GraphBuilder(`${id} step`);
      const { query, key, value } = stepInputs(builder, shape, precision);
      const classes = stepsAt(shape, parameters).map((step) => {
        const lists = keptLists(builder, shape, precision, step, key, value);
        const [own, cache] = lists as [(typeof lists)[number], (typeof lists)[number] | undefined];
        const [keySum, valueSum] = sumStates(shape, step).map(({ name, shape: dims }) =>
          builder.input(name, precision, dims),
        );
        if (!keySum || !valueSum) return { heads: step.heads, lists };
        // The position that leaves the recent ones; with one recent key that is the new one.
        const { from, to } = leaving(step);
        if (to > from || !keepsNew(shape, step)) {
          const left =
            to > from ? { keys: slice(cache!.keys, 2, from, to), values: slice(cache!.values, 2, from, to) } : own;
          builder.output(add(keySum, left.keys), `next.key.sum.${step.name}`);
          builder.output(add(valueSum, left.values), `next.value.sum.${step.name}`);
        }
        if (step.dropped === 0) return { heads: step.heads, lists };
        const mean = {
          keys: multiply(keySum, 1 / step.dropped),
          values: multiply(valueSum, 1 / step.dropped),
          bias: Math.log(step.dropped),
        };
        return { heads: step.heads, lists: [...lists, mean] };
      });
      builder.output(attendKept(query, shape, classes), 'output');
      return builder.finish();
    },
    /** Each head reads what it keeps, the new position and, compensated, one mean. */
    cost: (shape, parameters) =>
      stepCost(
        shape,
        stepsAt(shape, parameters).map(({ heads, now, dropped, span }) => ({
          shape: shapeOfClass(shape, heads),
          lists: [1, ...(now.length > 0 ? [now.length] : []), ...(dropped > 0 ? [1] : [])],
          sums: span.compensated ? 1 : 0,
        })),
      ),
  };
}

const sumStates = (
  { batch, headDim, valueDim }: AttentionShape,
  { name, heads, span }: SpanStep,
): readonly StateTensor[] =>
  span.compensated
    ? [
        { name: `key.sum.${name}`, shape: [batch, heads.length, 1, headDim] },
        { name: `value.sum.${name}`, shape: [batch, heads.length, 1, valueDim] },
      ]
    : [];

/** [b, h, m, width] summed over its positions: [b, h, 1, width]. */
function sumOfRows(x: Tensor): Tensor {
  const [batch, heads, length, width] = x.shape as readonly [number, number, number, number];
  const sums = zeros([batch, heads, 1, width]);
  for (let at = 0; at < x.data.length; at++) {
    sums.data[Math.floor(at / (length * width)) * width + (at % width)]! += x.data[at]!;
  }
  return sums;
}
