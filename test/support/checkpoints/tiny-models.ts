/** Tiny random checkpoints, one per family that runs: config as published ones write it, and tensors under their names. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { latentRun } from '../reference/latent';
import { llamaLikeRun, type LlamaLikeConfig } from '../reference/llama-like';
import {
  bertRun,
  gpt2Run,
  gptNeoxRun,
  optRun,
  type BertConfig,
  type Gpt2Config,
  type GptNeoxConfig,
  type OptConfig,
} from '../reference/other-families';
import { parametersOf, type Parameters, type ReferenceRun } from '../reference/vectors';
import { roundTo, writeSafetensors, type CheckpointTensor, type StoredType } from '../safetensors-file';

export interface TinyModel {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly run: (parameters: Parameters, ids: readonly number[]) => ReferenceRun;
}

const hidden = 32;
const vocabulary = 61;
const inner = 48;

type LlamaExtras = Partial<LlamaLikeConfig> & Readonly<Record<string, unknown>>;

export function llamaLike(name: string, model_type: string, extras: LlamaExtras = {}): TinyModel {
  const config = {
    model_type,
    hidden_size: 32,
    intermediate_size: 48,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: vocabulary,
    max_position_embeddings: 128,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    hidden_act: model_type === 'gemma' ? 'gelu_pytorch_tanh' : 'silu',
    tie_word_embeddings: model_type.startsWith('gemma'),
    torch_dtype: 'float32',
    ...extras,
  };
  const { hidden_size: hidden, intermediate_size: inner, num_attention_heads: H } = config;
  const G = config.num_key_value_heads;
  const d = config.head_dim ?? hidden / H;
  const shapes: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [config.vocab_size, hidden],
    'model.norm.weight': [hidden],
  };
  if (!config.tie_word_embeddings) shapes['lm_head.weight'] = [config.vocab_size, hidden];
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const at = `model.layers.${l}`;
    const put = (suffix: string, shape: readonly number[]): void => void (shapes[`${at}.${suffix}`] = shape);
    put('input_layernorm.weight', [hidden]);
    put('post_attention_layernorm.weight', [hidden]);
    if (model_type === 'gemma2' || model_type === 'gemma3_text') {
      put('pre_feedforward_layernorm.weight', [hidden]);
      put('post_feedforward_layernorm.weight', [hidden]);
    }
    if (model_type === 'phi3') {
      put('self_attn.qkv_proj.weight', [(H + 2 * G) * d, hidden]);
      put('mlp.gate_up_proj.weight', [2 * inner, hidden]);
    } else {
      put('self_attn.q_proj.weight', [H * d, hidden]);
      put('self_attn.k_proj.weight', [G * d, hidden]);
      put('self_attn.v_proj.weight', [G * d, hidden]);
      put('mlp.gate_proj.weight', [inner, hidden]);
      put('mlp.up_proj.weight', [inner, hidden]);
    }
    if (model_type === 'qwen2') {
      put('self_attn.q_proj.bias', [H * d]);
      put('self_attn.k_proj.bias', [G * d]);
      put('self_attn.v_proj.bias', [G * d]);
    }
    if (model_type === 'qwen3' || model_type === 'gemma3_text') {
      put('self_attn.q_norm.weight', [d]);
      put('self_attn.k_norm.weight', [d]);
    }
    put('self_attn.o_proj.weight', [hidden, H * d]);
    put('mlp.down_proj.weight', [hidden, inner]);
  }
  return { name, config, shapes, run: (p, ids) => llamaLikeRun(config, p, ids) };
}

/** Ranks of its two layers differ, as do the widths of keys and values. */
function xEcomla(): TinyModel {
  const config = {
    model_type: 'x_ecomla',
    hidden_size: hidden,
    intermediate_size: inner,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    vocab_size: vocabulary,
    max_position_embeddings: 128,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    rope_interleave: true,
    hidden_act: 'silu',
    tie_word_embeddings: false,
    torch_dtype: 'float32',
    kv_lora_rank: 10,
    q_lora_rank: 24,
    qk_nope_head_dim: 5,
    qk_rope_head_dim: 4,
    v_head_dim: 7,
    layer_rank_list: { '1': { kv_rank: 6, q_rank: 16 } },
  };
  const { num_attention_heads: H, qk_nope_head_dim: plain, qk_rope_head_dim: rotary, v_head_dim: value } = config;
  const shapes: Record<string, readonly number[]> = {
    'model.embed_tokens.weight': [vocabulary, hidden],
    'model.norm.weight': [hidden],
    'lm_head.weight': [vocabulary, hidden],
  };
  for (const [l, [rank, queries]] of (
    [
      [10, 24],
      [6, 16],
    ] as const
  ).entries()) {
    const put = (suffix: string, shape: readonly number[]): void =>
      void (shapes[`model.layers.${l}.${suffix}.weight`] = shape);
    put('input_layernorm', [hidden]);
    put('post_attention_layernorm', [hidden]);
    put('self_attn.q_a_proj', [queries, hidden]);
    put('self_attn.q_b_proj', [H * (plain + rotary), queries]);
    put('self_attn.kv_a_proj_with_mqa', [rank + rotary, hidden]);
    put('self_attn.kv_b_proj', [H * (plain + value), rank]);
    put('self_attn.o_proj', [hidden, H * value]);
    put('mlp.gate_proj', [inner, hidden]);
    put('mlp.up_proj', [inner, hidden]);
    put('mlp.down_proj', [hidden, inner]);
  }
  return { name: 'x_ecomla', config, shapes, run: (p, ids) => latentRun(config, p, ids) };
}

