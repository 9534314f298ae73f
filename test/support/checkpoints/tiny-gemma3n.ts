/**
 * The text of Gemma 3n (Gemma3nForCausalLM of transformers 5.2) in float64, without code of the product: three streams that are predicted
 * and corrected, a narrow map beside attention, networks that keep their largest gates, a vector of the token in each layer, and last
 * layers that read the keys and values of earlier ones.
 */
import {
  add,
  attention,
  below,
  dot,
  geluTanh,
  heads,
  linear,
  rmsNorm,
  scale,
  times,
  type Parameters,
  type ReferenceRun,
  type Vector,
} from '../reference/vectors';
import type { TinyModel } from './tiny-models';

const [width, vocabulary, epsilon, network, size, rank] = [24, 61, 1e-6, 20, 6, 5];
const [streams, bound, cap] = [3, 0.05, 3];
const [query, keys, headDim, window] = [4, 2, 8, 5];
const layers = [
  { type: 'sliding_attention', theta: 1e4, sparsity: 0.6, source: undefined },
  { type: 'full_attention', theta: 1e6, sparsity: 0, source: undefined },
  { type: 'sliding_attention', theta: 1e4, sparsity: 0.3, source: undefined },
  { type: 'full_attention', theta: 1e6, sparsity: 0, source: 1 },
  { type: 'sliding_attention', theta: 1e4, sparsity: 0, source: 2 },
] as const;
/** Values of scipy.stats.norm.ppf, by share. */
const quantiles: Readonly<Record<number, number>> = { 0.6: 0.2533471031357997, 0.3: -0.5244005127080409 };

const config = {
  ...{ model_type: 'gemma3n_text', architectures: ['Gemma3nForCausalLM'], hidden_size: width, vocab_size: vocabulary },
  ...{ num_hidden_layers: layers.length, layer_types: layers.map(({ type }) => type), intermediate_size: network },
  ...{ num_attention_heads: query, num_key_value_heads: keys, head_dim: headDim, sliding_window: window },
  ...{ activation_sparsity_pattern: layers.map(({ sparsity }) => sparsity), final_logit_softcapping: cap },
  ...{ altup_num_inputs: streams, altup_coef_clip: bound, laurel_rank: rank, hidden_size_per_layer_input: size },
  ...{ vocab_size_per_layer_input: vocabulary, num_kv_shared_layers: 2, max_position_embeddings: 256 },
  ...{ hidden_activation: 'gelu_pytorch_tanh', rms_norm_eps: epsilon, tie_word_embeddings: true },
  ...{ rope_theta: 1e6, rope_local_base_freq: 1e4 },
};

function shapes(): Record<string, readonly number[]> {
  const all: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [vocabulary, width],
    'model.embed_tokens_per_layer.weight': [vocabulary, size * layers.length],
    'model.per_layer_model_projection.weight': [size * layers.length, width],
    'model.per_layer_projection_norm.weight': [size],
    'model.norm.weight': [width],
  };
  for (const name of ['altup_projections', 'altup_unembed_projections'])
    for (let at = 0; at < streams - 1; at++) all[`model.${name}.${at}.weight`] = [width, width];
  layers.forEach(({ source }, layer) => {
    const put = (name: string, ...shape: readonly number[]): void =>
      void (all[`model.layers.${layer}.${name}`] = shape);
    for (const name of ['input', 'post_attention', 'pre_feedforward', 'post_feedforward'])
      put(`${name}_layernorm.weight`, width);
    put('self_attn.q_proj.weight', query * headDim, width);
    if (source === undefined)
      for (const name of ['k_proj', 'v_proj']) put(`self_attn.${name}.weight`, keys * headDim, width);
    put('self_attn.o_proj.weight', width, query * headDim);
    for (const name of source === undefined ? ['q_norm', 'k_norm'] : ['q_norm'])
      put(`self_attn.${name}.weight`, headDim);
    for (const name of ['gate_proj', 'up_proj']) put(`mlp.${name}.weight`, network, width);
    put('mlp.down_proj.weight', width, network);
    put('altup.correct_output_scale', width);
    put('altup.correction_coefs.weight', streams, streams);
    put('altup.prediction_coefs.weight', streams ** 2, streams);
    put('altup.modality_router.weight', streams, width);
    put('altup.router_norm.weight', width);
    put('laurel.linear_left.weight', rank, width);
    put('laurel.linear_right.weight', width, rank);
    put('laurel.post_laurel_norm.weight', width);
    put('per_layer_input_gate.weight', size, width);
    put('per_layer_projection.weight', width, size);
    put('post_per_layer_input_norm.weight', width);
  });
  return all;
}

