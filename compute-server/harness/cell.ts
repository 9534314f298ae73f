/** One cell of a benchmark: a mechanism with its parameters at one length. */
import type { Cost } from '../../kernels/cost/cost';
import type { Graph } from '../../kernels/graph/graph';
import { inStandardOperators } from '../../kernels/graph/portable';
import type { Mechanism, ParameterValues, Support } from '../../kernels/mechanism';
import { resolveTable } from '../../protocol/analysis/parameters';
import type { AttentionShape, Precision } from '../../kernels/shape';
import type { ParameterValue } from '../../protocol/schema/parts';
import type { BenchmarkSetup } from '../../protocol/results/benchmark-schema';
import type { DeviceId } from '../runtime/session';
import type { Layout } from '../../kernels/graph/attention-graph';

export interface Cell {
  readonly mechanism: Mechanism;
  readonly parameters: ParameterValues;
  readonly shape: AttentionShape;
  /** Decoding: the length of the cache, the new position not counted; a step of average work may come a little earlier. */
  readonly length: number;
  readonly decoding: boolean;
}

/** The shape at one query length: the keys follow the queries unless the plan fixes them. Decoding: one query on a cache. */
export const shapeAt = ({ shape }: BenchmarkSetup, length: number): AttentionShape => ({
  pattern: shape.pattern,
  batch: shape.batch,
  heads: shape.heads,
  kvHeads: shape.kvHeads,
  ...(shape.mode === 'decode' ? { queries: 1, keys: length + 1 } : { queries: length, keys: shape.keys ?? length }),
  headDim: shape.headDim,
  valueDim: shape.valueDim,
});

export function cellAt(mechanism: Mechanism, plan: BenchmarkSetup, length: number): Cell {
  const parameters = parametersOf(mechanism, plan.parameters[mechanism.id]);
  const decoding = plan.shape.mode === 'decode';
  const shape = shapeAt(plan, length);
  const before = decoding ? mechanism.decode?.typical?.(length, parameters) : undefined;
  return {
    mechanism,
    parameters,
    shape: before === undefined ? shape : { ...shape, keys: before + 1 },
    length,
    decoding,
  };
}

/** The given values, completed by the defaults of the table. Throws a RangeError with the table's own sentence. */
export function parametersOf(
  mechanism: Mechanism,
  given: Readonly<Record<string, ParameterValue>> = {},
): ParameterValues {
  const resolution = resolveTable(mechanism.id, mechanism.parameters, given);
  if (!resolution.ok) throw new RangeError(resolution.why);
  return resolution.values;
}

/** Decoding with a state of the mechanism's own; undefined: its plain graph with one query. */
const decodingOf = ({ mechanism, decoding }: Cell) => (decoding ? mechanism.decode : undefined);

/** The graph for a device: other providers than the cpu's lack fused operators. */
export function graphOf(cell: Cell, precision: Precision, device: DeviceId): Graph {
  const graph = (decodingOf(cell) ?? cell.mechanism).build(cell.shape, cell.parameters, precision);
  return device === 'cpu' ? graph : inStandardOperators(graph);
}

export const costOf = (cell: Cell): Cost => (decodingOf(cell) ?? cell.mechanism).cost(cell.shape, cell.parameters);

/** Decoding steps take and give heads first. */
export const layoutOf = (cell: Cell): Layout => (decodingOf(cell) ? 'heads-first' : cell.mechanism.layout);

/** A step with a state of its own continues a pass over the whole sequence. */
export const wholeShape = ({ shape }: Cell): AttentionShape => ({ ...shape, queries: shape.keys });

/** What the mechanism says about the shape, in its own words. */
export const supportOf = (cell: Cell): Support =>
  cell.mechanism.supports(decodingOf(cell) ? wholeShape(cell) : cell.shape, cell.parameters);

/** A decoding step whose output is defined as the last row of the whole pass alone: its cache would not be enough. */
export const needsWhole = (cell: Cell): boolean =>
  decodingOf(cell) !== undefined && !cell.mechanism.supports(cell.shape, cell.parameters).ok;