function gpt2(): TinyModel {
  const config = {
    model_type: 'gpt2',
    architectures: ['GPT2LMHeadModel'],
    n_layer: 2,
    n_head: 4,
    n_embd: hidden,
    n_positions: 128,
    n_ctx: 128,
    vocab_size: vocabulary,
    layer_norm_epsilon: 1e-5,
    activation_function: 'gelu_new',
  };
  const shapes: Record<string, readonly number[]> = {
    'transformer.wte.weight': [vocabulary, hidden],
    'transformer.wpe.weight': [128, hidden],
    'transformer.ln_f.weight': [hidden],
    'transformer.ln_f.bias': [hidden],
  };
  for (let l = 0; l < config.n_layer; l++) {
    for (const [name, inputs, outputs] of [
      ['attn.c_attn', hidden, 3 * hidden],
      ['attn.c_proj', hidden, hidden],
      ['mlp.c_fc', hidden, 4 * hidden],
      ['mlp.c_proj', 4 * hidden, hidden],
    ] as const) {
      shapes[`transformer.h.${l}.${name}.weight`] = [inputs, outputs];
      shapes[`transformer.h.${l}.${name}.bias`] = [outputs];
    }
    for (const name of ['ln_1', 'ln_2']) {
      shapes[`transformer.h.${l}.${name}.weight`] = [hidden];
      shapes[`transformer.h.${l}.${name}.bias`] = [hidden];
    }
  }
  return { name: 'gpt2', config, shapes, run: (p, ids) => gpt2Run(config satisfies Gpt2Config, p, ids) };
}

const withBias = (shapes: Record<string, readonly number[]>, name: string, shape: readonly number[]): void => {
  shapes[`${name}.weight`] = shape;
  shapes[`${name}.bias`] = [shape[0] ?? 0];
};

function gptNeox(parallel: boolean): TinyModel {
  const config = {
    model_type: 'gpt_neox',
    architectures: ['GPTNeoXForCausalLM'],
    num_hidden_layers: 2,
    num_attention_heads: 4,
    hidden_size: hidden,
    intermediate_size: inner,
    vocab_size: vocabulary,
    max_position_embeddings: 128,
    layer_norm_eps: 1e-5,
    rotary_pct: parallel ? 0.25 : 0.5,
    rotary_emb_base: parallel ? 10000 : 500,
    hidden_act: 'gelu',
    use_parallel_residual: parallel,
    tie_word_embeddings: false,
  };
  const shapes: Record<string, readonly number[]> = {
    'gpt_neox.embed_in.weight': [vocabulary, hidden],
    'embed_out.weight': [vocabulary, hidden],
  };
  withBias(shapes, 'gpt_neox.final_layer_norm', [hidden]);
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const at = `gpt_neox.layers.${l}`;
    withBias(shapes, `${at}.input_layernorm`, [hidden]);
    withBias(shapes, `${at}.post_attention_layernorm`, [hidden]);
    withBias(shapes, `${at}.attention.query_key_value`, [3 * hidden, hidden]);
    withBias(shapes, `${at}.attention.dense`, [hidden, hidden]);
    withBias(shapes, `${at}.mlp.dense_h_to_4h`, [inner, hidden]);
    withBias(shapes, `${at}.mlp.dense_4h_to_h`, [hidden, inner]);
  }
  return {
    name: parallel ? 'gpt_neox' : 'gpt_neox, sequential',
    config,
    shapes,
    run: (p, ids) => gptNeoxRun(config satisfies GptNeoxConfig, p, ids),
  };
}

