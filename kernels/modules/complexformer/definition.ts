/**
 * Complex-vector attention with its projections, as `ComplexMultiHeadAttentionV2` of attention/complex_attention.py has it: q, k, v = x W^T
 * without biases, split into heads; the scores of mechanisms/cmha/definition.ts; softmax over the keys; output W_o^T.
 *
 * `rotary` in place of it is RoPE (component i with i + d / 2), whose scores are those of delta = 1 and b = 0.
 */
import { cmhaRows, cmhaScores, planeAngles, type CmhaParameters } from '../../mechanisms/cmha/definition';
import type { ModuleCall, ModuleWeight, Tensors } from '../../module';
import { joinHeads, linear, mapped, matrixProduct, softmax, splitHeads, turned } from '../../module-parts/layers';
import { evenly, weightOf } from '../../module-parts/weights';
import { allRows } from '../../reference/softmax';
import type { AttentionShape } from '../../shape';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';

export const forms = ['complex', 'rotary'] as const;

export interface ComplexParameters extends Record<string, number | string | boolean> {
  readonly tokens: number;
  readonly width: number;
  readonly heads: number;
  readonly form: string;
  readonly scale: string;
  readonly base: number;
  readonly causal: boolean;
  readonly batch: number;
}

export const shapeOf = ({ batch, heads, tokens, width, causal }: ComplexParameters): AttentionShape => ({
  batch,
  heads,
  kvHeads: heads,
  queries: tokens,
  keys: tokens,
  headDim: width / heads,
  valueDim: width / heads,
  pattern: causal ? 'causal-self' : 'noncausal-self',
});

export const mechanismOf = ({ scale, base }: ComplexParameters): CmhaParameters => ({
  form: 'factored',
  scale: scale === 'none' ? 'none' : '1 / root of d',
  base,
});

export const layers = { query: 'W_q', key: 'W_k', value: 'W_v', output: 'W_o' } as const;

export function complexWeights({ width, heads, form }: ComplexParameters): readonly ModuleWeight[] {
  const planes = width / heads / 2;
  return [
    ...Object.values(layers).map((name): ModuleWeight => ({
      name: `${name}.weight`,
      shape: [width, width],
      initial: evenly(width),
    })),
    ...(form === 'rotary'
      ? []
      : [
          {
            name: 'delta_params',
            shape: [heads, planes],
            initial: { kind: 'normal', deviation: planes ** -0.5 },
          } as const,
          { name: 'bias_params', shape: [heads, planes], initial: { kind: 'normal', deviation: 0.5 } } as const,
        ]),
  ];
}

/** Heads-first [b, h, n, d]. */
function projected({ inputs, weights }: ModuleCall, { heads }: ComplexParameters) {
  const made = (name: string): Tensor => splitHeads(linear(inputs['x']!, weightOf(weights, `${name}.weight`)), heads);
  return { query: made(layers.query), key: made(layers.key), value: made(layers.value) };
}

/** By the names of the mechanism; RoPE is delta = 1 and b = 0. */
function mechanismWeights(weights: Tensors, { heads, width }: ComplexParameters): Tensors {
  const plain = zeros([heads, width / heads / 2]);
  return {
    delta: weights['delta_params'] ?? mapped(plain, () => 1),
    b: weights['bias_params'] ?? plain,
  };
}

/** Rows turned by their positions: component i with i + d / 2. */
function rotated(x: Tensor, base: number): Tensor {
  const [, , length, width] = x.shape as [number, number, number, number];
  const half = width / 2;
  const angles = planeAngles(width, base);
  const data = new Float64Array(x.data.length);
  for (let at = 0; at < data.length; at += width) {
    const position = (at / width) % length;
    for (let i = 0; i < half; i++) {
      const [cos, sin] = [Math.cos(position * angles[i]!), Math.sin(position * angles[i]!)];
      const [a, b] = [x.data[at + i]!, x.data[at + i + half]!];
      data[at + i] = a * cos - b * sin;
      data[at + i + half] = a * sin + b * cos;
    }
  }
  return tensor(x.shape, data);
}

/** Rotary attention straight from its rotation, heads-first. */
function rotaryRows(call: ModuleCall, parameters: ComplexParameters): Tensor {
  const { query, key, value } = projected(call, parameters);
  const { tokens, base, causal, scale, width, heads } = parameters;
  const by = scale === 'none' ? 1 : Math.sqrt(heads / width);
  const scores = mapped(matrixProduct(rotated(query, base), turned(rotated(key, base))), (score, at) =>
    !causal || at % tokens <= Math.floor(at / tokens) % tokens ? score * by : -Infinity,
  );
  return matrixProduct(softmax(scores), value);
}

export function complexReference(call: ModuleCall, parameters: ComplexParameters): Tensor {
  const shape = shapeOf(parameters);
  const rows =
    parameters.form === 'rotary'
      ? rotaryRows(call, parameters)
      : cmhaRows(
          { ...projected(call, parameters), weights: mechanismWeights(call.weights, parameters) },
          shape,
          mechanismOf(parameters),
          allRows(shape),
        );
  return linear(joinHeads(rows), weightOf(call.weights, `${layers.output}.weight`));
}

/** Weights [h, n, n] of the first sequence, and the angle AS = theta of q - theta of k of each plane, within a turn: [h][n][n][planes]. */
export function weightsAndAngles(call: ModuleCall, parameters: ComplexParameters) {
  const { heads, tokens, width, causal } = parameters;
  const half = width / heads / 2;
  const { query, key } = projected(call, parameters);
  const weights = mechanismWeights(call.weights, parameters);
  const score = cmhaScores({ query, key, weights }, shapeOf(parameters), mechanismOf(parameters));
  const angle = (x: Tensor, h: number, at: number, i: number): number => {
    const from = (h * tokens + at) * 2 * half;
    return Math.atan2(x.data[from + i + half]!, x.data[from + i]!);
  };
  return Array.from({ length: heads }, (_, h) =>
    Array.from({ length: tokens }, (__, m) => {
      const reads = causal ? m + 1 : tokens;
      const scores = Array.from({ length: reads }, (___, n) => score(0, h, m, n));
      const highest = Math.max(...scores);
      const powers = scores.map((one) => Math.exp(one - highest));
      const total = powers.reduce((sum, one) => sum + one, 0);
      return powers.map((power, n) => ({
        weight: power / total,
        angles: Array.from({ length: half }, (____, i) => {
          const turn = angle(query, h, m, i) - angle(key, h, n, i);
          return turn - 2 * Math.PI * Math.round(turn / (2 * Math.PI));
        }),
      }));
    }),
  );
}
