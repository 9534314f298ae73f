/**
 * Reference models with another value of a key and weights that make up for it: outputs are those of the class still, or a multiple. So
 * keys are compared with a second computation at values that no checkpoint of the folder has.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromBfloat16, fromHalf } from '../../../kernels/tensors/half';
import { writeSafetensors, type CheckpointTensor } from '../safetensors-file';
import { referenceModels, type ReferenceModel } from './reference-models';
import { withoutMore } from './beside-text-variants';
import { insideOthers, pairsInsideOthers } from './inside-variants';
import { ofNarrowStreams } from './narrow-variants';
import { ofNllb } from './nllb-variants';
import { ofOtherNames, pairsOfOtherNames } from './renamed-variants';
import { ofChannels } from './state-variants';
import { inWholes } from './whole-variants';
import { ofSharedBlocks } from './zamba-variants';
import { renamed, tensorOf, times, type Pair, type Tensors, type Variant } from './variant-tensors';

/** The head keeps the table as it was. */
const scaledTable = (table: string, head: string, factor: (width: number) => number) => (tensors: Tensors) => {
  const own = tensorOf(tensors, table);
  tensors.set(head, own);
  times(tensors, new RegExp(`^${table.replaceAll('.', '\\.')}$`), factor(own.shape[1] ?? 0));
};

/** Networks of twice as many units, of which the second half is not read. */
const wider = (up: string, down: string) => (tensors: Tensors) => {
  for (const [name, { shape, data }] of tensors) {
    const [rows = 0, columns = 0] = shape;
    if (name.endsWith(`${up}.weight`)) {
      const more = data.map((value) => 0.5 - value);
      tensors.set(name, { shape: [2 * rows, columns], data: Float32Array.from([...data, ...more]) });
    }
    if (name.endsWith(`${down}.weight`)) {
      const wide = new Float32Array(2 * rows * columns);
      for (let row = 0; row < rows; row++)
        wide.set(data.subarray(row * columns, (row + 1) * columns), 2 * row * columns);
      tensors.set(name, { shape: [rows, 2 * columns], data: wide });
    }
  }
};

const bigBird = {
  model_type: 'big_bird',
  architectures: ['BigBirdForMaskedLM'],
  block_size: 16,
  num_random_blocks: 2,
};

/** The table that both halves of an encoder-decoder read, for each of them. */
function wordsOfEach(tensors: Tensors): void {
  const words = tensorOf(tensors, 'shared.weight');
  tensors.delete('shared.weight');
  for (const half of ['encoder', 'decoder']) tensors.set(`${half}.embed_tokens.weight`, words);
}

/** The first rows of the tables of positions. */
function fewerPositions(tensors: Tensors): void {
  for (const [name, { shape, data }] of tensors)
    if (name.endsWith('embed_positions.weight'))
      tensors.set(name, { shape: [16, shape[1] ?? 0], data: data.slice(0, 16 * (shape[1] ?? 0)) });
}

/** Tables of positions begin so many rows later. */
const laterPositions = (by: number) => (tensors: Tensors) => {
  for (const [name, { shape, data }] of tensors)
    if (name.endsWith('position_embeddings.weight')) {
      const moved = new Float32Array(data.length);
      moved.set(data.slice(0, data.length - by * (shape[1] ?? 0)), by * (shape[1] ?? 0));
      tensors.set(name, { shape, data: moved });
    }
};

