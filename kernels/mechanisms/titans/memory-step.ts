/** One step of decoding with the neural memory of Titans in a graph. */
import type { GraphBuilder } from '../../graph/builder';
import { add, multiply, negate, subtract } from '../../graph/operators/elementwise';
import { reshape } from '../../graph/operators/layout';
import { fusedMatmul } from '../../graph/operators/matrix';
import type { Value } from '../../graph/records';
import type { AttentionShape, Precision } from '../../shape';
import { memoryStateTensors, type MemoryParameters } from './layers';
import { gateValues, unitRows, type WeightValues } from './memory-graph';
import { errorsOf, forwardOf } from './network-graph';

/** Layer by layer [b, hkv, rows, columns]; no surprise without momentum. */
export interface StepMemory {
  readonly memory: readonly Value[];
  readonly surprise: readonly Value[];
  readonly start: readonly Value[];
}

/** The states as inputs of a step's graph. */
export function stepStates(
  builder: GraphBuilder,
  shape: AttentionShape,
  parameters: MemoryParameters,
  precision: Precision,
): StepMemory {
  const states: Record<keyof StepMemory, Value[]> = { memory: [], surprise: [], start: [] };
  for (const { name, part, shape: dims } of memoryStateTensors(shape, parameters)) {
    states[part].push(builder.input(name, precision, dims));
  }
  return states;
}

/**
 * Learns one position, key [b, hkv, 1, d] and value [b, hkv, 1, dv], and hands the states on; gives the memory after it.
 */
export function stepMemory(
  builder: GraphBuilder,
  { memory, surprise, start: kept }: StepMemory,
  key: Value,
  value: Value,
  weights: WeightValues,
  shape: AttentionShape,
  parameters: MemoryParameters,
): readonly Value[] {
  const start = (shape.keys - 1) % parameters.chunk === 0 ? memory : kept;
  const { forget, learn, keep } = gateValues(key, weights, parameters); // [b, hkv, 1, 1]
  const forward = forwardOf(start, unitRows(key));
  const errors = errorsOf(start, forward, value);
  const steps = errors.map((error, layer) => {
    const step = negate(multiply(fusedMatmul(forward[layer]!.input, error, { transposeA: true }), learn));
    return keep ? add(multiply(surprise[layer]!, keep), step) : step;
  });
  const next = memory.map((layer, at) => add(forget ? multiply(layer, subtract(1, forget)) : layer, steps[at]!));
  const states = { memory: next, surprise: steps, start };
  for (const { name, part, layer } of memoryStateTensors(shape, parameters)) {
    builder.output(states[part][layer]!, `next.${name}`);
  }
  return next;
}

/** The new position's read, [b, h, 1, dv]. */
export function readStep(query: Value, memory: readonly Value[], shape: AttentionShape): Value {
  const { batch, heads, kvHeads, headDim, valueDim } = shape;
  const rows = reshape(unitRows(query), [batch, kvHeads, heads / kvHeads, headDim]);
  return reshape(forwardOf(memory, rows).at(-1)!.sum, [batch, heads, 1, valueDim]);
}
