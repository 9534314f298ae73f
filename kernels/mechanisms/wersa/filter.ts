/** Wavelets of WERSA in float64: analysis, gates and synthesis of queries and keys along the sequence. */
import { isCausalSelf, type AttentionShape } from '../../shape';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import type { AttentionInputs } from '../../tensors/tensor';

export interface WersaParameters extends Record<string, number | string | boolean> {
  readonly levels: number;
  readonly features: number;
  readonly filter: 'haar' | 'one-sided';
  readonly gate: 'local' | 'global' | 'off';
  readonly sharedProjection: boolean;
  readonly seed: number;
  readonly chunk: number;
}

/** Positions that the convolution before a local gate sees: 16 on each side, or 32 before its own (one-sided). */
export const gateKernel = 33;

/** N = 2^ceil(log2 n), to which the sequence is filled with zeros. */
export const paddedLength = (length: number): number => 2 ** Math.ceil(Math.log2(length));

/** Haar levels stop where a length would fall below 1; one-sided ones never, lest an output depend on the length. */
export const levelsOf = (length: number, { levels, filter }: Pick<WersaParameters, 'levels' | 'filter'>): number =>
  filter === 'haar' ? Math.min(levels, Math.log2(paddedLength(length))) : levels;

/** Width of the joined key heads, from which gates are made. */
export const gateWidth = ({ kvHeads, headDim }: AttentionShape): number => kvHeads * headDim;

export const gateHidden = (shape: AttentionShape): number => Math.max(1, Math.floor(gateWidth(shape) / 4));

/**
 * The list (c^1, ..., c^L, a^L) of one channel x[n].
 * haar: a^l[t] = (a^(l-1)[2t] + a^(l-1)[2t+1]) / sqrt 2, c^l with a minus, lengths N / 2^l;
 * one-sided: a^l[t] = (a^(l-1)[t] + a^(l-1)[t - 2^(l-1)]) / 2, c^l with a minus, lengths n (zeros before the first position).
 */
export function waveletAnalysis(
  x: Float64Array,
  parameters: Pick<WersaParameters, 'levels' | 'filter'>,
): readonly Float64Array[] {
  const levels = levelsOf(x.length, parameters);
  const haar = parameters.filter === 'haar';
  let rest = new Float64Array(haar ? paddedLength(x.length) : x.length);
  rest.set(x);
  const list: Float64Array[] = [];
  for (let level = 1; level <= levels; level++) {
    const [from, back] = [rest, 2 ** (level - 1)];
    const pair = (t: number): readonly [number, number] =>
      haar ? [from[2 * t]!, from[2 * t + 1]!] : [from[t]!, from[t - back] ?? 0];
    const length = haar ? from.length / 2 : from.length;
    const scale = haar ? Math.SQRT1_2 : 0.5;
    list.push(Float64Array.from({ length }, (_, t) => (pair(t)[0] - pair(t)[1]) * scale));
    rest = Float64Array.from({ length }, (_, t) => (pair(t)[0] + pair(t)[1]) * scale);
  }
  return [...list, rest];
}

/** x[n] from its list: haar pair by pair from the coarsest level up, one-sided as the sum of the list. */
export function waveletSynthesis(
  list: readonly Float64Array[],
  length: number,
  filter: WersaParameters['filter'],
): Float64Array {
  let rest = list.at(-1)!;
  for (let level = list.length - 2; level >= 0; level--) {
    const [a, c] = [rest, list[level]!];
    rest =
      filter === 'one-sided'
        ? a.map((each, t) => each + c[t]!)
        : Float64Array.from({ length: 2 * a.length }, (_, t) => {
            const at = t >> 1;
            return (a[at]! + (t % 2 === 0 ? c[at]! : -c[at]!)) * Math.SQRT1_2;
          });
  }
  return rest.slice(0, length);
}