function opt(narrow: boolean): TinyModel {
  const width = narrow ? 16 : hidden;
  const config = {
    model_type: 'opt',
    architectures: ['OPTForCausalLM'],
    num_hidden_layers: 2,
    num_attention_heads: 4,
    hidden_size: hidden,
    ffn_dim: inner,
    word_embed_proj_dim: width,
    vocab_size: vocabulary,
    max_position_embeddings: 128,
    do_layer_norm_before: !narrow,
    activation_function: 'relu',
  };
  const shapes: Record<string, readonly number[]> = {
    'model.decoder.embed_tokens.weight': [vocabulary, width],
    'model.decoder.embed_positions.weight': [130, hidden],
  };
  if (narrow) {
    shapes['model.decoder.project_in.weight'] = [hidden, width];
    shapes['model.decoder.project_out.weight'] = [width, hidden];
  } else withBias(shapes, 'model.decoder.final_layer_norm', [hidden]);
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const at = `model.decoder.layers.${l}`;
    for (const name of ['q_proj', 'k_proj', 'v_proj', 'out_proj']) {
      withBias(shapes, `${at}.self_attn.${name}`, [hidden, hidden]);
    }
    withBias(shapes, `${at}.self_attn_layer_norm`, [hidden]);
    withBias(shapes, `${at}.final_layer_norm`, [hidden]);
    withBias(shapes, `${at}.fc1`, [inner, hidden]);
    withBias(shapes, `${at}.fc2`, [hidden, inner]);
  }
  return {
    name: narrow ? 'opt, narrow embedding and norms after' : 'opt',
    config,
    shapes,
    run: (p, ids) => optRun(config satisfies OptConfig, p, ids),
  };
}

function bert(): TinyModel {
  const config = {
    model_type: 'bert',
    architectures: ['BertForMaskedLM'],
    num_hidden_layers: 2,
    num_attention_heads: 4,
    hidden_size: hidden,
    intermediate_size: inner,
    vocab_size: vocabulary,
    max_position_embeddings: 128,
    type_vocab_size: 2,
    layer_norm_eps: 1e-12,
    hidden_act: 'gelu',
  };
  const shapes: Record<string, readonly number[]> = {
    'bert.embeddings.word_embeddings.weight': [vocabulary, hidden],
    'bert.embeddings.position_embeddings.weight': [128, hidden],
    'bert.embeddings.token_type_embeddings.weight': [2, hidden],
    'cls.predictions.bias': [vocabulary],
  };
  withBias(shapes, 'bert.embeddings.LayerNorm', [hidden]);
  withBias(shapes, 'cls.predictions.transform.dense', [hidden, hidden]);
  withBias(shapes, 'cls.predictions.transform.LayerNorm', [hidden]);
  for (let l = 0; l < config.num_hidden_layers; l++) {
    const at = `bert.encoder.layer.${l}`;
    for (const name of ['query', 'key', 'value']) withBias(shapes, `${at}.attention.self.${name}`, [hidden, hidden]);
    withBias(shapes, `${at}.attention.output.dense`, [hidden, hidden]);
    withBias(shapes, `${at}.attention.output.LayerNorm`, [hidden]);
    withBias(shapes, `${at}.intermediate.dense`, [inner, hidden]);
    withBias(shapes, `${at}.output.dense`, [hidden, inner]);
    withBias(shapes, `${at}.output.LayerNorm`, [hidden]);
  }
  return { name: 'bert', config, shapes, run: (p, ids) => bertRun(config satisfies BertConfig, p, ids) };
}

