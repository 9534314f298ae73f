/** Float64 arithmetic of the reference passes: rows of numbers, loops that follow the equations. */
import type { Tensors } from '../safetensors-file';

export type Vector = readonly number[];

export interface Parameters {
  /** Row `row` of a stored matrix, or the whole vector. */
  vector(name: string): Vector;
  matrix(name: string): readonly Vector[];
  has(name: string): boolean;
}

/** The parameters below a prefix, under their names without it. */
export const below = (parameters: Parameters, prefix: string): Parameters => ({
  vector: (name) => parameters.vector(prefix + name),
  matrix: (name) => parameters.matrix(prefix + name),
  has: (name) => parameters.has(prefix + name),
});

export function parametersOf(tensors: Tensors): Parameters {
  const get = (name: string) => {
    const tensor = tensors.get(name);
    if (!tensor) throw new Error(`the checkpoint of this test has no "${name}"`);
    return tensor;
  };
  return {
    has: (name) => tensors.has(name),
    vector: (name) => Array.from(get(name).data),
    matrix(name) {
      const { shape, data } = get(name);
      const [rows = 0, columns = 0] = shape;
      return Array.from({ length: rows }, (_, row) => Array.from(data.subarray(row * columns, (row + 1) * columns)));
    },
  };
}

export const dot = (a: Vector, b: Vector): number => a.reduce((sum, x, i) => sum + x * (b[i] ?? 0), 0);
export const add = (a: Vector, b: Vector): number[] => a.map((x, i) => x + (b[i] ?? 0));
export const scale = (a: Vector, factor: number): number[] => a.map((x) => x * factor);
export const times = (a: Vector, b: Vector): number[] => a.map((x, i) => x * (b[i] ?? 0));

/** W x + b with W [outputs][inputs]; bias `name.bias` where stored. */
export function linear(parameters: Parameters, name: string, x: readonly Vector[]): number[][] {
  const weight = parameters.matrix(`${name}.weight`);
  const bias = parameters.has(`${name}.bias`) ? parameters.vector(`${name}.bias`) : undefined;
  return x.map((row) => weight.map((w, o) => dot(w, row) + (bias?.[o] ?? 0)));
}

/** x W + b with W [inputs][outputs] (GPT-2). */
export function convolution(parameters: Parameters, name: string, x: readonly Vector[]): number[][] {
  const weight = parameters.matrix(`${name}.weight`);
  const bias = parameters.vector(`${name}.bias`);
  return x.map((row) => bias.map((b, o) => row.reduce((sum, value, i) => sum + value * (weight[i]?.[o] ?? 0), b)));
}

export function rmsNorm(x: Vector, gain: Vector, epsilon: number, offset = 0): number[] {
  const root = Math.sqrt(dot(x, x) / x.length + epsilon);
  return x.map((value, i) => (value / root) * ((gain[i] ?? 0) + offset));
}

/** Without stored weights the gain is 1 and the bias 0. */
export function layerNorm(parameters: Parameters, name: string, x: readonly Vector[], epsilon: number): number[][] {
  const gain = parameters.has(`${name}.weight`) ? parameters.vector(`${name}.weight`) : (x[0]?.map(() => 1) ?? []);
  const bias = parameters.has(`${name}.bias`) ? parameters.vector(`${name}.bias`) : [];
  return x.map((row) => {
    const mean = row.reduce((sum, value) => sum + value, 0) / row.length;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / row.length;
    return row.map((value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * (gain[i] ?? 0) + (bias[i] ?? 0));
  });
}

export const silu = (x: number): number => x / (1 + Math.exp(-x));
export const geluTanh = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
export const gelu = (x: number): number => 0.5 * x * (1 + errorFunction(x / Math.SQRT2));

/** erf by its Maclaurin series (|x| < 3) or the continued fraction of erfc: to 1e-14. */
export function errorFunction(x: number): number {
  const a = Math.abs(x);
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let n = 1; n < 200 && Math.abs(term) > 1e-18; n++) {
      term *= -(a * a) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let k = 80; k >= 1; k--) fraction = k / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / (a + fraction) / Math.sqrt(Math.PI));
}

export interface AttentionCase {
  /** [position][head][d] */
  readonly query: readonly (readonly Vector[])[];
  /** [position][kv head][d] */
  readonly key: readonly (readonly Vector[])[];
  readonly value: readonly (readonly Vector[])[];
  readonly scale: number;
  readonly causal: boolean;
  /** The first positions, which read each other in both directions. */
  readonly prefix?: number | undefined;
  /** Only so many of the last positions are read or, where not causal, those nearer than this on either side. */
  readonly window?: number | undefined;
  readonly softcap?: number | undefined;
  /** What is added to a score. */
  readonly bias?: ((head: number, query: number, key: number) => number) | undefined;
  /** A score of each head beside those of the keys. */
  readonly sinks?: Vector | undefined;
}

/** probabilities [head][query][key] and outputs [head][query][d]. */
export function attention(problem: AttentionCase): { probabilities: number[][][]; outputs: number[][][] } {
  const heads = problem.query[0]?.length ?? 0;
  const shared = heads / (problem.key[0]?.length ?? 1);
  const probabilities: number[][][] = [];
  const outputs: number[][][] = [];
  for (let h = 0; h < heads; h++) {
    const g = Math.floor(h / shared);
    const rows = problem.query.map((query, i) => {
      const scores = problem.key.map((key, j) => {
        const reach = Math.max(i, (problem.prefix ?? 0) - 1);
        const { window = Infinity } = problem;
        const readable = problem.causal ? j <= reach && j > i - window : Math.abs(i - j) < window;
        if (!readable) return -Infinity;
        const raw = dot(query[h] ?? [], key[g] ?? []) * problem.scale + (problem.bias?.(h, i, j) ?? 0);
        return problem.softcap === undefined ? raw : problem.softcap * Math.tanh(raw / problem.softcap);
      });
      const sink = problem.sinks?.[h] ?? -Infinity;
      const largest = Math.max(sink, ...scores);
      const weights = scores.map((score) => Math.exp(score - largest));
      const total = weights.reduce((sum, weight) => sum + weight, Math.exp(sink - largest));
      return weights.map((weight) => weight / total);
    });
    probabilities.push(rows);
    outputs.push(
      rows.map((row) =>
        (problem.value[0]?.[g] ?? []).map((_, c) =>
          row.reduce((sum, weight, j) => sum + weight * (problem.value[j]?.[g]?.[c] ?? 0), 0),
        ),
      ),
    );
  }
  return { probabilities, outputs };
}

/** What a reference pass gives: logits [position][vocabulary] and taps by the product's names, flattened row-major. */
export interface ReferenceRun {
  readonly logits: readonly Vector[];
  readonly taps: ReadonlyMap<string, readonly number[]>;
}

export const heads = (row: Vector, count: number): number[][] => {
  const width = row.length / count;
  return Array.from({ length: count }, (_, h) => row.slice(h * width, (h + 1) * width));
};
