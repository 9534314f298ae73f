/** Float64 forward passes of GPT-2, GPT-NeoX, OPT and BERT, written from the modelling files of transformers. */
import {
  add,
  attention,
  convolution,
  gelu,
  geluTanh,
  heads,
  layerNorm,
  linear,
  type Parameters,
  type ReferenceRun,
  type Vector,
} from './vectors';

class Taps {
  readonly map = new Map<string, readonly number[]>();

  attention(layer: number, result: { probabilities: number[][][]; outputs: number[][][] }): void {
    this.map.set(`layer.${layer}.attention.probabilities`, result.probabilities.flat(2));
    this.map.set(`layer.${layer}.attention.head_output`, result.outputs.flat(2));
  }

  rows(layer: number, name: string, rows: readonly Vector[]): void {
    this.map.set(`layer.${layer}.${name}`, rows.flat());
  }
}

const joinHeads = (outputs: readonly (readonly Vector[])[], positions: number): number[][] =>
  Array.from({ length: positions }, (_, i) => outputs.flatMap((head) => head[i] ?? []));

const sum = (a: readonly Vector[], b: readonly Vector[]): number[][] => a.map((row, i) => add(row, b[i] ?? []));

const product = (rows: readonly Vector[], weight: readonly Vector[], bias?: Vector): number[][] =>
  rows.map((row) =>
    weight.map((w, o) => w.reduce((total, value, i) => total + value * (row[i] ?? 0), 0) + (bias?.[o] ?? 0)),
  );

export interface Gpt2Config {
  readonly n_layer: number;
  readonly n_head: number;
  readonly n_embd: number;
  readonly layer_norm_epsilon: number;
  readonly scale_attn_weights?: boolean;
  readonly scale_attn_by_inverse_layer_idx?: boolean;
  readonly tie_word_embeddings?: boolean;
}

export function gpt2Run(config: Gpt2Config, p: Parameters, ids: readonly number[]): ReferenceRun {
  const taps = new Taps();
  const wte = p.matrix('transformer.wte.weight');
  const wpe = p.matrix('transformer.wpe.weight');
  let x = ids.map((id, i) => add(wte[id] ?? [], wpe[i] ?? []));
  const width = config.n_embd;
  for (let l = 0; l < config.n_layer; l++) {
    const at = `transformer.h.${l}`;
    const fused = convolution(p, `${at}.attn.c_attn`, layerNorm(p, `${at}.ln_1`, x, config.layer_norm_epsilon));
    const part = (index: number) =>
      fused.map((row) => heads(row.slice(index * width, (index + 1) * width), config.n_head));
    const result = attention({
      query: part(0),
      key: part(1),
      value: part(2),
      scale:
        (config.scale_attn_weights === false ? 1 : (width / config.n_head) ** -0.5) /
        (config.scale_attn_by_inverse_layer_idx ? l + 1 : 1),
      causal: true,
    });
    taps.attention(l, result);
    const attended = convolution(p, `${at}.attn.c_proj`, joinHeads(result.outputs, ids.length));
    taps.rows(l, 'attention.output', attended);
    x = sum(x, attended);
    const inner = convolution(p, `${at}.mlp.c_fc`, layerNorm(p, `${at}.ln_2`, x, config.layer_norm_epsilon));
    const network = convolution(
      p,
      `${at}.mlp.c_proj`,
      inner.map((row) => row.map(geluTanh)),
    );
    taps.rows(l, 'mlp_output', network);
    x = sum(x, network);
    taps.rows(l, 'residual', x);
  }
  const head = config.tie_word_embeddings === false ? p.matrix('lm_head.weight') : wte;
  return { logits: product(layerNorm(p, 'transformer.ln_f', x, config.layer_norm_epsilon), head), taps: taps.map };
}

export interface GptNeoxConfig {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly hidden_size: number;
  readonly layer_norm_eps: number;
  readonly rotary_pct?: number;
  readonly rotary_emb_base?: number;
  /** In the place of the two, as transformers 5 writes them. */
  readonly rope_parameters?: { readonly rope_theta: number; readonly partial_rotary_factor: number };
  readonly use_parallel_residual: boolean;
  readonly tie_word_embeddings?: boolean;
}