const minus = (a: Vector, b: Vector): number[] => add(a, scale(b, -1));
const meanOf = (x: Vector): number => x.reduce((sum, one) => sum + one, 0) / x.length;
const sizeOf = (x: Vector): number => Math.sqrt(meanOf(x.map((one) => one * one)));
const one = (at: Parameters, name: string, x: Vector): number[] => linear(at, name, [x])[0] ?? [];

/** x, scaled to the length of another. */
const asLong = (x: Vector, other: Vector): number[] =>
  scale(x, sizeOf(other) / Math.sqrt(Math.max(sizeOf(x) ** 2, 1e-5)));

function turned(row: Vector, position: number, theta: number): number[] {
  const half = row.length / 2;
  return row.map((x, at) => {
    const angle = position * theta ** ((-2 * (at % half)) / row.length);
    const other = at < half ? -(row[at + half] ?? 0) : (row[at - half] ?? 0);
    return x * Math.cos(angle) + other * Math.sin(angle);
  });
}

interface Heads {
  readonly key: number[][][];
  readonly value: number[][][];
}

function attended(own: Parameters, x: readonly Vector[], layer: (typeof layers)[number], made: readonly Heads[]) {
  const raw = (name: string, of: number) => linear(own, name, x).map((row) => heads(row, of));
  const gained = (rows: number[][][], norm: string) =>
    rows.map((row, t) =>
      row.map((head) => turned(rmsNorm(head, own.vector(`${norm}.weight`), epsilon), t, layer.theta)),
    );
  const plain = new Array<number>(headDim).fill(1);
  const from: Heads = made[layer.source ?? -1] ?? {
    key: gained(raw('k_proj', keys), 'k_norm'),
    value: raw('v_proj', keys).map((row) => row.map((head) => rmsNorm(head, plain, epsilon))),
  };
  const { outputs, probabilities } = attention({
    query: gained(raw('q_proj', query), 'q_norm'),
    ...from,
    scale: 1,
    causal: true,
    window: layer.type === 'sliding_attention' ? window : undefined,
  });
  const joined = x.map((_, row) => outputs.flatMap((head) => head[row] ?? []));
  return { added: linear(own, 'o_proj', joined), probabilities, from };
}

function networkOf(at: Parameters, x: Vector, sparsity: number): number[] {
  let gate: Vector = one(at, 'mlp.gate_proj', x);
  if (sparsity > 0) {
    const mean = meanOf(gate);
    const deviation = Math.sqrt(meanOf(gate.map((value) => (value - mean) ** 2)));
    gate = gate.map((value) => Math.max(0, value - mean - deviation * (quantiles[sparsity] ?? NaN)));
  }
  return one(at, 'mlp.down_proj', times(gate.map(geluTanh), one(at, 'mlp.up_proj', x)));
}

