/** A layer of TransNormerLLM: gated Lightning Attention and a gated unit (definition.ts has the equations). */
import type { Module, ModuleCall } from '../../module';
import { mapped, matrixProduct, turned } from '../../module-parts/layers';
import { headsFor } from '../../module-parts/plain-attention';
import { tokensInput, tokensOutput } from '../../module-parts/token-ports';
import { parameterCount, weightOf } from '../../module-parts/weights';
import { normalTensor, seedFor } from '../../tensors/random';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { tnlAround, tnlBlockReference, type MixedTokens } from './definition';
import { tnlGraph } from './graph';
import { headWidth, refuseTnl, tnlParameters, tnlSizes, tnlWeights, type TnlParameters } from './parameters';
import { tnlPictures } from './pictures';

/** ((Q K^T) (.) M) V with M_ts = lambda^(t - s) for s <= t: the left product. */
const leftProduct = ({ query, key, value }: MixedTokens, slopes: readonly number[]): Tensor => {
  const n = query.shape[2]!;
  const scores = mapped(matrixProduct(query, turned(key)), (score, at) => {
    const [t, s] = [Math.floor(at / n) % n, at % n];
    return s > t ? 0 : score * Math.exp(-slopes[Math.floor(at / (n * n)) % slopes.length]! * (t - s));
  });
  return matrixProduct(scores, value);
};

/** The left product whose scores are sum_j q_j k_j cos(theta_j (t - s)), with queries and keys that were not rotated. */
const cosineProduct =
  ({ weights }: ModuleCall) =>
  ({ query, key, value }: MixedTokens, slopes: readonly number[]): Tensor => {
    const theta = weightOf(weights, 'token_mixer.lrpe.theta').data;
    const [batch, heads, n, d] = query.shape as [number, number, number, number];
    const scores = mapped(zeros([batch, heads, n, n]), (_, at) => {
      const [head, t, s] = [Math.floor(at / (n * n)), Math.floor(at / n) % n, at % n];
      if (s > t) return 0;
      let score = 0;
      for (let x = 0; x < d; x++) {
        const angle = theta[(head % heads) * d + x]! * (t - s);
        score += query.data[(head * n + t) * d + x]! * key.data[(head * n + s) * d + x]! * Math.cos(angle);
      }
      return score * Math.exp(-slopes[head % heads]! * (t - s));
    });
    return matrixProduct(scores, value);
  };