export function gptNeoxRun(config: GptNeoxConfig, p: Parameters, ids: readonly number[]): ReferenceRun {
  const taps = new Taps();
  const d = config.hidden_size / config.num_attention_heads;
  const rotary = Math.floor(d * (config.rope_parameters?.partial_rotary_factor ?? config.rotary_pct ?? 0.25));
  const base = config.rope_parameters?.rope_theta ?? config.rotary_emb_base ?? 10000;
  const turn = (row: Vector, position: number): number[] => {
    const out = [...row];
    for (let i = 0; i < rotary / 2; i++) {
      const angle = position * base ** (-(2 * i) / rotary);
      const [a, b] = [row[i] ?? 0, row[i + rotary / 2] ?? 0];
      out[i] = a * Math.cos(angle) - b * Math.sin(angle);
      out[i + rotary / 2] = b * Math.cos(angle) + a * Math.sin(angle);
    }
    return out;
  };
  const table = p.matrix('gpt_neox.embed_in.weight');
  let x: number[][] = ids.map((id) => [...(table[id] ?? [])]);
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const at = `gpt_neox.layers.${l}`;
    const fused = linear(
      p,
      `${at}.attention.query_key_value`,
      layerNorm(p, `${at}.input_layernorm`, x, config.layer_norm_eps),
    );
    // Head after head: query, key, value.
    const part = (index: number) =>
      fused.map((row) => heads(row, config.num_attention_heads).map((head) => head.slice(index * d, (index + 1) * d)));
    const rotated = (rows: number[][][]) => rows.map((row, i) => row.map((head) => turn(head, i)));
    const result = attention({
      query: rotated(part(0)),
      key: rotated(part(1)),
      value: part(2),
      scale: d ** -0.5,
      causal: true,
    });
    taps.attention(l, result);
    const attended = linear(p, `${at}.attention.dense`, joinHeads(result.outputs, ids.length));
    taps.rows(l, 'attention.output', attended);
    const middle = config.use_parallel_residual ? x : sum(x, attended);
    const normed = layerNorm(p, `${at}.post_attention_layernorm`, middle, config.layer_norm_eps);
    const network = linear(
      p,
      `${at}.mlp.dense_4h_to_h`,
      linear(p, `${at}.mlp.dense_h_to_4h`, normed).map((row) => row.map(gelu)),
    );
    taps.rows(l, 'mlp_output', network);
    x = config.use_parallel_residual ? sum(sum(x, attended), network) : sum(middle, network);
    taps.rows(l, 'residual', x);
  }
  const final = layerNorm(p, 'gpt_neox.final_layer_norm', x, config.layer_norm_eps);
  const head = config.tie_word_embeddings ? table : p.matrix('embed_out.weight');
  return { logits: product(final, head), taps: taps.map };
}

export interface OptConfig {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly hidden_size: number;
  readonly word_embed_proj_dim: number;
  readonly do_layer_norm_before: boolean;
  readonly _remove_final_layer_norm?: boolean;
  readonly tie_word_embeddings?: boolean;
}

