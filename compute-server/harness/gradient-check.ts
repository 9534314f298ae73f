/**
 * Proves the gradients of a cell before they are timed, against central differences of the mechanism's float64 reference.
 *
 * The objective is L = sum(S * f(query, key, value)), S seeded normal numbers in the output's shape, which are also what the graph
 * is given as the gradient of its output. For each of query, key and value (x, with U normal numbers in its shape)
 *
 *   error = |<G, U> - (L(x + h U) - L(x - h U)) / 2 h| / |G|,
 *
 * G the gradient that the runtime gave and |G| its root of the sum of squares. <E, U> of an error E has the deviation |E|, so the
 * figure is about the relative error of the whole gradient. Of a long cell S is zero outside a seeded sample of query rows,
 * first and last always among them, and only these rows of the reference are computed.
 */
import { differentiated, type Differentiated } from '../../kernels/gradient/backward';
import type { Precision } from '../../kernels/shape';
import { roundTo } from '../../kernels/tensors/precision';
import { normalTensor, seedFor } from '../../kernels/tensors/random';
import { tensor, type Tensor } from '../../kernels/tensors/tensor';
import { costOf, type Cell } from './cell';
import { rowFlops, sampledRows, type Check, type ProofBudget } from './correctness';
import type { AttentionInputs } from '../../kernels/tensors/tensor';

/** The budget for six references (two each for query, key and value): a second of JavaScript at 8192 tokens, less before. */
const budget: ProofBudget = { flops: 2.5e7, fewestRows: 8 };

/** Largest error that is right: float32 gradients of the catalogue measured 1e-8 to 7e-6, float16 ones up to 5e-3 (2026-11). */
const gradientTolerance: Readonly<Record<Precision, number>> = { float32: 1e-4, float16: 3e-2 };

/**
 * Steps of the difference, of numbers of deviation 1: the first is good to 1e-9. A key that is chosen within one step and not
 * within the other makes the difference a jump; then a shorter one is tried, which is good to 1e-6.
 */
const steps = [1e-6, 1e-8] as const;

export type Gradients = Readonly<Record<Differentiated, Tensor>>;

/** S, [b, h, n, dv], the rows outside of which it is zero (undefined: none), and the numbers of all rows. */
export interface ProofSeed {
  readonly seed: Tensor;
  readonly rows: readonly number[] | undefined;
  readonly whole: Tensor;
}

export function proofSeed(cell: Cell, seed: number, precision: Precision): ProofSeed {
  const { batch, heads, queries, valueDim } = cell.shape;
  const shape = [batch, heads, queries, valueDim];
  const normal = normalTensor(shape, seedFor(seed, 'gradient of output'));
  const drawn = precision === 'float16' ? roundTo(normal, precision) : normal;
  const rows = cell.mechanism.referenceRows ? sampledRows(cell, seed, budget) : undefined;
  if (!rows) return { seed: drawn, rows, whole: drawn };
  const data = new Float64Array(drawn.data.length);
  for (let head = 0; head < batch * heads; head++) {
    for (const row of rows) {
      const from = (head * queries + row) * valueDim;
      data.set(drawn.data.subarray(from, from + valueDim), from);
    }
  }
  return { seed: tensor(shape, data), rows, whole: drawn };
}

export function checkGradients(
  cell: Cell,
  inputs: AttentionInputs,
  { seed: weights, rows }: Pick<ProofSeed, 'seed' | 'rows'>,
  found: Gradients,
  seed: number,
  precision: Precision,
): Check {
  const tolerance = gradientTolerance[precision];
  const objective = (given: AttentionInputs): number => {
    const { mechanism, shape, parameters } = cell;
    if (!rows) return product(weights, mechanism.reference(given, shape, parameters));
    const output = mechanism.referenceRows!(given, shape, parameters, rows);
    return rowsProduct(weights, output, rows);
  };
  const sizes = differentiated.map((name) => Math.sqrt(product(found[name], found[name])));
  // What reaches an input not at all, or by rounding alone, is measured by the largest of the three.
  const least = 1e-3 * Math.max(...sizes);
  let [maxError, worst]: [number, Differentiated] = [0, 'query'];
  differentiated.forEach((name, at) => {
    const x = inputs[name];
    const direction = normalTensor(x.shape, seedFor(seed, `direction of ${name}`));
    const slope = product(found[name], direction);
    const errorAt = (step: number): number => {
      const moved = (by: number): number => objective({ ...inputs, [name]: along(x, direction, by) });
      return (
        Math.abs(slope - (moved(step) - moved(-step)) / (2 * step)) / Math.max(sizes[at]!, least, Number.MIN_VALUE)
      );
    };
    let error = Infinity;
    for (const step of steps) if (!(error <= tolerance)) error = Math.min(error, numberOr(errorAt(step), Infinity));
    if (error > maxError) [maxError, worst] = [error, name];
  });
  const ok = maxError <= tolerance;
  return {
    maxError,
    tolerance,
    ok,
    ...(rows ? { checkedRows: rows.length } : {}),
    ...(ok
      ? {}
      : {
          reason: `Its gradient of ${worst} differs from differences of the float64 reference by ${maxError.toPrecision(3)} of its size, and ${tolerance} is allowed, so no time is shown.`,
        }),
  };
}

/**
 * Whether gradients can be checked at the cell's own length: by rows, or by references of no more operations than softmax attention
 * over 128 tokens takes, by the cost of the kernel and of all pairs (some references go over all pairs where kernels do not).
 */
export const gradientsCanBeChecked = (cell: Cell): boolean =>
  cell.mechanism.referenceRows !== undefined ||
  Math.max(costOf(cell).flops, cell.shape.queries * rowFlops(cell)) <= 2 * budget.flops;

const numberOr = (value: number, otherwise: number): number => (Number.isNaN(value) ? otherwise : value);

function product(a: Tensor, b: Tensor): number {
  let sum = 0;
  for (let at = 0; at < a.data.length; at++) sum += a.data[at]! * b.data[at]!;
  return sum;
}

/** The sum of `weights` [b, h, n, dv] times `output` [b, h, rows, dv]. */
function rowsProduct(weights: Tensor, output: Tensor, rows: readonly number[]): number {
  const [batch, heads, queries, width] = weights.shape as [number, number, number, number];
  let sum = 0;
  for (let head = 0; head < batch * heads; head++) {
    rows.forEach((row, at) => {
      const [from, own] = [(head * queries + row) * width, (head * rows.length + at) * width];
      for (let c = 0; c < width; c++) sum += weights.data[from + c]! * output.data[own + c]!;
    });
  }
  return sum;
}

const along = (x: Tensor, direction: Tensor, by: number): Tensor =>
  tensor(
    x.shape,
    x.data.map((value, at) => value + by * direction.data[at]!),
  );
