/**
 * Proves a cell before it is timed: the runtime's output against the mechanism's float64 reference on the same input, row by
 * row, within what rounding explains on this device (kernels/tolerance.ts).
 *
 * A full reference of a long sequence takes minutes, so long cells are checked on a seeded sample of query rows, every head
 * and batch of each (`referenceRows`), first and last row always among them. A mechanism that has no rows of its own and
 * whose full reference is too long is checked whole at the longest length that is affordable.
 */
import type { Mechanism, ParameterValues } from '../../kernels/mechanism';
import type { AttentionShape, Precision } from '../../kernels/shape';
import { positionsOf, toHeadsFirst } from '../../kernels/tensors/layout';
import { fromRuntime } from '../../kernels/tensors/precision';
import { random, seedFor } from '../../kernels/tensors/random';
import { tensor } from '../../kernels/tensors/tensor';
import { references, type Comparison } from '../../kernels/tensors/probed';
import { compareWithDefinition, definitionOf } from '../../kernels/tolerance';
import type { AttentionInputs, Tensor } from '../../kernels/tensors/tensor';
import type { DeviceId, RuntimeArray } from '../runtime/session';
import { arithmeticOn } from './arithmetic';
import { costOf, layoutOf, needsWhole, wholeShape, type Cell } from './cell';
import { wholeInputs } from './inputs';

/** Limits of a proof: the floating-point operations of one float64 reference, and the fewest query rows that are compared. */
export interface ProofBudget {
  readonly flops: number;
  readonly fewestRows: number;
}

/** The budget for outputs: three references (see `references`) take about half a second of JavaScript. */
const outputBudget: ProofBudget = { flops: 5e8 / references, fewestRows: 16 };

export interface Check {
  /** In the row that comes nearest to its bound, or misses it most: the largest |runtime - reference|, and the bound. */
  readonly maxError: number;
  readonly tolerance: number;
  readonly ok: boolean;
  /** One sentence, when not ok. */
  readonly reason?: string;
  /** Query rows compared, of each head; absent: all. */
  readonly checkedRows?: number;
  /** The length at which it was compared, when that is shorter than the cell's. */
  readonly checkedLength?: number;
}

/** Operations of one query row of all heads, as softmax attention takes them. */
export const rowFlops = ({ shape: { batch, heads, keys, headDim, valueDim } }: Cell): number =>
  2 * batch * heads * keys * (headDim + valueDim);

/** The rows to compare, ascending; undefined: all of them. */
export function sampledRows(cell: Cell, seed: number, budget = outputBudget): readonly number[] | undefined {
  const { queries } = cell.shape;
  const count = Math.max(budget.fewestRows, Math.floor(budget.flops / rowFlops(cell)));
  if (count >= queries) return undefined;
  const source = random(seedFor(seed, `${cell.mechanism.id}.rows`));
  const rows = new Set([0, queries - 1]);
  while (rows.size < count) rows.add(source.whole(queries));
  return [...rows].sort((a, b) => a - b);
}

const mostWholeFlops = 4 * outputBudget.flops;

/** Whether the whole reference may be run; the cost model of the kernel is taken for the cost of the reference. */
const wholeIsAffordable = (cell: Cell): boolean =>
  (needsWhole(cell) ? cell.mechanism.cost(wholeShape(cell), cell.parameters) : costOf(cell)).flops <= mostWholeFlops;

/** Whether the cell can be checked at its own length. */
export const canBeChecked = (cell: Cell): boolean =>
  cell.mechanism.referenceRows !== undefined || wholeIsAffordable(cell);

/** Float64 operations a second of the references, in JavaScript: what `outputBudget` counts on. */
const referenceFlopsPerSecond = 1e9;

/**
 * Seconds that proving the cell takes, by its operations: the sampled rows by their scores and sums, a whole reference by the
 * cost model of the kernel. An estimate before a run: at 512 tokens a third to twice what most mechanisms took; it is short
 * where a reference does more than its kernel (longheads 4 s for 0.5, gaam 2.5 s for 0; Node 20, 2026-11-27).
 */