export function optRun(config: OptConfig, p: Parameters, ids: readonly number[]): ReferenceRun {
  const taps = new Taps();
  const epsilon = 1e-5;
  const root = 'model.decoder';
  const tokens = p.matrix(`${root}.embed_tokens.weight`);
  const positions = p.matrix(`${root}.embed_positions.weight`);
  let x = ids.map((id) => [...(tokens[id] ?? [])]);
  if (config.word_embed_proj_dim !== config.hidden_size) x = linear(p, `${root}.project_in`, x);
  x = x.map((row, i) => add(row, positions[i + 2] ?? []));
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const at = `${root}.layers.${l}`;
    const before = config.do_layer_norm_before;
    const input = before ? layerNorm(p, `${at}.self_attn_layer_norm`, x, epsilon) : x;
    const split = (name: string) =>
      linear(p, `${at}.self_attn.${name}`, input).map((row) => heads(row, config.num_attention_heads));
    const result = attention({
      query: split('q_proj'),
      key: split('k_proj'),
      value: split('v_proj'),
      scale: (config.hidden_size / config.num_attention_heads) ** -0.5,
      causal: true,
    });
    taps.attention(l, result);
    const attended = linear(p, `${at}.self_attn.out_proj`, joinHeads(result.outputs, ids.length));
    taps.rows(l, 'attention.output', attended);
    x = sum(x, attended);
    if (!before) x = layerNorm(p, `${at}.self_attn_layer_norm`, x, epsilon);
    const middle = before ? layerNorm(p, `${at}.final_layer_norm`, x, epsilon) : x;
    const network = linear(
      p,
      `${at}.fc2`,
      linear(p, `${at}.fc1`, middle).map((row) => row.map((value) => Math.max(0, value))),
    );
    taps.rows(l, 'mlp_output', network);
    x = sum(x, network);
    if (!before) x = layerNorm(p, `${at}.final_layer_norm`, x, epsilon);
    taps.rows(l, 'residual', x);
  }
  if (config.do_layer_norm_before && !config._remove_final_layer_norm)
    x = layerNorm(p, `${root}.final_layer_norm`, x, epsilon);
  if (config.word_embed_proj_dim !== config.hidden_size) x = linear(p, `${root}.project_out`, x);
  const head = config.tie_word_embeddings === false ? p.matrix('lm_head.weight') : tokens;
  return { logits: product(x, head), taps: taps.map };
}

export interface BertConfig {
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly hidden_size: number;
  readonly layer_norm_eps: number;
  readonly is_decoder?: boolean;
  readonly tie_word_embeddings?: boolean;
}

export function bertRun(config: BertConfig, p: Parameters, ids: readonly number[]): ReferenceRun {
  const taps = new Taps();
  const words = p.matrix('bert.embeddings.word_embeddings.weight');
  const positions = p.matrix('bert.embeddings.position_embeddings.weight');
  const types = p.matrix('bert.embeddings.token_type_embeddings.weight');
  let x = layerNorm(
    p,
    'bert.embeddings.LayerNorm',
    ids.map((id, i) => add(add(words[id] ?? [], positions[i] ?? []), types[0] ?? [])),
    config.layer_norm_eps,
  );
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const at = `bert.encoder.layer.${l}`;
    const split = (name: string) =>
      linear(p, `${at}.attention.self.${name}`, x).map((row) => heads(row, config.num_attention_heads));
    const result = attention({
      query: split('query'),
      key: split('key'),
      value: split('value'),
      scale: (config.hidden_size / config.num_attention_heads) ** -0.5,
      causal: config.is_decoder ?? false,
    });
    taps.attention(l, result);
    const attended = linear(p, `${at}.attention.output.dense`, joinHeads(result.outputs, ids.length));
    taps.rows(l, 'attention.output', attended);
    x = layerNorm(p, `${at}.attention.output.LayerNorm`, sum(x, attended), config.layer_norm_eps);
    const network = linear(
      p,
      `${at}.output.dense`,
      linear(p, `${at}.intermediate.dense`, x).map((row) => row.map(gelu)),
    );
    taps.rows(l, 'mlp_output', network);
    x = layerNorm(p, `${at}.output.LayerNorm`, sum(x, network), config.layer_norm_eps);
    taps.rows(l, 'residual', x);
  }
  const hidden = linear(p, 'cls.predictions.transform.dense', x).map((row) => row.map(gelu));
  const normed = layerNorm(p, 'cls.predictions.transform.LayerNorm', hidden, config.layer_norm_eps);
  const head = config.tie_word_embeddings === false ? p.matrix('cls.predictions.decoder.weight') : words;
  return { logits: product(normed, head, p.vector('cls.predictions.bias')), taps: taps.map };
}
