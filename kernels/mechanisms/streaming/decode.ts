/**
 * Decoding by spans: a head keeps what its span will still read and nothing else, heads of equal spans in one cache. Letters
 * as in spans.ts; n positions have been read, the new one stands at n.
 */
import { stepCost } from '../../cost/step';
import { stepInputs } from '../../graph/attention-graph';
import { attendLists, type KeyList } from '../../graph/attention-step';
import { GraphBuilder } from '../../graph/builder';
import { joinClasses, pickHeads, queriesOfClass, shapeOfClass } from '../../graph/head-classes';
import { add, multiply } from '../../graph/operators/elementwise';
import { reshape, slice } from '../../graph/operators/layout';
import { integers } from '../../integers';
import type { Decoding, ParameterValues, StateTensor } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';
import { classesBySpan, droppedKeys, type HeadSpan, type HeadSpans } from './spans';

/** The positions [0, sinks) and [from, n) that stay for the query at n. */
interface Kept {
  readonly sinks: number;
  readonly from: number;
  readonly rows: number;
}

function keptFor({ sinks, recent }: HeadSpan, position: number): Kept {
  const first = Math.min(sinks, position);
  const from = Math.max(first, position - recent + 1);
  return { sinks: first, from, rows: first + position - from };
}

/** A class of heads before and after the step. */
interface StepClass {
  readonly name: string;
  readonly heads: readonly number[];
  readonly span: HeadSpan;
  readonly kept: Kept;
  /** Some oldest recent position is read no more after this step; with one recent key that is the new position itself. */
  readonly forgets: boolean;
  /** The new position stays. */
  readonly keepsNew: boolean;
  /** Positions that take part as their mean in this step. */
  readonly dropped: number;
}

/** By the spans for the length of the step and for the one after it. */
function classesOfStep(shape: AttentionShape, spans: HeadSpans, nextSpans: HeadSpans): readonly StepClass[] {
  const position = shape.keys - 1;
  return classesBySpan(spans).map(({ span, heads }, at) => {
    const kept = keptFor(span, position);
    const after = keptFor(nextSpans[heads[0]!]!, position + 1);
    return {
      name: String(at),
      heads,
      span,
      kept,
      forgets: after.rows <= kept.rows,
      keepsNew: after.from <= position || after.sinks > position,
      dropped: span.compensated ? droppedKeys(span, position) : 0,
    };
  });
}

