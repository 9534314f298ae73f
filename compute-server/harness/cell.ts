/** One cell of a benchmark: a mechanism with its parameters at one length. */
import type { Mechanism, ParameterValues, Support } from '../../kernels/mechanism';
import { resolveParameters } from '../../kernels/parameters';
import type { AttentionShape } from '../../kernels/shape';
import type { BenchmarkPlan, ParameterValue } from '../../protocol/results/benchmark';

export interface Cell {
  readonly mechanism: Mechanism;
  readonly parameters: ParameterValues;
  readonly shape: AttentionShape;
  readonly length: number;
}

/** The shape at one query length: the keys follow the queries unless the plan fixes them. */
export const shapeAt = ({ shape }: BenchmarkPlan, length: number): AttentionShape => ({
  pattern: shape.pattern,
  batch: shape.batch,
  heads: shape.heads,
  kvHeads: shape.kvHeads,
  queries: length,
  keys: shape.keys ?? length,
  headDim: shape.headDim,
  valueDim: shape.valueDim,
});

export function cellAt(mechanism: Mechanism, plan: BenchmarkPlan, length: number): Cell {
  return {
    mechanism,
    parameters: parametersOf(mechanism, plan.parameters[mechanism.id]),
    shape: shapeAt(plan, length),
    length,
  };
}

/** The given values, completed by the defaults of the table. Throws a RangeError with the table's own sentence. */
export function parametersOf(
  mechanism: Mechanism,
  given: Readonly<Record<string, ParameterValue>> = {},
): ParameterValues {
  const resolution = resolveParameters(mechanism, given);
  if (!resolution.ok) throw new RangeError(resolution.why);
  return resolution.values;
}

/** What the mechanism says about the shape, in its own words. */
export const supportOf = (cell: Cell): Support => cell.mechanism.supports(cell.shape, cell.parameters);
