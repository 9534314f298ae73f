/**
 * A TransNormerLLM layer in float64 (arXiv:2405.17381; modeling_transnormer.py of OpenNLPLab), with N(x) = x / sqrt(mean(x^2) + 1e-6)
 * without weights and lambda = exp(-slope) of head and layer:
 *
 *   [Q K V U] = N(x) W; q = act(Q), k = act(K), with rotation [z cos(theta t), z sin(theta t)] of both at position t;
 *   kv_t = lambda kv_(t-1) + k_t^T v_t; o_t = q_t kv_t, a padded token with a value of zeros;
 *   x <- x + (N(o, heads joined) (.) U) W_o;  x <- x + ((N(x) W_1) (.) (N(x) W_2)) W_3.
 */
import type { ModuleCall } from '../../module';
import { linear, mapped, product, reshaped, sliced, splitHeads, joinHeads, sum } from '../../module-parts/layers';
import { weightOf } from '../../module-parts/weights';
import { zeros, type Tensor } from '../../tensors/tensor';
import { headWidth, slopesOf, type TnlParameters } from './parameters';

export const normEpsilon = 1e-6;

/** x / sqrt(mean of x^2 + 1e-6) over the last axis (SRMSNorm). */
export function simpleNorm(x: Tensor): Tensor {
  const width = x.shape.at(-1)!;
  const scale = Array.from({ length: x.data.length / width }, (_, row) => {
    const squares = x.data.subarray(row * width, (row + 1) * width).reduce((total, each) => total + each * each, 0);
    return 1 / Math.sqrt(squares / width + normEpsilon);
  });
  return mapped(x, (each, at) => each * scale[Math.floor(at / width)]!);
}

const activation = {
  swish: (x: number): number => x / (1 + Math.exp(-x)),
  'elu + 1': (x: number): number => (x > 0 ? x + 1 : Math.exp(x)),
  none: (x: number): number => x,
};

export interface MixedTokens {
  /** Queries and keys after activation and rotation, [b, H, n, d or 2 d]. */
  readonly query: Tensor;
  readonly key: Tensor;
  /** [b, H, n, e], zeros at padding. */
  readonly value: Tensor;
  /** U [b, n, H e]. */
  readonly gate: Tensor;
}

/** What the token mixer makes of normalized tokens [b, n, D]. */
export function projections({ inputs, weights }: ModuleCall, x: Tensor, parameters: TnlParameters): MixedTokens {
  const { heads, hidden, features, rotation, tokens } = parameters;
  const all = linear(x, weightOf(weights, 'token_mixer.qkvu_proj.weight'));
  const part = (at: number): Tensor => sliced(all, 2, at * hidden, (at + 1) * hidden);
  const active = (at: number): Tensor => splitHeads(mapped(part(at), activation[features]), heads);
  const d = headWidth(parameters);
  const turned = (z: Tensor): Tensor => {
    if (!rotation) return z;
    const theta = weightOf(weights, 'token_mixer.lrpe.theta').data;
    const [batch] = z.shape as [number];
    const y = zeros([batch, heads, tokens, 2 * d]);
    z.data.forEach((value, at) => {
      const [row, c] = [Math.floor(at / d), at % d];
      const angle = theta[(Math.floor(row / tokens) % heads) * d + c]! * (row % tokens);
      y.data[row * 2 * d + c] = value * Math.cos(angle);
      y.data[row * 2 * d + d + c] = value * Math.sin(angle);
    });
    return y;
  };
  const mask = inputs['mask']!.data;
  const value = mapped(part(2), (each, at) => each * mask[Math.floor(at / hidden)]!);
  return { query: turned(active(0)), key: turned(active(1)), value: splitHeads(value, heads), gate: part(3) };
}

/** o_t = q_t kv_t by the recurrence, [b, H, n, e]. */
function decayed({ query, key, value }: MixedTokens, slopes: readonly number[]): Tensor {
  const [batch, heads, n, d] = query.shape as [number, number, number, number];
  const e = value.shape[3]!;
  const output = zeros(value.shape);
  for (let at = 0; at < batch * heads; at++) {
    const decay = Math.exp(-slopes[at % heads]!);
    const state = new Float64Array(d * e);
    for (let row = at * n; row < (at + 1) * n; row++) {
      for (let x = 0; x < d; x++) {
        const [q, k] = [query.data[row * d + x]!, key.data[row * d + x]!];
        for (let y = 0; y < e; y++) {
          const next = decay * state[x * e + y]! + k * value.data[row * e + y]!;
          state[x * e + y] = next;
          output.data[row * e + y]! += q * next;
        }
      }
    }
  }
  return output;
}

/** The layer around an attention of what its token mixer projects. */
export function tnlAround(
  call: ModuleCall,
  parameters: TnlParameters,
  attention: (mixed: MixedTokens, slopes: readonly number[]) => Tensor,
): Tensor {
  const { inputs, weights } = call;
  const x = inputs['x']!;
  const w = (name: string): Tensor => weightOf(weights, `${name}.weight`);
  const mixed = projections(call, simpleNorm(x), parameters);
  const output = simpleNorm(joinHeads(attention(mixed, slopesOf(parameters))));
  const gated = parameters.gate ? product(output, reshaped(mixed.gate, output.shape)) : output;
  const between = sum(x, linear(gated, w('token_mixer.out_proj')));
  const u = simpleNorm(between);
  const inner = product(linear(u, w('channel_mixer.l1')), linear(u, w('channel_mixer.l2')));
  return sum(between, linear(inner, w('channel_mixer.l3')));
}

export const tnlBlockReference = (call: ModuleCall, parameters: TnlParameters): Tensor =>
  tnlAround(call, parameters, decayed);