export const tnlBlock: Module<TnlParameters> = {
  id: 'tnl-block',
  title: 'TransNormerLLM layer',
  kind: 'block',
  summary:
    'Linear attention with a fixed decay for each head and layer, a norm in place of the softmax’s denominator and an output gate, then a gated unit without activation. Time grows with the number of tokens, and decoding keeps one matrix for each head.',
  source: {
    reference:
      'arXiv:2405.17381, sections 2 and 3; modeling_transnormer.py of OpenNLPLab/TransNormerLLM (TransnormerDecoderLayer)',
    trust: 'high',
    note: 'Norms are SRMSNorm, without weights; no layer has a bias. Paper and released code differ in the decay, and both are offered. Angles of the rotation are computed in float32 as in the code.',
  },
  parameters: tnlParameters,
  refuse: refuseTnl,
  inputs: ({ batch, tokens, width }) => [
    tokensInput({ batch, tokens, width }, 'in their order'),
    {
      name: 'mask',
      kind: 'mask',
      title: 'Mask',
      description: '[batch, tokens]: 0 for padding, which is not read',
      shape: [batch, tokens],
    },
  ],
  outputs: (size) => [tokensOutput(size)],
  weights: tnlWeights,
  parametersOf: tnlSizes,
  reference: (call, parameters) => ({ output: tnlBlockReference(call, parameters) }),
  build: (graph, parameters) => ({ output: tnlGraph(graph, parameters) }),
  /**
   * Layers n (4 D H e + H e D + 3 D G); in blocks of B, with d the width of a rotated query and R = n in whole blocks, for each head
   * R B (d + e) inside and 2 R d e for the state.
   */
  cost(parameters) {
    const { batch, tokens: n, width, hidden, glu, heads, rotation, block, form } = parameters;
    const e = headWidth(parameters);
    const d = rotation ? 2 * e : e;
    const size = Math.min(block, n);
    const rows = Math.ceil(n / size) * size;
    const multiplyAdds =
      batch * (n * (5 * width * hidden + 3 * width * glu) + heads * rows * (size * (d + e) + 2 * d * e));
    const count = parameterCount(tnlWeights(parameters));
    const states = heads * (rows / size) * d * e;
    return {
      multiplyAdds,
      // Masks of scores; norms, activations, gates and residuals.
      flops: 2 * multiplyAdds + batch * (heads * rows * size + n * (20 * width + 30 * hidden + glu)),
      bytes:
        4 *
        (count +
          batch *
            (n * (12 * width + 24 * hidden + 5 * glu) +
              heads * rows * (5 * size + 12 * d) +
              (form === 'parallel' ? 8 : 5) * states)),
      parameters: count,
    };
  },
  depth: () => 3,
  growth: {
    of: 'tokens',
    sizes: [512, 1024, 2048].map((tokens) => ({ tokens })),
    size: ({ tokens }) => tokens,
    exponent: 1,
  },
  plain: ({ batch, tokens, width }) => ({ batch, queries: tokens, keys: tokens, width, heads: headsFor(width) }),
  limits: [
    {
      name: 'the masked left product',
      parameters: { decay: 'paper', rotation: false, layer: 1, layers: 3 },
      equals: (call, parameters) => ({ output: tnlAround(call, parameters, leftProduct) }),
    },
    {
      name: 'rotation: scores with the cosine of theta times the distance',
      parameters: { rotation: true, decay: 'code' },
      equals: (call, parameters) => ({
        output: tnlAround(call, { ...parameters, rotation: false }, cosineProduct(call)),
      }),
    },
    {
      name: 'no decay and features of 1: every token reads the sum of the values before it',
      parameters: { decay: 'none', rotation: false, features: 'elu + 1' },
      // exp(0) of queries and keys of zeros is 1: each score is the width of a head.
      call: ({ inputs, weights }, { hidden, width }) => ({
        inputs,
        weights: {
          ...weights,
          'token_mixer.qkvu_proj.weight': mapped(weightOf(weights, 'token_mixer.qkvu_proj.weight'), (value, at) =>
            at < 2 * hidden * width ? 0 : value,
          ),
        },
      }),
      equals: (call, parameters) => ({
        output: tnlAround(call, parameters, ({ value }) => {
          const [n, e] = [value.shape[2]!, value.shape[3]!];
          const sums = tensor(value.shape, Float64Array.from(value.data));
          for (let at = e; at < sums.data.length; at++) {
            if (Math.floor(at / e) % n > 0) sums.data[at]! += sums.data[at - e]!;
          }
          return mapped(sums, (each) => each * e);
        }),
      }),
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal tokens; the last eighth of each sequence is padding.',
      draw: (parameters, seed) => sample(parameters, seed, () => 0),
    },
    {
      id: 'echo',
      title: 'A marked token far back',
      description:
        'One strong direction at an eighth of the sequence and again at its half: heads that fade slowly read it.',
      draw: (parameters, seed) => {
        const { tokens, width } = parameters;
        const mark = normalTensor([width], seedFor(seed, 'mark'), 3).data;
        const places = [Math.floor(tokens / 8), Math.floor(tokens / 2)];
        return sample(parameters, seed, (token, feature) => (places.includes(token) ? mark[feature]! : 0));
      },
    },
  ],
  pictures: (call, _outputs, parameters) => tnlPictures(call, parameters),
};

function sample(
  { batch, tokens, width }: TnlParameters,
  seed: number,
  planted: (token: number, feature: number) => number,
) {
  const kept = tokens - Math.floor(tokens / 8);
  const noise = normalTensor([batch, tokens, width], seedFor(seed, 'tokens'));
  return {
    x: mapped(noise, (value, at) => value + planted(Math.floor(at / width) % tokens, at % width)),
    mask: mapped(zeros([batch, tokens]), (_, at) => (at % tokens < kept ? 1 : 0)),
  };
}