export function checkSeconds(cell: Cell): number {
  const byRows = cell.mechanism.referenceRows !== undefined;
  const flops = (): number => {
    if (!canBeChecked(cell)) return mostWholeFlops;
    if (needsWhole(cell)) {
      return byRows ? rowFlops(cell) : cell.mechanism.cost(wholeShape(cell), cell.parameters).flops;
    }
    const rows = byRows ? sampledRows(cell, 0) : undefined;
    return rows ? rows.length * rowFlops(cell) : costOf(cell).flops;
  };
  return flops() / referenceFlopsPerSecond;
}

export function check(
  cell: Cell,
  inputs: AttentionInputs,
  output: RuntimeArray,
  seed: number,
  precision: Precision,
  device: DeviceId,
): Check {
  const { mechanism, parameters } = cell;
  const whole = needsWhole(cell);
  const shape = whole ? wholeShape(cell) : cell.shape;
  const given = whole ? wholeInputs(cell, inputs, seed, precision) : inputs;
  const { batch, heads, queries, valueDim } = cell.shape;
  const actual = headsFirst(cell, output, [batch, heads, queries, valueDim]);
  const rows = mechanism.referenceRows && !whole ? sampledRows(cell, seed) : undefined;
  const definition = definitionOf(mechanism, given, shape, parameters, (inputs) =>
    whole
      ? lastRow(mechanism, inputs, shape, parameters)
      : rows
        ? mechanism.referenceRows!(inputs, shape, parameters, rows)
        : mechanism.reference(inputs, shape, parameters),
  );
  const compared = rows ? pick(actual, rows) : actual;
  const comparison = compareWithDefinition(compared, definition, given, shape, arithmeticOn(device, precision));
  const { ok, maxError, tolerance } = comparison;
  return {
    maxError,
    tolerance,
    ok,
    ...(rows ? { checkedRows: rows.length } : {}),
    ...(ok ? {} : { reason: reasonOf(comparison) }),
  };
}

const reasonOf = ({ nanMismatches, maxError, tolerance }: Comparison): string =>
  nanMismatches > 0
    ? `It is wrong here: NaN at ${nanMismatches} positions where the float64 reference has a number or the reverse, so no time is shown.`
    : `It is wrong here: it differs from the float64 reference by ${maxError.toPrecision(3)}, and rounding explains at most ${tolerance.toPrecision(3)}, so no time is shown.`;

function lastRow(
  mechanism: Mechanism,
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: ParameterValues,
): Tensor {
  const last = shape.queries - 1;
  return (
    mechanism.referenceRows?.(inputs, shape, parameters, [last]) ??
    positionsOf(mechanism.reference(inputs, shape, parameters), last, last + 1)
  );
}

/** What a graph gives in the layout of the cell as [b, h, n, d]: its output, or the gradient of an input. */
export function headsFirst(
  cell: Cell,
  { data }: RuntimeArray,
  shape: readonly [batch: number, heads: number, positions: number, width: number],
): Tensor {
  const [batch, heads, positions, width] = shape;
  if (!(data instanceof Float32Array || data instanceof Uint16Array)) {
    throw new TypeError(`${cell.mechanism.id} gives an output that is not of floating point`);
  }
  if (layoutOf(cell) === 'sequence-first') {
    return toHeadsFirst(fromRuntime(data, [batch, positions, heads * width]), heads);
  }
  return fromRuntime(data, shape);
}

/** The rows of [b, h, n, dv]. */
function pick(x: Tensor, rows: readonly number[]): Tensor {
  const [batch, heads, queries, width] = x.shape as [number, number, number, number];
  const data = new Float64Array(batch * heads * rows.length * width);
  for (let head = 0; head < batch * heads; head++) {
    rows.forEach((row, at) => {
      const from = (head * queries + row) * width;
      data.set(x.data.subarray(from, from + width), (head * rows.length + at) * width);
    });
  }
  return tensor([batch, heads, rows.length, width], data);
}