export function spanDecoding<P extends ParameterValues>(
  id: string,
  spansOf: (shape: AttentionShape, parameters: P) => HeadSpans,
): Decoding<P> {
  const classesAt = (shape: AttentionShape, parameters: P) =>
    classesOfStep(shape, spansOf(shape, parameters), spansOf({ ...shape, keys: shape.keys + 1 }, parameters));
  return {
    states: (shape, parameters) => classesAt(shape, parameters).flatMap((each) => statesOf(shape, each)),
    stateAfter(inputs, shape, parameters) {
      const step = { ...shape, queries: 1, keys: shape.keys + 1 };
      const states = classesAt(step, parameters).flatMap(({ name, heads, span, kept }) => {
        const positions = [...integers(0, kept.sinks), ...integers(kept.from, shape.keys)];
        const gone = span.compensated ? integers(kept.sinks, kept.from) : [];
        const cache = (x: Tensor): Tensor => rowsOfHeads(x, heads, positions);
        return [
          ...(kept.rows > 0
            ? [
                [`key.${name}`, cache(inputs.key)],
                [`value.${name}`, cache(inputs.value)],
              ]
            : []),
          ...(span.compensated
            ? [
                [`key.sum.${name}`, sumOfRows(rowsOfHeads(inputs.key, heads, gone))],
                [`value.sum.${name}`, sumOfRows(rowsOfHeads(inputs.value, heads, gone))],
              ]
            : []),
        ] as const;
      });
      return Object.fromEntries(states) as Readonly<Record<string, Tensor>>;
    },
    build(shape, parameters, precision) {
      const builder = new GraphBuilder(`${id} step`);
      const { query, key, value } = stepInputs(builder, shape, precision);
      const classes = classesAt(shape, parameters);
      const outputs = classes.map((own) => {
        const { name, heads, kept, forgets, keepsNew, dropped } = own;
        const [newKey, newValue] = [pickHeads(key, heads), pickHeads(value, heads)];
        const states = new Map(
          statesOf(shape, own).map((state) => [state.name, builder.input(state.name, precision, state.shape)]),
        );
        const lists: KeyList[] = [{ keys: newKey, values: newValue }];
        for (const [kind, row] of [
          ['key', newKey],
          ['value', newValue],
        ] as const) {
          const cache = states.get(`${kind}.${name}`);
          if (cache && keepsNew) builder.output(row, `next.${kind}.${name}`);
          const sum = states.get(`${kind}.sum.${name}`);
          if (!sum || !forgets) continue;
          const leaving = cache && keepsNew ? slice(cache, 2, kept.sinks, kept.sinks + 1) : row;
          builder.output(add(sum, leaving), `next.${kind}.sum.${name}`);
        }
        if (kept.rows > 0) lists.push({ keys: states.get(`key.${name}`)!, values: states.get(`value.${name}`)! });
        if (dropped > 0) {
          lists.push({
            keys: multiply(states.get(`key.sum.${name}`)!, 1 / dropped),
            values: multiply(states.get(`value.sum.${name}`)!, 1 / dropped),
            logCount: Math.log(dropped),
          });
        }
        const group = shape.heads / shape.kvHeads;
        const queries = reshape(queriesOfClass(query, shape, heads), [shape.batch, heads.length, group, shape.headDim]);
        return attendLists(queries, lists, shape.headDim ** -0.5);
      });
      builder.output(joinClasses(outputs, shape, classes), 'output');
      return builder.finish();
    },
    /** Each head reads what it keeps, the new position and, compensated, one mean. */
    cost: (shape, parameters) =>
      stepCost(
        shape,
        classesAt(shape, parameters).map(({ heads, kept, dropped, span }) => ({
          shape: shapeOfClass(shape, heads),
          lists: [1, ...(kept.rows > 0 ? [kept.rows] : []), ...(dropped > 0 ? [1] : [])],
          sums: span.compensated ? 1 : 0,
        })),
      ),
  };
}

function statesOf(
  { batch, headDim, valueDim }: AttentionShape,
  { name, heads, span, kept, forgets, keepsNew }: StepClass,
): readonly StateTensor[] {
  const states: StateTensor[] = [];
  for (const [kind, width] of [
    ['key', headDim],
    ['value', valueDim],
  ] as const) {
    if (kept.rows > 0) {
      states.push({
        name: `${kind}.${name}`,
        shape: [batch, heads.length, kept.rows, width],
        grows: 2,
        ...(forgets && keepsNew ? { forgets: kept.sinks } : {}),
      });
    }
    if (span.compensated) states.push({ name: `${kind}.sum.${name}`, shape: [batch, heads.length, 1, width] });
  }
  return states;
}

/** Positions of some heads of [b, hkv, m, width]. */
function rowsOfHeads(x: Tensor, heads: readonly number[], positions: readonly number[]): Tensor {
  const [batch, kvHeads, length, width] = x.shape as readonly [number, number, number, number];
  const rows = zeros([batch, heads.length, positions.length, width]);
  let to = 0;
  for (let b = 0; b < batch; b++) {
    for (const head of heads) {
      for (const position of positions) {
        const from = ((b * kvHeads + head) * length + position) * width;
        rows.data.set(x.data.subarray(from, from + width), to);
        to += width;
      }
    }
  }
  return rows;
}

/** [b, h, m, width] summed over its positions: [b, h, 1, width]. */
function sumOfRows(x: Tensor): Tensor {
  const [batch, heads, length, width] = x.shape as readonly [number, number, number, number];
  const sums = zeros([batch, heads, 1, width]);
  for (let at = 0; at < x.data.length; at++) {
    sums.data[Math.floor(at / (length * width)) * width + (at % width)]! += x.data[at]!;
  }
  return sums;
}
