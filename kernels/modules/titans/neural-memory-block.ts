/** A Titans block: a memory that learns at run time, alone or joined with attention (definition.ts has the equations). */
import type { Module, ModuleCall } from '../../module';
import { linear, mapped, matrixProduct, product, sigmoid, sum } from '../../module-parts/layers';
import { headsFor } from '../../module-parts/plain-attention';
import { tokensInput, tokensOutput } from '../../module-parts/token-ports';
import { weightOf } from '../../module-parts/weights';
import { normalTensor, seedFor } from '../../tensors/random';
import { tensor, zeros, type Tensor } from '../../tensors/tensor';
import { titansCost } from './cost';
import { causalConvolution, rootMeanSquareNorm, titansBlock } from './definition';
import { titansGraph } from './graph';
import {
  memoryWeightName,
  refuseTitans,
  titansParameters,
  titansSizes,
  titansWeights,
  type TitansParameters,
} from './parameters';
import { titansPictures } from './pictures';

/** Gates that are 0 or 1 for every token, and a memory of zeros. */
const fixed = ({ inputs, weights }: ModuleCall, learn: boolean): ModuleCall => {
  const gate = (name: string, on: boolean) => ({
    [`${name}.weight`]: mapped(weightOf(weights, `${name}.weight`), () => 0),
    [`${name}.bias`]: mapped(weightOf(weights, `${name}.bias`), () => (on ? 800 : -800)),
  });
  const empty = memoryWeightName(0);
  return {
    inputs,
    weights: {
      ...weights,
      ...gate('to_decay_factor', false),
      ...gate('to_adaptive_step', learn),
      ...gate('to_momentum', false),
      [empty]: mapped(weightOf(weights, empty), () => 0),
    },
  };
};

/** y_t = sum over i <= t of (q_t . k_i) v_i of one head over the whole width, and the block around it. */
function linearAttentionBlock({ inputs, weights }: ModuleCall, { tokens, width }: TitansParameters): Tensor {
  const w = (name: string): Tensor => weightOf(weights, `${name}.weight`);
  const u = rootMeanSquareNorm(inputs['x']!, w('norm'));
  const active = (name: string): Tensor =>
    mapped(causalConvolution(linear(u, w(`to_${name}`)), w(`conv_${name}`)), (z) => z / (1 + Math.exp(-z)));
  const unit = (x: Tensor): Tensor =>
    mapped(x, (each, at) => {
      const row = x.data.subarray(at - (at % width), at - (at % width) + width);
      return each / Math.sqrt(row.reduce((total, value) => total + value * value, 1e-6));
    });
  const [q, k, v] = [unit(active('queries')).data, unit(active('keys')).data, active('values').data];
  const y = zeros([1, tokens, width]);
  for (let t = 0; t < tokens; t++) {
    for (let i = 0; i <= t; i++) {
      let score = 0;
      for (let x = 0; x < width; x++) score += q[t * width + x]! * k[i * width + x]!;
      for (let x = 0; x < width; x++) y.data[t * width + x]! += score * v[i * width + x]!;
    }
  }
  const mixed = product(rootMeanSquareNorm(y, w('memory_norm')), sigmoid(linear(u, w('to_gate'))));
  return sum(inputs['x']!, linear(mixed, w('combine_heads')));
}

/** Causal softmax attention of one head, `zerosFor(t)` keys of zeros beside those of row t, gated by a memory that answers zeros. */
function attentionBlock(
  { inputs, weights }: ModuleCall,
  { tokens, width }: TitansParameters,
  zerosFor: (t: number) => number,
): Tensor {
  const w = (name: string): Tensor => weightOf(weights, `${name}.weight`);
  const u = rootMeanSquareNorm(inputs['x']!, w('norm'));
  const rows = (name: string): Tensor => tensor([tokens, width], linear(u, w(`attention.to_${name}`)).data);
  const [q, k, v] = [rows('q'), rows('k'), rows('v')];
  const scores = mapped(zeros([tokens, tokens]), (_, at) => {
    const [t, i] = [Math.floor(at / tokens), at % tokens];
    if (i > t) return 0;
    let score = 0;
    for (let x = 0; x < width; x++) score += q.data[t * width + x]! * k.data[i * width + x]!;
    return Math.exp(score / Math.sqrt(width));
  });
  const shares = mapped(scores, (each, at) => {
    const t = Math.floor(at / tokens);
    const row = scores.data.subarray(t * tokens, (t + 1) * tokens);
    return each / row.reduce((total, value) => total + value, zerosFor(t));
  });
  const y = linear(tensor([1, tokens, width], matrixProduct(shares, v).data), w('attention.to_out'));
  const half = mapped(rootMeanSquareNorm(y, w('attention_norm')), (each) => each / 2);
  return sum(inputs['x']!, linear(half, w('combine_heads')));
}