export const tinyModels: readonly TinyModel[] = [
  llamaLike('llama', 'llama', { architectures: ['LlamaForCausalLM'] }),
  llamaLike('llama, all heads with keys of their own', 'llama', {
    architectures: ['LlamaForCausalLM'],
    num_key_value_heads: 4,
    tie_word_embeddings: true,
  }),
  llamaLike('mistral, window 7', 'mistral', { architectures: ['MistralForCausalLM'], sliding_window: 7 }),
  llamaLike('qwen2', 'qwen2', { architectures: ['Qwen2ForCausalLM'] }),
  llamaLike('qwen3, heads wider than hidden', 'qwen3', { architectures: ['Qwen3ForCausalLM'], head_dim: 12 }),
  llamaLike('gemma', 'gemma', {
    architectures: ['GemmaForCausalLM'],
    head_dim: 12,
    num_key_value_heads: 1,
    hidden_activation: 'gelu_pytorch_tanh',
  }),
  llamaLike('gemma2', 'gemma2', {
    architectures: ['Gemma2ForCausalLM'],
    head_dim: 12,
    sliding_window: 7,
    query_pre_attn_scalar: 10,
    attn_logit_softcapping: 5,
    final_logit_softcapping: 3,
    hidden_activation: 'gelu_pytorch_tanh',
  }),
  llamaLike('gemma3', 'gemma3_text', {
    architectures: ['Gemma3ForCausalLM'],
    head_dim: 12,
    num_hidden_layers: 3,
    sliding_window: 7,
    sliding_window_pattern: 3,
    rope_theta: 1000000,
    rope_local_base_freq: 10000,
    query_pre_attn_scalar: 10,
    hidden_activation: 'gelu_pytorch_tanh',
  }),
  llamaLike('phi3', 'phi3', { architectures: ['Phi3ForCausalLM'], sliding_window: null }),
  gpt2(),
  gptNeox(true),
  gptNeox(false),
  opt(false),
  opt(true),
  bert(),
  xEcomla(),
];

/** Box-Muller over a 32-bit generator: numbers that do not change from run to run. */
function normals(seed: number): () => number {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
}

/** The tensors of a tiny checkpoint, rounded to the type that they are to be stored in. */
export function tinyTensors(
  tiny: Pick<TinyModel, 'config' | 'shapes'>,
  type: StoredType = 'F32',
  seed = 7,
): Map<string, CheckpointTensor> {
  const normal = normals(seed);
  const tensors = new Map<string, CheckpointTensor>();
  for (const [name, shape] of Object.entries(tiny.shapes)) {
    const isGain = /norm.*weight$|ln_.\.weight$|ln_f\.weight$/i.test(name);
    const deviation = shape.length === 1 ? 0.1 : (shape.at(-1) ?? 1) ** -0.5;
    const centre = isGain && !String(tiny.config['model_type']).startsWith('gemma') ? 1 : 0;
    const size = shape.reduce((product, axis) => product * axis, 1);
    const data = Float32Array.from({ length: size }, () => centre + normal() * deviation);
    tensors.set(name, { shape, data: roundTo(data, type) });
  }
  return tensors;
}

export function writeConfig(folder: string, config: Readonly<Record<string, unknown>>): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config, null, 2));
}

/** Writes config.json and model.safetensors and gives the parameters as they stand in the file. */
export function writeTinyModel(
  folder: string,
  tiny: Pick<TinyModel, 'config' | 'shapes'>,
  type: StoredType = 'F32',
  seed = 7,
): Parameters {
  writeConfig(folder, tiny.config);
  const tensors = tinyTensors(tiny, type, seed);
  writeSafetensors(join(folder, 'model.safetensors'), tensors, type);
  return parametersOf(tensors);
}

export function tinyModel(name: string): TinyModel {
  const tiny = tinyModels.find((each) => each.name === name);
  if (!tiny) throw new Error(`there is no tiny checkpoint "${name}"`);
  return tiny;
}
