/**
 * Reference models with another value of a key and weights that make up for it: outputs are those of the class still, or a multiple. So
 * keys are compared with a second computation at values that no checkpoint of the folder has.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSafetensors, type CheckpointTensor } from '../safetensors-file';
import { referenceModels, type ReferenceModel } from './reference-models';

type Tensors = Map<string, CheckpointTensor>;

interface Variant {
  /** Name of the folder. */
  readonly of: string;
  readonly what: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors?: (tensors: Tensors) => unknown;
  /** Factor on the logits. */
  readonly logits?: number;
}

const times = (tensors: Tensors, names: RegExp, factor: number): void => {
  for (const [name, { shape, data }] of tensors)
    if (names.test(name)) tensors.set(name, { shape, data: data.map((value) => value * factor) });
};

/** The head keeps the table as it was. */
const scaledTable = (table: string, head: string, factor: (width: number) => number) => (tensors: Tensors) => {
  const own = tensorOf(tensors, table);
  tensors.set(head, own);
  times(tensors, new RegExp(`^${table.replaceAll('.', '\\.')}$`), factor(own.shape[1] ?? 0));
};

/** Networks of twice as many units, of which the second half is not read. */
function wider(tensors: Tensors): void {
  for (const [name, { shape, data }] of tensors) {
    const [rows = 0, columns = 0] = shape;
    if (name.endsWith('ffn.up_proj.weight')) {
      const more = data.map((value) => 0.5 - value);
      tensors.set(name, { shape: [2 * rows, columns], data: Float32Array.from([...data, ...more]) });
    }
    if (name.endsWith('ffn.down_proj.weight')) {
      const wide = new Float32Array(2 * rows * columns);
      for (let row = 0; row < rows; row++)
        wide.set(data.subarray(row * columns, (row + 1) * columns), 2 * row * columns);
      tensors.set(name, { shape: [rows, 2 * columns], data: wide });
    }
  }
}

const bigBird = {
  model_type: 'big_bird',
  architectures: ['BigBirdForMaskedLM'],
  block_size: 16,
  num_random_blocks: 2,
};

function tensorOf(tensors: Tensors, name: string): CheckpointTensor {
  const own = tensors.get(name);
  if (!own) throw new Error(`there is no ${name}`);
  return own;
}