const alone = {
  heads: 1,
  tokens: 7,
  width: 6,
  window: 16,
  persistent: 0,
  depth: 1,
  forgetting: true,
  rate: 1,
  chunk: 16,
  freeze: 0,
  reset: 0,
  batch: 1,
};

export const neuralMemoryBlock: Module<TitansParameters> = {
  id: 'neural-memory-block',
  title: 'Neural memory block (Titans)',
  kind: 'block',
  summary:
    'A block whose memory, a matrix or a small network, is trained by gradient steps while the sequence is read, with forgetting and momentum from each token; alone, or joined with attention as context, gate or layer. Its state does not grow, and time grows with the number of tokens.',
  source: {
    reference: 'arXiv:2501.00663, sections 3 and 4; gates and initial biases near titans-pytorch (unofficial)',
    trust: 'medium',
    note: 'No code of the authors exists. As published: gates from the block’s input, a short causal convolution behind each projection (with it a depthwise-separable one), SiLU, queries and keys of length 1, gradients at the start of a chunk, residual. Our choices: RMSNorm before the block; half the squared error summed over features; sigmoid gates for each token and head; the output of a memory is normalized and gated by a linear layer before the last projection; (x) of context and gate is sigmoid(norm(m) w) norm(y) w; the window is computed in blocks; in the form context a token sees the answers for tokens up to its own and the memory after its own token, so that no later token is seen. Names of weights lean on titans-pytorch, whose blocks differ.',
  },
  parameters: titansParameters,
  refuse: refuseTitans,
  inputs: (size) => [tokensInput(size, 'in their order')],
  outputs: (size) => [tokensOutput(size)],
  weights: titansWeights,
  parametersOf: titansSizes,
  reference: (call, parameters) => ({ output: titansBlock(call, parameters).output }),
  build: (graph, parameters) => ({ output: titansGraph(graph, parameters) }),
  cost: titansCost,
  depth: () => 2,
  growth: {
    of: 'tokens',
    sizes: [512, 1024, 2048].map((tokens) => ({ tokens })),
    size: ({ tokens }) => tokens,
    exponent: 1,
  },
  plain: ({ batch, tokens, width }) => ({ batch, queries: tokens, keys: tokens, width, heads: headsFor(width) }),
  limits: [
    {
      name: 'one chunk, the whole step, nothing forgotten or kept, an empty memory: causal linear attention without a norm',
      parameters: { ...alone, form: 'memory' },
      call: (call) => fixed(call, true),
      equals: (call, parameters) => ({ output: linearAttentionBlock(call, parameters) }),
    },
    {
      name: 'gate, a silent memory and a window over everything: causal attention',
      parameters: { ...alone, form: 'gate' },
      call: (call) => fixed(call, false),
      equals: (call, parameters) => ({ output: attentionBlock(call, parameters, () => 0) }),
    },
    {
      name: 'context, a silent memory and one segment: causal attention beside as many keys of zeros',
      parameters: { ...alone, form: 'context' },
      call: (call) => fixed(call, false),
      equals: (call, parameters) => ({ output: attentionBlock(call, parameters, (t) => t + 1) }),
    },
  ],
  samples: [
    {
      id: 'normal',
      title: 'Normal numbers',
      description: 'Standard normal tokens: every one is new to the memory.',
      draw: ({ batch, tokens, width }, seed) => ({ x: normalTensor([batch, tokens, width], seed) }),
    },
    {
      id: 'repeated',
      title: 'A passage that repeats',
      description:
        'A passage of a sixteenth of the tokens over and over, with a tenth of noise: each time the memory knows it better.',
      draw: ({ batch, tokens, width }, seed) => {
        const length = Math.max(1, Math.ceil(tokens / 16));
        const passage = normalTensor([length, width], seedFor(seed, 'passage')).data;
        const noise = normalTensor([batch, tokens, width], seedFor(seed, 'noise'), 0.1);
        return {
          x: mapped(noise, (each, at) => {
            const token = Math.floor(at / width) % tokens;
            return each + passage[(token % length) * width + (at % width)]!;
          }),
        };
      },
    },
  ],
  pictures: (call, _outputs, parameters) => titansPictures(call, parameters),
};
