/**
 * Nemotron-H (arXiv:2504.03624; NemotronHForCausalLM of transformers) in float64: layers that are one thing each, a Mamba-2 mixer,
 * attention without positions, a network or experts, position by position and from nothing of the product.
 */
import {
  add,
  attention,
  below,
  dot,
  heads,
  linear,
  rmsNorm,
  scale,
  silu,
  times,
  type Parameters,
  type ReferenceRun,
  type Vector,
} from '../reference/vectors';
import type { TinyModel } from './tiny-models';

const width = 24;
const vocabulary = 61;
const epsilon = 1e-5;
const mixer = { heads: 6, width: 4, state: 5, groups: 3, kernel: 4 };
const inner = mixer.heads * mixer.width;
const convolved = inner + 2 * mixer.groups * mixer.state;
const attends = { heads: 4, keys: 2, width: 8 };
const network = 20;
const routed = { count: 5, chosen: 2, size: 12, shared: 14, factor: 2.5 };
const pattern = 'M*-EM*';

const config = {
  model_type: 'nemotron_h',
  architectures: ['NemotronHForCausalLM'],
  hybrid_override_pattern: pattern,
  num_hidden_layers: pattern.length,
  hidden_size: width,
  vocab_size: vocabulary,
  intermediate_size: network,
  num_attention_heads: attends.heads,
  num_key_value_heads: attends.keys,
  head_dim: attends.width,
  mamba_num_heads: mixer.heads,
  mamba_head_dim: mixer.width,
  ssm_state_size: mixer.state,
  n_groups: mixer.groups,
  conv_kernel: mixer.kernel,
  use_conv_bias: true,
  time_step_limit: [0.25, 1.5],
  mlp_hidden_act: 'relu2',
  layer_norm_epsilon: epsilon,
  n_routed_experts: routed.count,
  num_experts_per_tok: routed.chosen,
  moe_intermediate_size: routed.size,
  moe_shared_expert_intermediate_size: routed.shared,
  n_shared_experts: 1,
  routed_scaling_factor: routed.factor,
  norm_topk_prob: true,
  n_group: 1,
  topk_group: 1,
  max_position_embeddings: 256,
  tie_word_embeddings: false,
};

/** `latent`: the width that the routed experts read and write, if it is not that of the stream. */
function shapes(latent?: number): Record<string, readonly number[]> {
  const all: Record<string, readonly number[]> = {
    'backbone.embeddings.weight': [vocabulary, width],
    'backbone.norm_f.weight': [width],
    'lm_head.weight': [vocabulary, width],
  };
  [...pattern].forEach((letter, layer) => {
    const at = `backbone.layers.${layer}.`;
    const put = (name: string, ...shape: readonly number[]): void => void (all[`${at}mixer.${name}`] = shape);
    all[`${at}norm.weight`] = [width];
    if (letter === 'M') {
      put('in_proj.weight', inner + convolved + mixer.heads, width);
      put('conv1d.weight', convolved, 1, mixer.kernel);
      put('conv1d.bias', convolved);
      for (const name of ['A_log', 'D', 'dt_bias']) put(name, mixer.heads);
      put('norm.weight', inner);
      put('out_proj.weight', width, inner);
    }
    if (letter === '*') {
      put('q_proj.weight', attends.heads * attends.width, width);
      for (const name of ['k_proj', 'v_proj']) put(`${name}.weight`, attends.keys * attends.width, width);
      put('o_proj.weight', width, attends.heads * attends.width);
    }
    const both = (name: string, size: number, outer = width): void => {
      put(`${name}up_proj.weight`, size, outer);
      put(`${name}down_proj.weight`, outer, size);
    };
    if (letter === '-') both('', network);
    if (letter === 'E') {
      put('gate.weight', routed.count, width);
      put('gate.e_score_correction_bias', routed.count);
      for (let expert = 0; expert < routed.count; expert++) both(`experts.${expert}.`, routed.size, latent);
      if (latent !== undefined) {
        put('fc1_latent_proj.weight', latent, width);
        put('fc2_latent_proj.weight', width, latent);
      }
      both('shared_experts.', routed.shared);
    }
  });
  return all;
}

const squaredReLu = (x: number): number => Math.max(0, x) ** 2;
const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

const networkOf = (own: Parameters, x: readonly Vector[]): number[][] =>
  linear(
    own,
    'down_proj',
    linear(own, 'up_proj', x).map((row) => row.map(squaredReLu)),
  );