const all: readonly Variant[] = [
  {
    of: 'cohere--CohereForCausalLM--hard',
    what: 'logits by another factor',
    config: { logit_scale: 0.125 },
    logits: 2,
  },
  {
    of: 'cohere2--Cohere2ForCausalLM--hard',
    what: 'logits by another factor',
    config: { logit_scale: 0.25 },
    logits: 4,
  },
  {
    // A stream twice as large: what enters and what is added, while norms take it for the same.
    of: 'nemotron--NemotronForCausalLM--hard',
    what: 'another epsilon',
    config: { norm_eps: 4e-5 },
    tensors: (tensors) => times(tensors, /embed_tokens|o_proj|down_proj/, 2),
  },
  {
    of: 'starcoder2--Starcoder2ForCausalLM',
    what: 'another epsilon',
    config: { norm_epsilon: 4e-5 },
    tensors: (tensors) => times(tensors, /embed_tokens|o_proj|c_proj/, 2),
  },
  { of: 'mpt--MptForCausalLM--hard', what: 'a wider network', config: { expansion_ratio: 8 }, tensors: wider },
  {
    of: 'bloom--BloomForCausalLM--hard',
    what: 'the width under its older name',
    config: { n_embed: 48, hidden_size: undefined },
  },
  {
    of: 'biogpt--BioGptForCausalLM',
    what: 'an embedding as it is stored',
    config: { scale_embedding: false, tie_word_embeddings: false },
    tensors: scaledTable('biogpt.embed_tokens.weight', 'output_projection.weight', Math.sqrt),
  },
  {
    of: 'xglm--XGLMForCausalLM',
    what: 'an embedding as it is stored',
    config: { scale_embedding: false, tie_word_embeddings: false },
    tensors: scaledTable('model.embed_tokens.weight', 'lm_head.weight', Math.sqrt),
  },
  { of: 'distilbert--DistilBertForMaskedLM', what: 'a table of sines', config: { sinusoidal_pos_embds: true } },
  {
    of: 'deberta--DebertaForMaskedLM',
    what: 'positions in the words that stand there',
    config: { position_biased_input: false, tie_word_embeddings: false },
    tensors(tensors) {
      const words = tensorOf(tensors, 'deberta.embeddings.word_embeddings.weight');
      const positions = tensorOf(tensors, 'deberta.embeddings.position_embeddings.weight').data;
      const [, width = 0] = words.shape;
      const head = 'cls.predictions.decoder.weight';
      tensors.set(head, { shape: words.shape, data: words.data.slice() });
      // Tokens of the text, each of which stands there once.
      [58, 31, 47, 35, 21, 65, 34].forEach((id, position) => {
        for (let i = 0; i < width; i++) words.data[id * width + i]! += positions[position * width + i] ?? 0;
      });
      tensors.delete('deberta.embeddings.position_embeddings.weight');
    },
  },
  {
    of: 'ernie--ErnieForCausalLM',
    what: 'kinds of tasks',
    config: { use_task_id: true, task_type_vocab_size: 5 },
    tensors(tensors) {
      const [shape, width] = [[5, 32], 32];
      const tasks = Float32Array.from({ length: 5 * width }, (_, i) => Math.cos(i));
      tensors.set('ernie.embeddings.task_type_embeddings.weight', { shape, data: tasks });
      const types = tensorOf(tensors, 'ernie.embeddings.token_type_embeddings.weight').data;
      for (let i = 0; i < width; i++) types[i]! -= tasks[i] ?? 0;
    },
  },
  {
    // The distances of this text are in the buckets of one distance each.
    of: 'mpnet--MPNetForMaskedLM',
    what: 'more buckets',
    config: { relative_attention_num_buckets: 64 },
    tensors(tensors) {
      const name = 'mpnet.encoder.relative_attention_bias.weight';
      const { data, shape } = tensorOf(tensors, name);
      const [, heads = 0] = shape;
      const more = new Float32Array(64 * heads);
      for (const [from, to] of [
        [0, 0],
        [16, 32],
      ] as const)
        more.set(data.subarray(from * heads, (from + 8) * heads), to * heads);
      tensors.set(name, { shape: [64, heads], data: more });
    },
  },
  {
    of: 'modernbert--ModernBertForMaskedLM',
    what: 'biases, and layers by their number',
    config: { layer_types: undefined, global_attn_every_n_layers: 2, norm_bias: true, classifier_bias: true },
    tensors(tensors) {
      for (const [name, { shape }] of [...tensors]) {
        const [size = 0] = shape;
        if (/norm\.weight$|head\.dense\.weight$/.test(name))
          tensors.set(name.replace(/weight$/, 'bias'), { shape: [size], data: new Float32Array(size) });
      }
    },
  },
  {
    of: 'xlm--XLMWithLMHeadModel',
    what: 'one language, and words by another name',
    config: { use_lang_emb: false, vocab_size: undefined, n_words: 99 },
    tensors: (tensors) => tensors.delete('transformer.lang_embeddings.weight'),
  },
  {
    of: 'squeezebert--SqueezeBertForMaskedLM',
    what: 'one group that holds what four hold',
    config: { intermediate_groups: 1 },
    tensors(tensors) {
      for (const [name, { shape, data }] of [...tensors]) {
        const [rows = 0, own = 0] = shape;
        if (!name.endsWith('intermediate.conv1d.weight')) continue;
        const whole = new Float32Array(rows * 4 * own);
        for (let row = 0; row < rows; row++) {
          const group = Math.floor(row / (rows / 4));
          whole.set(data.subarray(row * own, (row + 1) * own), (4 * row + group) * own);
        }
        tensors.set(name, { shape: [rows, 4 * own, 1], data: whole });
      }
    },
  },
  {
    of: 'nystromformer--NystromformerForMaskedLM',
    what: 'fewer landmarks, and a longer kernel',
    config: { num_landmarks: 32, segment_means_seq_len: 32, conv_kernel_size: 69 },
    tensors(tensors) {
      for (const [name, { shape, data }] of [...tensors]) {
        const [heads = 0, , size = 0] = shape;
        if (!name.endsWith('self.conv.weight')) continue;
        const longer = new Float32Array(heads * 69);
        for (let head = 0; head < heads; head++)
          longer.set(data.subarray(head * size, (head + 1) * size), head * 69 + 2);
        tensors.set(name, { shape: [heads, 1, 69, 1], data: longer });
      }
    },
  },
  {
    // BigBird reads texts as short as this in full, as BERT does.
    of: 'bert--BertLMHeadModel',
    what: 'as BigBird',
    config: bigBird,
  },
  {
    of: 'bert--BertLMHeadModel',
    what: 'as BigBird without blocks',
    config: { ...bigBird, attention_type: 'original_full' },
  },
];