function run(parameters: Parameters, ids: readonly number[]): ReferenceRun {
  const words = parameters.matrix('model.embed_tokens.weight');
  const model = below(parameters, 'model.');
  const taps = new Map<string, readonly number[]>();
  const first = ids.map((id) => scale(words[id] ?? [], Math.sqrt(width)));
  const table = model.matrix('embed_tokens_per_layer.weight');
  const vectors = ids.map((id, t) =>
    layers.map((_, layer) => {
      const part = (all: Vector): Vector => all.slice(layer * size, (layer + 1) * size);
      const mapped = scale(part(one(model, 'per_layer_model_projection', first[t] ?? [])), width ** -0.5);
      const normed = rmsNorm(mapped, model.vector('per_layer_projection_norm.weight'), epsilon);
      return scale(add(normed, scale(part(table[id] ?? []), Math.sqrt(size))), Math.SQRT1_2);
    }),
  );
  const further = Array.from({ length: streams - 1 }, (_, at) => at);
  /** By row, then by stream. */
  let rows: Vector[][] = first.map((x) => [
    x,
    ...further.map((at) => asLong(one(model, `altup_projections.${at}`, x), x)),
  ]);
  const made: Heads[] = [];
  layers.forEach((layer, index) => {
    const at = below(parameters, `model.layers.${index}.`);
    const normed = (name: string, x: Vector): number[] => rmsNorm(x, at.vector(`${name}.weight`), epsilon);
    const mixed = (x: Vector): number[] =>
      one(at, 'altup.modality_router', scale(normed('altup.router_norm', x), 1 / width)).map(Math.tanh);
    const predicted = rows.map((own) => {
      const factors = one(at, 'altup.prediction_coefs', mixed(own[0] ?? []));
      return own.map((x, j) => own.reduce<Vector>((sum, y, i) => add(sum, scale(y, factors[j * streams + i] ?? 0)), x));
    });
    const read = predicted.map(([x = []]) => normed('input_layernorm', x));
    const { added, probabilities, from } = attended(below(at, 'self_attn.'), read, layer, made);
    made.push(from);
    const behind = added.map((x) => normed('post_attention_layernorm', x));
    taps.set(`layer.${index}.attention.probabilities`, probabilities.flat(2));
    taps.set(`layer.${index}.attention.output`, behind.flat());
    rows = predicted.map((own, t) => {
      const [x = []] = own;
      const input = read[t] ?? [];
      const narrow = one(at, 'laurel.linear_right', one(at, 'laurel.linear_left', input));
      const beside = add(input, normed('laurel.post_laurel_norm', narrow));
      const middle = scale(add(add(x, behind[t] ?? []), beside), Math.SQRT1_2);
      const inner = networkOf(at, normed('pre_feedforward_layernorm', middle), layer.sparsity);
      const left = add(middle, normed('post_feedforward_layernorm', inner));
      const mix = mixed(left);
      const corrected = at.matrix('altup.correction_coefs.weight').map((row, j) => {
        const held = row.map((value) => Math.max(-bound, Math.min(bound, value)));
        return add(own[j] ?? [], scale(minus(left, x), 1 + dot(held, mix)));
      });
      const gate = one(at, 'per_layer_input_gate', times(corrected[0] ?? [], at.vector('altup.correct_output_scale')));
      const gated = times(gate.map(geluTanh), vectors[t]?.[index] ?? []);
      const more = normed('post_per_layer_input_norm', one(at, 'per_layer_projection', gated));
      return corrected.map((y, j) => (j === 0 ? y : add(y, more)));
    });
    taps.set(
      `layer.${index}.residual`,
      rows.flatMap(([x = []]) => x),
    );
  });
  const logits = rows.map(([x = [], ...others]) => {
    const all = others.map((y, j) => asLong(one(model, `altup_unembed_projections.${j}`, y), x));
    const mean = scale(
      all.reduce<Vector>((sum, y) => add(sum, y), x),
      1 / streams,
    );
    const last = rmsNorm(mean, model.vector('norm.weight'), epsilon);
    return words.map((word) => cap * Math.tanh(dot(word, last) / cap));
  });
  return { logits, taps };
}

export const tinyGemma3n: TinyModel = { name: 'gemma3n', config, shapes: shapes(), run };