/** G[t, i] of one sequence, [rows, levels + 1], from x [rows, D]: all 1 with gates off. */
export function gatesOf(
  x: Tensor,
  { weights }: Pick<AttentionInputs, 'weights'>,
  { levels, gate, filter }: WersaParameters,
): Tensor {
  const [rows, width] = x.shape as readonly [number, number];
  const count = levels + 1;
  if (gate === 'off') return tensor([rows, count], new Float64Array(rows * count).fill(1));
  const [w1, b1, w2, b2] = ['gate.first', 'gate.first.offset', 'gate.second', 'gate.second.offset'].map(
    (name) => weights[name]!.data,
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  const hidden = b1.length;
  const pooled = gate === 'local' ? convolved() : averaged();
  const gates = zeros([rows, count]);
  for (let t = 0; t < rows; t++) {
    const inner = b1.map((offset, y) => {
      let sum = offset;
      for (let c = 0; c < width; c++) sum += w1[y * width + c]! * pooled[t * width + c]!;
      return sum < 0 ? 0 : sum;
    });
    for (let i = 0; i < count; i++) {
      let sum = b2[i]!;
      for (let y = 0; y < hidden; y++) sum += w2[i * hidden + y]! * inner[y]!;
      gates.data[t * count + i] = 1 / (1 + Math.exp(-sum));
    }
  }
  return gates;

  function convolved(): Float64Array {
    const [kernel, offset] = [weights['gate.kernel']!.data, weights['gate.kernel.offset']!.data];
    const ahead = filter === 'haar' ? (gateKernel - 1) / 2 : 0;
    return Float64Array.from({ length: rows * width }, (_, at) => {
      const [t, c] = [Math.floor(at / width), at % width];
      let sum = offset[c]!;
      for (let j = 0; j < gateKernel; j++) {
        const from = t + ahead - (gateKernel - 1) + j;
        if (from >= 0 && from < rows) sum += kernel[c * gateKernel + j]! * x.data[from * width + c]!;
      }
      return sum;
    });
  }

  function averaged(): Float64Array {
    const mean = new Float64Array(width);
    x.data.forEach((each, at) => (mean[at % width]! += each / rows));
    return Float64Array.from({ length: rows * width }, (_, at) => mean[at % width]!);
  }
}

/** The joined heads of each position of sequence b, [rows, groups d]: query heads of one key head as their mean. */
export function gateSource(x: Tensor, b: number, kvHeads: number): Tensor {
  const [, heads, rows, width] = x.shape as readonly [number, number, number, number];
  const group = heads / kvHeads;
  const joined = zeros([rows, kvHeads * width]);
  for (let h = 0; h < heads; h++) {
    for (let t = 0; t < rows; t++) {
      for (let c = 0; c < width; c++) {
        joined.data[(t * kvHeads + Math.floor(h / group)) * width + c]! +=
          x.data[((b * heads + h) * rows + t) * width + c]! / group;
      }
    }
  }
  return joined;
}

/** gelu(x) = x (1 + erf(x / sqrt 2)) / 2; erf by the series e^(-z^2) 2 / sqrt(pi) sum 2^k z^(2k+1) / (1 3 ... (2k+1)). */
export function gaussianUnit(x: number): number {
  const z = x * Math.SQRT1_2;
  if (Math.abs(z) > 6) return z > 0 ? x : 0;
  let term = z;
  let sum = z;
  for (let k = 1; Math.abs(term) > 1e-18 * Math.abs(sum); k++) {
    term *= (2 * z * z) / (2 * k + 1);
    sum += term;
  }
  return 0.5 * x * (1 + (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum);
}

/** Q~ and K~: activated, taken apart, weighted by s_i g_i(t) at each level, put together again. */
export function filtered(
  inputs: AttentionInputs,
  shape: AttentionShape,
  parameters: WersaParameters,
): { readonly query: Tensor; readonly key: Tensor } {
  const { batch, kvHeads } = shape;
  const self = shape.pattern === 'noncausal-self' || isCausalSelf(shape);
  const scales = inputs.weights['scales']!.data;
  const of = (x: Tensor, source: Tensor): Tensor => {
    const [, heads, rows, width] = x.shape as readonly [number, number, number, number];
    const output = zeros(x.shape);
    for (let b = 0; b < batch; b++) {
      // Without gates nothing is read from the source, which may then be shorter or longer than x.
      const gates = gatesOf(gateSource(parameters.gate === 'off' ? x : source, b, kvHeads), inputs, parameters);
      for (let h = 0; h < heads; h++) {
        for (let c = 0; c < width; c++) {
          const at = (t: number) => ((b * heads + h) * rows + t) * width + c;
          const channel = Float64Array.from({ length: rows }, (_, t) => gaussianUnit(x.data[at(t)]!));
          const weighted = waveletAnalysis(channel, parameters).map((level, i) =>
            level.map((each, t) => {
              const row = Math.floor((t * rows) / level.length);
              return each * scales[i]! * gates.data[row * (parameters.levels + 1) + i]!;
            }),
          );
          waveletSynthesis(weighted, rows, parameters.filter).forEach((each, t) => (output.data[at(t)] = each));
        }
      }
    }
    return output;
  };
  return { query: of(inputs.query, self ? inputs.key : inputs.query), key: of(inputs.key, inputs.key) };
}