/** A key, and weights that give the same without it: two runs beside each other. */
interface Pair extends Pick<Variant, 'of' | 'what'> {
  /** The last row alone: one of them reads from left to right. */
  readonly last?: true;
  readonly one: Pick<Variant, 'config' | 'tensors'>;
  readonly other: Pick<Variant, 'config' | 'tensors'>;
}

/** What the head reads is stored apart from the words. */
const apart = (tensors: Tensors): CheckpointTensor => {
  const words = tensorOf(tensors, 'esm.embeddings.word_embeddings.weight');
  tensors.set('lm_head.decoder.weight', { shape: words.shape, data: words.data.slice() });
  return words;
};

const esm = 'esm--EsmForMaskedLM';

/** Helium's tensors under NeoBERT's names, queries, keys and values head after head. */
function asNeoBert(tensors: Tensors): void {
  const names = { 'model.embed_tokens': 'model.encoder', 'model.norm': 'model.layer_norm', lm_head: 'decoder' };
  const layer = {
    input_layernorm: 'attention_norm',
    post_attention_layernorm: 'ffn_norm',
    'self_attn.o_proj': 'wo',
    'mlp.down_proj': 'ffn.w3',
  };
  const below = Object.entries(layer).map(
    ([from, to]) => [`model.layers.0.${from}`, `model.transformer_encoder.0.${to}`] as const,
  );
  const at = (name: string): CheckpointTensor => tensorOf(tensors, `model.layers.0.${name}.weight`);
  const parts = ['q', 'k', 'v'].map((of) => at(`self_attn.${of}_proj`).data);
  const [heads, rows] = [2, 16 * 32];
  const fused = Array.from({ length: heads }, (_, head) =>
    parts.flatMap((data) => [...data.subarray(head * rows, (head + 1) * rows)]),
  ).flat();
  const gated = [...at('mlp.gate_proj').data, ...at('mlp.up_proj').data];
  const own = [...Object.entries(names), ...below].map(
    ([from, to]) => [`${to}.weight`, tensorOf(tensors, `${from}.weight`)] as const,
  );
  tensors.clear();
  for (const [name, tensor] of own) tensors.set(name, tensor);
  tensors.set('model.transformer_encoder.0.qkv.weight', { shape: [96, 32], data: Float32Array.from(fused) });
  tensors.set('model.transformer_encoder.0.ffn.w12.weight', { shape: [64, 32], data: Float32Array.from(gated) });
  tensors.set('decoder.bias', { shape: [99], data: new Float32Array(99) });
}

const pairs: readonly Pair[] = [
  {
    // One layer, of which the last row reads all tokens either way.
    of: 'helium--HeliumForCausalLM',
    what: 'as NeoBERT',
    last: true,
    one: {
      config: {
        num_hidden_layers: 1,
        rope_parameters: undefined,
        rms_norm_eps: undefined,
        head_dim: undefined,
        num_key_value_heads: undefined,
        model_type: 'neobert',
        architectures: ['NeoBERTLMHead'],
        // Two thirds of it are units.
        intermediate_size: 48,
        hidden_act: 'SwiGLU',
        norm_eps: 1e-8,
        max_length: 512,
      },
      tensors: asNeoBert,
    },
    other: {
      config: {
        num_hidden_layers: 1,
        rope_parameters: { rope_type: 'default', rope_theta: 10_000 },
        hidden_act: 'silu',
      },
    },
  },
  {
    of: esm,
    what: 'a token that masks',
    // It stands in the text once, of seven.
    one: { config: { token_dropout: true, mask_token_id: 9, tie_word_embeddings: false }, tensors: apart },
    other: {
      config: { tie_word_embeddings: false },
      tensors(tensors) {
        const { data, shape } = apart(tensors);
        const [, width = 0] = shape;
        data.forEach((value, i) => (data[i] = Math.floor(i / width) === 9 ? 0 : (value * 0.88) / (6 / 7)));
      },
    },
  },
  {
    of: esm,
    what: 'a norm of the words',
    one: {
      config: { emb_layer_norm_before: true, tie_word_embeddings: false },
      tensors(tensors) {
        const [, width = 0] = apart(tensors).shape;
        const at = 'esm.embeddings.layer_norm';
        tensors.set(`${at}.weight`, { shape: [width], data: new Float32Array(width).fill(0.5) });
        tensors.set(`${at}.bias`, { shape: [width], data: new Float32Array(width).fill(0.25) });
      },
    },
    other: {
      config: { tie_word_embeddings: false },
      tensors(tensors) {
        const { data, shape } = apart(tensors);
        const [rows = 0, width = 0] = shape;
        for (let row = 0; row < rows; row++) {
          const own = data.subarray(row * width, (row + 1) * width);
          const mean = own.reduce((sum, x) => sum + x, 0) / width;
          const deviation = Math.sqrt(own.reduce((sum, x) => sum + (x - mean) ** 2, 0) / width);
          own.forEach((x, i) => (own[i] = (0.5 * (x - mean)) / deviation + 0.25));
        }
      },
    },
  },
];

