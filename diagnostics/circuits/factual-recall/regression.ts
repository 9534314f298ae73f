/**
 * The output of an MLP as a sum of what entered it (Lv et al. 2024, arXiv:2403.19521; the regression is Headscope's choice). Of
 * prompt i: m_i [w] the output, x_ij [w] the regressors (what head j wrote, the rest of the stream):
 *
 *   m_i ~ sum_j w_j x_ij + c,   w_j one number a regressor, c [w] shared by all prompts,
 *
 * by least squares over all prompts and dimensions. With all vectors less their mean over the prompts, c drops out:
 *
 *   G w = b,   G_jk = sum_i <x_ij, x_ik>,   b_j = sum_i <x_ij, m_i>,
 *
 * G with a ridge of 1e-8 of its mean diagonal element (prompts of one task vary along few directions, so that G may be singular).
 * Then c = mean m - sum_j w_j mean x_j.
 */
import { EigenvalueDecomposition, Matrix, solve } from 'ml-matrix';
import { dot } from '../../../kernels/tensors/vectors';

export type Vector = Float64Array | Float32Array;

/** One prompt. */
export interface Observation {
  readonly output: Vector;
  readonly regressors: readonly Vector[];
}

export interface Fit {
  /** w, one for each regressor. */
  readonly weights: readonly number[];
  /** c, [w] */
  readonly intercept: Float64Array;
  /** 1 - |m - fit|^2 / |m - mean m|^2 over all prompts: of centred outputs, so that c alone explains nothing. 0 where m does not vary. */
  readonly r2: number;
  /** Largest over smallest eigenvalue of G without the ridge; NaN where G is singular to float64. */
  readonly condition: number;
  /** Mean output over the prompts of the fit, [w]. */
  readonly meanOutput: Float64Array;
}

const ridge = 1e-8;
/** Share of the energy of the outputs below which their variation is float32's rounding. */
const roundingShare = 1e-12;

export function fit(observations: readonly Observation[]): Fit {
  const [first] = observations;
  if (!first) throw new RangeError('a regression needs observations');
  const count = first.regressors.length;
  const meanOutput = meanOf(observations.map(({ output }) => output));
  const means = first.regressors.map((_, j) =>
    meanOf(observations.map(({ regressors }) => regressors[j] ?? first.output)),
  );
  const gram = Matrix.zeros(count, count);
  const sides = Matrix.zeros(count, 1);
  let [total, energy] = [0, 0];
  for (const { output, regressors } of observations) {
    const m = less(output, meanOutput);
    const x = regressors.map((one, j) => less(one, means[j] ?? meanOutput));
    total += dot(m, m);
    energy += dot(output, output);
    for (let j = 0; j < count; j++) {
      const own = x[j] ?? m;
      sides.set(j, 0, sides.get(j, 0) + dot(own, m));
      for (let k = 0; k <= j; k++) gram.set(j, k, gram.get(j, k) + dot(own, x[k] ?? m));
    }
  }
  for (let j = 0; j < count; j++) for (let k = 0; k < j; k++) gram.set(k, j, gram.get(j, k));
  const varies = total > roundingShare * energy;
  const weights = varies && count > 0 ? solved(gram, sides) : new Array<number>(count).fill(0);
  const intercept = meanOutput.slice();
  means.forEach((mean, j) => addTo(intercept, mean, -(weights[j] ?? 0)));
  const found = { weights, intercept, meanOutput };
  return { ...found, r2: varies ? explained(found, observations) : 0, condition: conditionOf(gram) };
}

/**
 * 1 - |m - fit|^2 / |m - mean m of the fit|^2 over observations that may be others than those of the fit: 0 for a fit that is no
 * better than the mean that it knew, below 0 for one that is worse; 0 where m does not vary.
 */
export function explained(
  { weights, intercept, meanOutput }: Pick<Fit, 'weights' | 'intercept' | 'meanOutput'>,
  observations: readonly Observation[],
): number {
  let [left, total] = [0, 0];
  for (const { output, regressors } of observations) {
    const away = less(output, meanOutput);
    total += dot(away, away);
    const rest = residue(weights, { output, regressors });
    addTo(rest, intercept, -1);
    left += dot(rest, rest);
  }
  return total > 0 ? 1 - left / total : 0;
}

/** What the regressors leave of an output: m - sum_j w_j x_j, [w]. Its mean over the prompts of the fit is c. */
export function residue(weights: readonly number[], { output, regressors }: Observation): Float64Array {
  const rest = Float64Array.from(output);
  regressors.forEach((one, j) => addTo(rest, one, -(weights[j] ?? 0)));
  return rest;
}

function solved(gram: Matrix, sides: Matrix): readonly number[] {
  const size = gram.rows;
  const damped = gram.clone();
  const added = (ridge * gram.trace()) / size;
  // Regressors that do not vary at all: any weight does, and 0 is the smallest.
  if (!(added > 0)) return new Array<number>(size).fill(0);
  for (let j = 0; j < size; j++) damped.set(j, j, damped.get(j, j) + added);
  return solve(damped, sides).to1DArray();
}

function conditionOf(gram: Matrix): number {
  if (gram.rows === 0) return 1;
  const values = new EigenvalueDecomposition(gram, { assumeSymmetric: true }).realEigenvalues;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return least > most * Number.EPSILON ? most / least : Number.NaN;
}

export function meanOf(vectors: readonly Vector[]): Float64Array {
  const sum = new Float64Array(vectors[0]?.length ?? 0);
  for (const one of vectors) addTo(sum, one, 1 / vectors.length);
  return sum;
}

export function addTo(sum: Float64Array, vector: Vector, factor = 1): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + factor * (vector[i] ?? 0);
}

function less(a: Vector, b: Vector): Float64Array {
  const out = Float64Array.from(a);
  addTo(out, b, -1);
  return out;
}
