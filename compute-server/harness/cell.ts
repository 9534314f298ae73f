/** One cell of a benchmark: a mechanism with its parameters at one length. */
import type { Mechanism, Parameter, ParameterValues, Support } from '../../kernels/mechanism';
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

/** The given values, completed by the defaults of the table. Throws a RangeError that names the parameter. */
export function parametersOf(
  mechanism: Mechanism,
  given: Readonly<Record<string, ParameterValue>> = {},
): ParameterValues {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(mechanism.parameters, name)) {
      const known = Object.keys(mechanism.parameters);
      throw new RangeError(
        `${mechanism.id} has no parameter "${name}"; ${known.length > 0 ? `it has ${known.join(', ')}` : 'it has none'}`,
      );
    }
  }
  return Object.fromEntries(
    Object.entries(mechanism.parameters).map(([name, parameter]) => {
      const value = given[name] ?? parameter.default;
      const problem = problemOf(parameter, value);
      if (problem) throw new RangeError(`${mechanism.id}.${name} ${problem}, not ${JSON.stringify(value)}`);
      return [name, value];
    }),
  );
}

function problemOf(parameter: Parameter, value: ParameterValue): string | undefined {
  switch (parameter.kind) {
    case 'integer':
    case 'number': {
      const whole = parameter.kind === 'integer';
      const fits =
        typeof value === 'number' &&
        (whole ? Number.isSafeInteger(value) : Number.isFinite(value)) &&
        value >= parameter.min &&
        value <= parameter.max;
      return fits ? undefined : `takes a ${whole ? 'whole ' : ''}number from ${parameter.min} to ${parameter.max}`;
    }
    case 'choice':
      return parameter.options.includes(String(value)) ? undefined : `is one of ${parameter.options.join(', ')}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'is true or false';
  }
}

/** What the mechanism says about the shape, in its own words. */
export const supportOf = (cell: Cell): Support => cell.mechanism.supports(cell.shape, cell.parameters);