function mixed(own: Parameters, x: readonly Vector[]): number[][] {
  const { heads: count, width: size, state, groups, kernel } = mixer;
  const [rates, skip, bias] = [own.vector('A_log'), own.vector('D'), own.vector('dt_bias')];
  const [kernels, offsets] = [own.vector('conv1d.weight'), own.vector('conv1d.bias')];
  const held = Array.from({ length: count }, () =>
    Array.from({ length: size }, () => new Array<number>(state).fill(0)),
  );
  const rows = linear(own, 'in_proj', x);
  return linear(
    own,
    'out_proj',
    rows.map((row, t) => {
      const gate = row.slice(0, inner);
      const active = offsets.map((offset, channel) => {
        let sum = offset;
        for (let back = 0; back < kernel && back <= t; back++)
          sum += (kernels[channel * kernel + kernel - 1 - back] ?? 0) * (rows[t - back]?.[inner + channel] ?? 0);
        return silu(sum);
      });
      const values = heads(active.slice(0, inner), count);
      const [b, c] = [0, 1].map((which) =>
        heads(active.slice(inner + which * groups * state, inner + (which + 1) * groups * state), groups),
      );
      const output = values.flatMap((value, h) => {
        const raw = (row[inner + convolved + h] ?? 0) + (bias[h] ?? 0);
        const dt = Math.min(1.5, Math.max(0.25, Math.log1p(Math.exp(raw))));
        const group = Math.floor(h / (count / groups));
        return value.map((v, p) => {
          const own = held[h]?.[p] ?? [];
          own.forEach(
            (s, n) => (own[n] = Math.exp(-dt * Math.exp(rates[h] ?? 0)) * s + dt * (b?.[group]?.[n] ?? 0) * v),
          );
          return dot(own, c?.[group] ?? []) + (skip[h] ?? 0) * v;
        });
      });
      const open = times(output, gate.map(silu));
      const normed = heads(open, groups).flatMap((part) =>
        rmsNorm(
          part,
          part.map(() => 1),
          epsilon,
        ),
      );
      return times(normed, own.vector('norm.weight'));
    }),
  );
}

function attended(own: Parameters, x: readonly Vector[]): number[][] {
  const of = (name: string, count: number) => linear(own, name, x).map((row) => heads(row, count));
  const { outputs } = attention({
    query: of('q_proj', attends.heads),
    key: of('k_proj', attends.keys),
    value: of('v_proj', attends.keys),
    scale: attends.width ** -0.5,
    causal: true,
  });
  return linear(
    own,
    'o_proj',
    x.map((_, row) => outputs.flatMap((head) => head[row] ?? [])),
  );
}

function expert(own: Parameters, x: readonly Vector[], latent: boolean): number[][] {
  const narrow = latent ? linear(own, 'fc1_latent_proj', x) : x;
  const shared = networkOf(below(own, 'shared_experts.'), x);
  const bias = own.vector('gate.e_score_correction_bias');
  return x.map((row, t) => {
    const scores = own.matrix('gate.weight').map((weights) => sigmoid(dot(weights, row)));
    const chosen = scores
      .map((score, at) => ({ at, score, choice: score + (bias[at] ?? 0) }))
      .sort((a, b) => b.choice - a.choice)
      .slice(0, routed.chosen);
    const total = chosen.reduce((sum, { score }) => sum + score, 0);
    const given = chosen
      .map(({ at, score }) =>
        scale(networkOf(below(own, `experts.${at}.`), [narrow[t] ?? []])[0] ?? [], (routed.factor * score) / total),
      )
      .reduce((sum, one) => add(sum, one));
    return add(latent ? (linear(own, 'fc2_latent_proj', [given])[0] ?? []) : given, shared[t] ?? []);
  });
}

function run(parameters: Parameters, ids: readonly number[], latent: boolean): ReferenceRun {
  const words = parameters.matrix('backbone.embeddings.weight');
  const taps = new Map<string, readonly number[]>();
  let stream = ids.map((id) => [...(words[id] ?? [])]);
  [...pattern].forEach((letter, layer) => {
    const at = below(parameters, `backbone.layers.${layer}.`);
    const own = below(at, 'mixer.');
    const x = stream.map((row) => rmsNorm(row, at.vector('norm.weight'), epsilon));
    const added =
      letter === 'M'
        ? mixed(own, x)
        : letter === '*'
          ? attended(own, x)
          : letter === '-'
            ? networkOf(own, x)
            : expert(own, x, latent);
    stream = stream.map((row, t) => add(row, added[t] ?? []));
    taps.set(`layer.${layer}.${'M*'.includes(letter) ? 'attention.output' : 'mlp_output'}`, added.flat());
    taps.set(`layer.${layer}.residual`, stream.flat());
  });
  const last = stream.map((row) => rmsNorm(row, parameters.vector('backbone.norm_f.weight'), epsilon));
  return { logits: linear(parameters, 'lm_head', last), taps };
}

/** With experts as wide as the stream, and with narrower ones (Nemotron 3 Ultra). */
export const tinyNemotronH: readonly TinyModel[] = [undefined, 10].map((latent) => ({
  name: latent === undefined ? 'nemotron_h' : 'nemotron_h, narrow experts',
  config: latent === undefined ? config : { ...config, moe_latent_size: latent },
  shapes: shapes(latent),
  run: (parameters, ids) => run(parameters, ids, latent !== undefined),
}));