/** A new name for each tensor, by its beginnings. */
const renamed =
  (...pairs: readonly (readonly [RegExp, string])[]) =>
  (tensors: Tensors): void => {
    for (const [name, tensor] of [...tensors]) {
      tensors.delete(name);
      tensors.set(
        pairs.reduce((own, [from, to]) => own.replace(from, to), name),
        tensor,
      );
    }
  };

/** InternLM2's one projection: for each head of keys its queries, its key and its value. */
function groupedProjection(tensors: Tensors): void {
  const [heads, kvHeads] = [4, 2];
  for (const [name, query] of [...tensors]) {
    if (!name.endsWith('self_attn.q_proj.weight')) continue;
    const [key, value] = ['k_proj', 'v_proj'].map((of) => tensorOf(tensors, name.replace('q_proj', of)));
    const [rows = 0, columns = 0] = query.shape;
    const width = (rows / heads) * columns;
    const part = (data: Float32Array, first: number, count: number) =>
      data.subarray(first * width, (first + count) * width);
    const group = heads / kvHeads;
    const data = Array.from({ length: kvHeads }, (_, g) => [
      ...part(query.data, g * group, group),
      ...part(key!.data, g, 1),
      ...part(value!.data, g, 1),
    ]).flat();
    tensors.set(name.replace('q_proj', 'qkv'), {
      shape: [data.length / columns, columns],
      data: Float32Array.from(data),
    });
    for (const of of ['q_proj', 'k_proj', 'v_proj']) tensors.delete(name.replace('q_proj', of));
  }
}

/**
 * Families that are published with code of their own, and whose arithmetic is that of a family with a class: a checkpoint of that class
 * under their names.
 */