const all: readonly Variant[] = [
  ...insideOthers,
  ...ofNarrowStreams,
  {
    of: 'prophetnet--ProphetNetEncoder',
    what: 'positions behind another padding token',
    config: { pad_token_id: 3 },
    tensors: laterPositions(3),
  },
  {
    of: 'gemma3n--Gemma3nForCausalLM',
    what: 'names of the published files',
    config: {},
    tensors: renamed([/per_layer_model\.language_model_projection/, 'per_layer_model_projection']),
  },
  {
    of: 'led--LEDForConditionalGeneration',
    what: 'fewer positions',
    config: { max_encoder_position_embeddings: 16, max_decoder_position_embeddings: 16 },
    tensors: fewerPositions,
  },
  {
    of: 'marian--MarianModel',
    what: 'a table of words for each half',
    config: { share_encoder_decoder_embeddings: false },
    tensors: wordsOfEach,
  },
  {
    // Its class divides scores by 2 instead of the root of 8, so the queries are enlarged by that ratio.
    of: 'imagegpt--ImageGPTForImageClassification',
    what: 'scores over the root of the width',
    config: {},
    tensors(tensors) {
      for (const [name, { shape, data }] of tensors)
        if (/c_attn\.(weight|bias)$/.test(name))
          tensors.set(name, { shape, data: data.map((x, i) => (i % 96 < 32 ? x * Math.SQRT2 : x)) });
    },
  },
  {
    of: 'dbrx--DbrxForCausalLM',
    what: 'units for rows',
    config: { ffn_config: { ffn_act_fn: { name: 'gelu' }, ffn_hidden_size: 64, moe_num_experts: 8, moe_top_k: 4 } },
    tensors(tensors) {
      for (const [name, { data }] of [...tensors]) {
        if (!name.includes('experts.mlp.')) continue;
        const [experts, width, units] = [8, 32, 64];
        const turned = Float32Array.from({ length: data.length }, (_, at) => {
          const [expert, unit, i] = [Math.floor(at / (width * units)), Math.floor(at / width) % units, at % width];
          return data[(expert * width + i) * units + unit] ?? 0;
        });
        tensors.set(name, { shape: [experts * units, width], data: turned });
      }
    },
  },
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
  {
    of: 'mpt--MptForCausalLM--hard',
    what: 'a wider network',
    config: { expansion_ratio: 8 },
    tensors: wider('ffn.up_proj', 'ffn.down_proj'),
  },
  {
    of: 'gpt_neox_japanese--GPTNeoXJapaneseForCausalLM',
    what: 'a wider network',
    config: { intermediate_multiple_size: 8 },
    tensors: wider('dense_h_to_4h', 'dense_4h_to_h'),
  },
  {
    of: 'deepseek_v3--DeepseekV3ForCausalLM--hard',
    what: 'as DeepSeek-V3.2',
    config: { model_type: 'deepseek_v32', architectures: ['DeepseekV32ForCausalLM'], index_topk: 64 },
  },
  { of: 'doge--DogeForCausalLM', what: 'fewer positions to choose', config: { keep_window_size: 100 } },
  { of: 'glm_moe_dsa--GlmMoeDsaForCausalLM', what: 'fewer positions to choose', config: { index_topk: 100 } },
  {
    // A layer of cross-attention, which a text without a picture passes by.
    of: 'mllama--MllamaForCausalLM',
    what: 'a layer that reads pictures',
    config: { cross_attention_layers: [1], num_hidden_layers: 3 },
    tensors(tensors) {
      renamed([/^model\.layers\.1\./, 'model.layers.2.'])(tensors);
      for (const [name, { shape, data }] of [...tensors]) {
        const [, own] = /^model\.layers\.0\.(.*)$/.exec(name) ?? [];
        if (own === undefined) continue;
        tensors.set(`model.layers.1.${own.replace('self_attn', 'cross_attn')}`, { shape, data: data.map(() => 1) });
      }
      for (const norm of ['q_norm', 'k_norm'])
        tensors.set(`model.layers.1.cross_attn.${norm}.weight`, { shape: [8], data: new Float32Array(8) });
      for (const gate of ['cross_attn_attn_gate', 'cross_attn_mlp_gate'])
        tensors.set(`model.layers.1.${gate}`, { shape: [1], data: new Float32Array(1) });
    },
  },
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
    of: 'xlnet--XLNetLMHeadModel',
    what: 'words by another name',
    config: { vocab_size: undefined, n_token: 99 },
  },
  {
    // Units of the adapters that nothing reads, and a language that no run takes.
    of: 'xmod--XmodForCausalLM',
    what: 'two languages, and wider adapters',
    config: { languages: ['de_DE', 'en_XX'], adapter_reduction_factor: 1 },
    tensors(tensors) {
      for (const [name, { shape, data }] of [...tensors]) {
        const [rows = 0, columns = 0] = shape;
        if (!name.includes('adapter_modules')) continue;
        const more = new Float32Array(name.endsWith('dense2.bias') ? rows : name.endsWith('bias') ? 32 : 1024).fill(
          0.5,
        );
        if (name.endsWith('dense2.weight'))
          for (let row = 0; row < rows; row++) more.set(data.subarray(row * columns, (row + 1) * columns), row * 32);
        else {
          more.fill(0);
          more.set(data);
        }
        const wide = name.endsWith('bias') ? [more.length] : [32, 32];
        tensors.set(name, { shape: wide, data: more });
        tensors.set(name.replace('en_XX', 'de_DE'), { shape: wide, data: more.map((value) => 1 - value) });
      }
    },
  },
  {
    of: 'tapas--TapasForMaskedLM',
    what: 'another number of ranks',
    config: { type_vocab_sizes: [3, 256, 256, 2, 256, 256, 11] },
    tensors(tensors) {
      const name = 'tapas.embeddings.token_type_embeddings_6.weight';
      const { data } = tensorOf(tensors, name);
      tensors.set(name, { shape: [11, 32], data: Float32Array.from({ length: 11 * 32 }, (_, i) => data[i] ?? 1) });
    },
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

/** What the head reads is stored apart from the words. */
const apart = (tensors: Tensors): CheckpointTensor => {
  const words = tensorOf(tensors, 'esm.embeddings.word_embeddings.weight');
  tensors.set('lm_head.decoder.weight', { shape: words.shape, data: words.data.slice() });
  return words;
};

const esm = 'esm--EsmForMaskedLM';

/** Words that a norm leaves as they are, and no positions. */
function centredWords(tensors: Tensors): void {
  const { data, shape } = tensorOf(tensors, 'model.decoder.embed_tokens.weight');
  const [rows = 0, width = 0] = shape;
  for (let row = 0; row < rows; row++) {
    const own = data.subarray(row * width, (row + 1) * width);
    const mean = own.reduce((sum, x) => sum + x, 0) / width;
    const deviation = Math.sqrt(own.reduce((sum, x) => sum + (x - mean) ** 2, 0) / width);
    own.forEach((x, i) => (own[i] = (x - mean) / deviation));
  }
  tensorOf(tensors, trocrPositions).data.fill(0);
  tensorOf(tensors, 'model.decoder.layernorm_embedding.weight').data.fill(Math.sqrt(1 + 1e-5));
  tensorOf(tensors, 'model.decoder.layernorm_embedding.bias').data.fill(0);
}

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

/** Queries of the last layer by a factor. */
const sharper =
  (layer: number, factor: number) =>
  (tensors: Tensors): void =>
    times(tensors, new RegExp(`layers\\.${layer}\\.self_attn\\.q_proj`), factor);

const trocr = 'trocr--TrOCRForCausalLM';
const trocrPositions = 'model.decoder.embed_positions.weight';

/** Tensors of the second layer of the last block of a Funnel. */
const ofLastLayer = /blocks\.2\.1\./;

const pairs: readonly Pair[] = [
  {
    of: 'funnel--FunnelForMaskedLM',
    what: 'a layer that is run twice',
    one: {
      config: { block_sizes: [1, 1, 1], block_repeats: [1, 1, 2] },
      tensors: (tensors) => [...tensors.keys()].forEach((name) => ofLastLayer.test(name) && tensors.delete(name)),
    },
    other: {
      config: {},
      tensors: (tensors) =>
        [...tensors.keys()].forEach(
          (name) =>
            ofLastLayer.test(name) && tensors.set(name, tensorOf(tensors, name.replace(ofLastLayer, 'blocks.2.0.'))),
        ),
    },
  },
  {
    // The last of 24 rows is in the fourth step of 8; the last layer is the one whose queries are scaled.
    of: 'llama4_text--Llama4ForCausalLM--hard',
    what: 'queries that are scaled by another factor',
    last: true,
    one: { config: { attn_temperature_tuning: false }, tensors: sharper(3, 1 + 3 * Math.log(4)) },
    other: { config: { attn_scale: 3 } },
  },
  {
    // One layer, and the last of 7 rows behind three steps of 2.
    of: 'ministral3--Ministral3ForCausalLM',
    what: 'queries that are scaled by their position',
    last: true,
    one: {
      config: {
        num_hidden_layers: 1,
        rope_parameters: {
          ...{ rope_type: 'default', rope_theta: 1e6, llama_4_scaling_beta: 3 },
          original_max_position_embeddings: 2,
        },
      },
    },
    other: {
      config: { num_hidden_layers: 1, rope_parameters: { rope_type: 'default', rope_theta: 1e6 } },
      tensors: sharper(0, 1 + 3 * Math.log(4)),
    },
  },
  {
    of: trocr,
    what: 'positions that are computed',
    one: {
      config: { use_learned_position_embeddings: false },
      tensors: (tensors) => tensors.delete(trocrPositions),
    },
    other: {
      config: {},
      // Sines, then cosines, of positions behind that of padding, which is 0 (fairseq's table).
      tensors(tensors) {
        const { data, shape } = tensorOf(tensors, trocrPositions);
        const [rows = 0, width = 0] = shape;
        const half = width / 2;
        for (let position = 0; position < rows - 2; position++)
          for (let i = 0; i < width; i++) {
            const angle = (position + 1) / 10_000 ** ((i % half) / (half - 1));
            data[(position + 2) * width + i] = i < half ? Math.sin(angle) : Math.cos(angle);
          }
      },
    },
  },
  {
    of: trocr,
    what: 'an embedding without a norm',
    one: {
      config: { layernorm_embedding: false },
      tensors(tensors) {
        centredWords(tensors);
        for (const name of ['weight', 'bias']) tensors.delete(`model.decoder.layernorm_embedding.${name}`);
      },
    },
    other: { config: {}, tensors: centredWords },
  },
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

const falconH1 = 'falcon_h1--FalconH1ForCausalLM';

/** Factors that the weights make up for, of which those in front of a power of two are exact. */
const ofStates: readonly Variant[] = [
  {
    of: falconH1,
    what: 'factors on embedding, attention and network',
    config: {
      ...{ embedding_multiplier: 4, attention_in_multiplier: 2, key_multiplier: 0.5, attention_out_multiplier: 0.25 },
      mlp_multipliers: [2, 0.5],
    },
    tensors(tensors) {
      times(tensors, /embed_tokens/, 1 / 4);
      times(tensors, /[qv]_proj/, 1 / 2);
      times(tensors, /o_proj/, 4);
      times(tensors, /gate_proj/, 1 / 2);
      times(tensors, /down_proj/, 2);
    },
  },
  {
    of: falconH1,
    what: 'factors on the recurrence',
    config: { ssm_in_multiplier: 2, ssm_out_multiplier: 0.5, ssm_multipliers: [2, 4, 0.5, 0.25, 8] },
    tensors(tensors) {
      times(tensors, /mamba\.out_proj/, 2);
      for (const [name, { shape, data }] of tensors) {
        if (!name.endsWith('mamba.in_proj.weight')) continue;
        const columns = shape[1] ?? 0;
        let row = 0;
        for (const [rows, factor] of [
          [1024, 2],
          [1024, 4],
          [16, 0.5],
          [16, 0.25],
          [16, 8],
        ] as const) {
          for (let at = row * columns; at < (row + rows) * columns; at++) data[at] = (data[at] ?? 0) / (2 * factor);
          row += rows;
        }
      }
    },
  },
  { of: falconH1, what: 'logits by a factor', config: { lm_head_multiplier: 0.5 }, logits: 0.5 },
  {
    of: 'qwen3_next--Qwen3NextForCausalLM',
    what: 'attention in every second layer',
    config: { layer_types: undefined, full_attention_interval: 2 },
  },
  {
    of: 'granitemoehybrid--GraniteMoeHybridForCausalLM',
    what: 'layers under their other name',
    config: { layer_types: undefined, layers_block_type: ['mamba', 'attention', 'mamba', 'attention'] },
  },
];

const atHand = ({ of }: Variant): boolean => referenceModels.some(({ name }) => name === of);

/** None where the folder is not there. */
export const referenceVariants = [
  ...all,
  ...ofStates,
  ...ofChannels,
  ...ofSharedBlocks,
  ...ofOtherNames,
  ...inWholes,
  ...withoutMore,
  ...ofNllb,
].filter(atHand);
export const boundedVariants = bounded.filter(atHand);
export const referencePairs = [...pairs, ...pairsOfOtherNames, ...pairsInsideOthers]
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
  ...referencePairs.flatMap(({ variants }) => variants),
].map((variant) => configOf(variant));

function configOf(variant: Variant): ReferenceModel['config'] {
  const { config, within, inner } = variant;
  const own = referenceOf(variant).config;
  return within === undefined ? { ...own, ...config } : { ...config, [within]: { ...own, ...inner } };
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
  cpSync(reference.folder, path, { recursive: true, dereference: true, mode: 0 });
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
      if (name === '__metadata__' || !['F32', 'F16', 'BF16'].includes(dtype)) return [];
      const [start, end] = offsets;
      const { buffer } = Uint8Array.from(bytes.subarray(8 + length + start, 8 + length + end));
      const widen = dtype === 'F16' ? fromHalf : fromBfloat16;
      const data = dtype === 'F32' ? new Float32Array(buffer) : Float32Array.from(new Uint16Array(buffer), widen);
      return [[name, { shape, data }] as const];
    }),
  );
}
