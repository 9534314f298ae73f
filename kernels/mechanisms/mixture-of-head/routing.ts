/** Which heads a position takes, and with what gain (MoH, arXiv:2410.11842, section 3; code of SkyworkAI/MoH). */
import type { AttentionShape } from '../../shape';
import { zeros, type Tensor } from '../../tensors/tensor';
import { softmax } from '../../tensors/vectors';
import type { AttentionInputs } from '../../tensors/tensor';

export interface Routing extends Record<string, number | string> {
  readonly share: number;
  readonly sharedShare: number;
  readonly routing: 'learned' | 'query norm';
  readonly scaling: 'code' | 'paper';
}

export interface HeadCounts {
  /** Heads that every position takes: the first ones. */
  readonly shared: number;
  readonly routed: number;
  /** Routed heads that a position takes. */
  readonly active: number;
}

export function headCounts({ heads }: Pick<AttentionShape, 'heads'>, { share, sharedShare }: Routing): HeadCounts {
  const taken = Math.max(1, Math.round(share * heads));
  const shared = Math.min(taken, Math.round(sharedShare * heads));
  return { shared, routed: heads - shared, active: taken - shared };
}

/**
 * Gains of one position from its router logits.
 * p = softmax(routed), A = the K largest of p (of equal ones the first), s = softmax(shared), (a1, a2) = softmax(groups).
 * paper: a1 s_i, and a2 p_e for e in A. code: 2 a1 hs s_i, and 2 a2 K p_e / sum over A of p. Without shared heads a2, without
 * active routed heads a1 is left out (1 in the code's scaling stands for 2 a).
 */
export function gainsOf(
  logits: {
    readonly shared: readonly number[];
    readonly routed: readonly number[];
    readonly groups: readonly number[];
  },
  active: number,
  scaling: Routing['scaling'],
): readonly number[] {
  const s = softmax(logits.shared);
  const p = softmax(logits.routed);
  const both = s.length > 0 && active > 0;
  const [a1 = 0, a2 = 0] = both ? softmax(logits.groups) : scaling === 'code' ? [0.5, 0.5] : [1, 1];
  const chosen = largest(logits.routed, active);
  const total = chosen.reduce((sum, e) => sum + p[e]!, 0);
  const sharedGains = s.map((each) => (scaling === 'code' ? 2 * a1 * s.length * each : a1 * each));
  const routedGains = p.map((each, e) =>
    chosen.includes(e) ? (scaling === 'code' ? (2 * a2 * active * each) / total : a2 * each) : each * 0,
  );
  return [...sharedGains, ...routedGains];
}

const largest = (x: readonly number[], count: number): readonly number[] =>
  x
    .map((_, at) => at)
    .sort((a, b) => x[b]! - x[a]! || a - b)
    .slice(0, count);

/**
 * Gains g [b, n, h]; 0 for heads that a position does not take. `learned` reads the joined query heads of the position in
 * place of the layer's input; `query norm` (the parameter-free router of MoH-LLaMA3) takes the routed heads of longest query
 * with gain 1. A NaN that the router reads makes the gains that depend on it NaN.
 */
export function gains(inputs: AttentionInputs, shape: AttentionShape, routing: Routing): Tensor {
  const { batch, heads, queries, headDim } = shape;
  const { shared, routed, active } = headCounts(shape, routing);
  const output = zeros([batch, queries, heads]);
  const weights = {
    shared: inputs.weights['router.shared'],
    routed: inputs.weights['router.routed'],
    groups: inputs.weights['router.groups'],
  };
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < queries; i++) {
      const joined = Array.from({ length: heads * headDim }, (_, x) => {
        const head = Math.floor(x / headDim);
        return inputs.query.data[((b * heads + head) * queries + i) * headDim + (x % headDim)]!;
      });
      let own: readonly number[];
      if (routing.routing === 'query norm') {
        const norms = Array.from({ length: routed }, (_, e) =>
          Math.sqrt(
            joined.slice((shared + e) * headDim, (shared + e + 1) * headDim).reduce((sum, x) => sum + x * x, 0),
          ),
        );
        const chosen = largest(norms, active);
        const nothing = norms.reduce((sum, norm) => sum + norm, 0) * 0;
        own = Array.from({ length: heads }, (_, h) =>
          h < shared ? 1 : (chosen.includes(h - shared) ? 1 : 0) + nothing,
        );
      } else {
        const products = (weight: Tensor | undefined) =>
          Array.from({ length: weight?.shape[0] ?? 0 }, (_, row) =>
            joined.reduce((sum, x, at) => sum + x * weight!.data[row * joined.length + at]!, 0),
          );
        const logits = {
          shared: products(weights.shared),
          routed: products(weights.routed),
          groups: products(weights.groups),
        };
        own = gainsOf(logits, active, routing.scaling);
      }
      own.forEach((gain, h) => (output.data[(b * queries + i) * heads + h] = gain));
    }
  }
  return output;
}

/**
 * Load balance of T positions over E routed heads: P_e = mean of p, f_e = share of the positions that take e. paper:
 * sum_e P_e f_e; code: E times that. Uniform routing gives K / E and K.
 */
export function balance(
  probabilities: readonly (readonly number[])[],
  active: number,
): { readonly paper: number; readonly code: number } {
  const heads = probabilities[0]?.length ?? 0;
  let paper = 0;
  for (let e = 0; e < heads; e++) {
    const mean = probabilities.reduce((sum, p) => sum + p[e]!, 0) / probabilities.length;
    const load = probabilities.filter((p) => largest(p, active).includes(e)).length / probabilities.length;
    paper += mean * load;
  }
  return { paper, code: heads * paper };
}