const ofOtherNames: readonly Variant[] = [
  {
    of: 'qwen2--Qwen2ForCausalLM--hard',
    what: 'as MiMo',
    config: { model_type: 'mimo', architectures: ['MiMoForCausalLM'], attention_bias: true },
  },
  {
    of: 'llama-linear--LlamaForCausalLM--hard',
    what: 'as EXAONE 3',
    config: {
      ...{ model_type: 'exaone', architectures: ['ExaoneForCausalLM'], num_layers: 4, num_hidden_layers: undefined },
      ...{ layer_norm_epsilon: 1e-6, rms_norm_eps: undefined, activation_function: 'silu', hidden_act: undefined },
    },
    tensors: renamed(
      [/^model\.embed_tokens/, 'transformer.wte'],
      [/^model\.norm/, 'transformer.ln_f'],
      [/^model\.layers\.(\d+)\./, 'transformer.h.$1.'],
      [/self_attn\.o_proj/, 'attn.attention.out_proj'],
      [/self_attn/, 'attn.attention'],
      [/mlp\.gate_proj/, 'mlp.c_fc_0'],
      [/mlp\.up_proj/, 'mlp.c_fc_1'],
      [/mlp\.down_proj/, 'mlp.c_proj'],
      [/input_layernorm/, 'ln_1'],
      [/post_attention_layernorm/, 'ln_2'],
    ),
  },
  {
    of: 'llama-linear--LlamaForCausalLM--hard',
    what: 'as InternLM2',
    config: { model_type: 'internlm2', architectures: ['InternLM2ForCausalLM'], bias: false },
    tensors: (tensors) => {
      groupedProjection(tensors);
      renamed(
        [/^model\.embed_tokens/, 'model.tok_embeddings'],
        [/^lm_head/, 'output'],
        [/self_attn\.qkv/, 'attention.wqkv'],
        [/self_attn\.o_proj/, 'attention.wo'],
        [/mlp\.gate_proj/, 'feed_forward.w1'],
        [/mlp\.up_proj/, 'feed_forward.w3'],
        [/mlp\.down_proj/, 'feed_forward.w2'],
        [/input_layernorm/, 'attention_norm'],
        [/post_attention_layernorm/, 'ffn_norm'],
      )(tensors);
    },
  },
  {
    // Factors that the weights take back: on the embedding, on what each branch adds, and under the logits (48 / 12).
    of: 'llama-linear--LlamaForCausalLM--hard',
    what: 'as MiniCPM',
    config: {
      ...{ model_type: 'minicpm', architectures: ['MiniCPMForCausalLM'] },
      ...{ scale_emb: 12, scale_depth: 1, dim_model_base: 12 },
    },
    tensors: (tensors) => {
      times(tensors, /embed_tokens/, 1 / 12);
      times(tensors, /o_proj|down_proj/, 2);
      times(tensors, /lm_head/, 4);
    },
  },
];

/** Bounds that some numbers pass: what is held is compared in the law itself. */
const bounded: readonly Variant[] = [
  { of: 'olmo--OlmoForCausalLM', what: 'held between bounds', config: { clip_qkv: 0.5 } },
  {
    of: 'mpt--MptForCausalLM--hard',
    what: 'held between bounds',
    config: {
      attn_config: { alibi: true, attn_type: 'multihead_attention', clip_qkv: 0.5, prefix_lm: false, qk_ln: false },
    },
  },
];

const atHand = ({ of }: Variant): boolean => referenceModels.some(({ name }) => name === of);

/** None where the folder is not there. */
export const referenceVariants = [...all, ...ofOtherNames].filter(atHand);
export const boundedVariants = bounded.filter(atHand);
export const referencePairs = pairs
  .filter(({ of }) => referenceModels.some(({ name }) => name === of))
  .map(({ of, what, last, one, other }) => ({
    last,
    name: `${of}, ${what}`,
    variants: [
      { of, what, ...one },
      { of, what: `${what}, in its weights`, ...other },
    ] as const,
  }));

/** Configs of all of them, as far as they are at hand. */
export const variantConfigs = [
  ...referenceVariants,
  ...boundedVariants,
  ...referencePairs.map(({ variants: [one] }) => one),
].map((variant) => configOf(variant));

function configOf(variant: Variant): ReferenceModel['config'] {
  return { ...referenceOf(variant).config, ...variant.config };
}

function referenceOf({ of }: Variant): ReferenceModel {
  const reference = referenceModels.find(({ name }) => name === of);
  if (!reference) throw new Error(`there is no reference model ${of}`);
  return reference;
}

export function writeVariant(
  variant: Variant,
  room: string,
): { readonly reference: ReferenceModel; readonly path: string } {
  const reference = referenceOf(variant);
  const path = join(room, `${variant.of}, ${variant.what}`);
  cpSync(reference.folder, path, { recursive: true, mode: 0 });
  const file = join(path, 'model.safetensors');
  const tensors = readTensors(file);
  variant.tensors?.(tensors);
  for (const each of [file, join(path, 'config.json')]) rmSync(each, { force: true });
  writeSafetensors(file, tensors);
  writeFileSync(join(path, 'config.json'), JSON.stringify(configOf(variant)));
  return { reference, path };
}

/** All tensors of a file in float32. */
export function readTensors(file: string): Tensors {
  const bytes = readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString('utf8')) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  return new Map(
    Object.entries(header).flatMap(([name, { dtype, shape, data_offsets: offsets }]) => {
      if (name === '__metadata__' || dtype !== 'F32') return [];
      const [start, end] = offsets;
      const own = Uint8Array.from(bytes.subarray(8 + length + start, 8 + length + end));
      return [[name, { shape, data: new Float32Array(own.buffer) }] as const];
    }),
  );
}
