import type { ConfigReader, Defaults, JsonObject } from '../config/config-reader';
import { readTransformer } from '../config/transformer';
import type { ModelDescription, ModelPart } from '../model-description';
import type { TensorTable, TensorWriter } from '../tensors/tensor-table';
import { transformers } from './family-row';
import type { CompositeFamily, CompositeReading } from './family';
import { amount, firstArchitecture, flag, word } from './family';

export const partNamed = (model: ModelDescription, name: string): ModelPart | undefined =>
  model.parts.find((candidate) => candidate.name === name);

interface Flat {
  readonly family: string;
  readonly positions: 'learned' | 'sinusoidal';
  readonly encoderLength: string;
  readonly decoderLength: string;
  readonly encoderRole: 'encoder' | 'audio' | 'vision';
  /** False where the decoder writes everything at once; true when absent. */
  readonly causal?: boolean;
  readonly record: readonly string[];
}

/** Encoder and decoder in one object with `encoder_…` and `decoder_…` keys (BART, Whisper, M2M, Marian, Pegasus). */
export function readFlat(reader: ConfigReader, flat: Flat): readonly ModelPart[] {
  for (const key of flat.record) reader.raw(key);
  const side = (name: 'encoder' | 'decoder', length: string): ModelPart => {
    const width = reader.integer('d_model') ?? reader.integer('hidden_size') ?? 0;
    const heads = reader.integer(`${name}_attention_heads`) ?? reader.integer('num_attention_heads') ?? 0;
    const layers = reader.integer(`${name}_layers`) ?? reader.integer('num_hidden_layers') ?? 0;
    const ffn = reader.integer(`${name}_ffn_dim`);
    const contextLength = reader.integer(length, 1);
    return readTransformer(reader, {
      family: flat.family,
      role: name === 'encoder' ? flat.encoderRole : 'decoder',
      name: [...reader.path, name].join('.'),
      hiddenSize: width,
      layers,
      heads,
      kvHeads: heads,
      headDim: heads > 0 ? Math.floor(width / heads) : 0,
      gated: false,
      norm: 'layer',
      positions: flat.positions,
      crossAttention: name === 'decoder',
      ...(flat.causal === undefined ? {} : { causal: flat.causal }),
      ...(ffn === undefined ? {} : { intermediateSize: ffn }),
      ...(contextLength === undefined ? {} : { contextLength }),
    });
  };
  return [side('decoder', flat.decoderLength), side('encoder', flat.encoderLength)];
}

/** A decoder that was saved without its encoder; its layers keep the cross-attention that nothing feeds then. */
const isDecoderAlone = (reader: ConfigReader): boolean => firstArchitecture(reader)?.endsWith('ForCausalLM') === true;

interface Bias {
  readonly key: boolean;
}

export function writeStack(stack: ModelPart, writer: TensorWriter, bias: Bias): void {
  const hidden = stack.hiddenSize;
  for (const layer of stack.layers) {
    const own = writer.layer(layer.index, 'layers.{layer}.');
    const blocks = layer.crossAttention === undefined ? ['self_attn'] : ['self_attn', 'encoder_attn'];
    for (const block of blocks) {
      own.linear('attention', `${block}.k_proj`, hidden, hidden, bias.key);
      for (const name of ['v_proj', 'q_proj', 'out_proj'])
        own.linear('attention', `${block}.${name}`, hidden, hidden, true);
      own.norm(`${block}_layer_norm`, hidden, true);
    }
    own.linear('mlp', 'fc1', hidden, layer.feedForward.size, true);
    own.linear('mlp', 'fc2', layer.feedForward.size, hidden, true);
    own.norm('final_layer_norm', hidden, true);
  }
}

const bartValues: JsonObject = {
  vocab_size: 50265,
  max_position_embeddings: 1024,
  encoder_layers: 12,
  encoder_ffn_dim: 4096,
  encoder_attention_heads: 16,
  decoder_layers: 12,
  decoder_ffn_dim: 4096,
  decoder_attention_heads: 16,
  activation_function: 'gelu',
  d_model: 1024,
  pad_token_id: 1,
  bos_token_id: 0,
  eos_token_id: 2,
  decoder_start_token_id: 2,
  tie_word_embeddings: true,
};

interface BartRow {
  readonly id: string;
  readonly title: string;
  readonly className: string;
  readonly values: JsonObject;
  readonly architectures: RegExp;
  readonly positions: 'learned' | 'sinusoidal';
  /** Rows of the table of positions in front of the first one; fairseq's padding offset of 2 when absent. */
  readonly offset?: number;
  /** Norm behind the embedding, norm behind each stack. */
  readonly norms: { readonly embedding: boolean; readonly final: boolean };
}

function bartLike(row: BartRow): CompositeFamily {
  const defaults: Defaults = { from: `${transformers} ${row.className}`, values: row.values };
  const { norms } = row;
  return {
    kind: 'composite',
    id: row.id,
    title: row.title,
    modelTypes: [row.id],
    architectures: row.architectures,
    tied: true,
    task: 'sequence-to-sequence',
    defaults: () => defaults,
    read: (reader): CompositeReading => {
      const parts = readFlat(reader, {
        family: row.id,
        positions: row.positions,
        encoderLength: 'max_position_embeddings',
        decoderLength: 'max_position_embeddings',
        encoderRole: 'encoder',
        record: ['scale_embedding', 'is_encoder_decoder', 'share_encoder_decoder_embeddings', 'decoder_vocab_size'],
      });
      // MVP's prompts in front of every layer have networks of their own.
      const exact = !(reader.has('use_prompt') && reader.boolean('use_prompt') === true);
      return { parts: isDecoderAlone(reader) ? parts.slice(0, 1) : parts, exact };
    },
    tensors: (model, table) => {
      const decoder = partNamed(model, 'decoder');
      if (decoder === undefined) return;
      const shared = table.writer(decoder);
      writeWords(model, table, decoder);
      for (const stack of model.parts) {
        const own = table.writer(stack).under(`model.${stack.name}.`);
        if (row.positions === 'learned') {
          const rows = (stack.contextLength ?? 0) + (row.offset ?? 2);
          own.add('embedding', 'embed_positions.weight', [rows, stack.hiddenSize]);
        }
        if (norms.embedding) own.norm('layernorm_embedding', stack.hiddenSize, true);
        writeStack(stack, own, { key: true });
        if (norms.final) own.norm('layer_norm', stack.hiddenSize, true);
      }
      if (model.task.kind === 'sequence-classification') {
        shared.linear('head', 'classification_head.dense', decoder.hiddenSize, decoder.hiddenSize, true);
        shared.linear('head', 'classification_head.out_proj', decoder.hiddenSize, model.task.labels, true);
      } else if (model.task.kind === 'question-answering') {
        shared.linear('head', 'qa_outputs', decoder.hiddenSize, 2, true);
      } else if (model.task.kind !== 'base' && !model.tiedEmbeddings.value) {
        shared.add('head', 'lm_head.weight', [outputWords(decoder), decoder.hiddenSize]);
      }
    },
  };
}

const outputWords = (decoder: ModelPart): number =>
  amount(decoder, 'decoder_vocab_size') ?? decoder.vocabularySize ?? 0;

/** One table of words for both sides, or (some Marian models) one for each. */
function writeWords(model: ModelDescription, table: TensorTable, decoder: ModelPart): void {
  const input = decoder.vocabularySize ?? 0;
  const together = model.parts.length > 1 && decoder.fields['share_encoder_decoder_embeddings']?.value !== false;
  if (together) {
    table.writer(decoder).add('embedding', 'model.shared.weight', [input, decoder.hiddenSize]);
    return;
  }
  for (const stack of model.parts) {
    const words = stack.name === 'decoder' ? outputWords(decoder) : input;
    table.writer(stack).add('embedding', `model.${stack.name}.embed_tokens.weight`, [words, stack.hiddenSize]);
  }
}

export const bart = bartLike({
  id: 'bart',
  title: 'BART',
  className: 'BartConfig',
  values: bartValues,
  architectures: /^Bart/,
  positions: 'learned',
  norms: { embedding: true, final: false },
});
export const mbart = bartLike({
  id: 'mbart',
  title: 'mBART',
  className: 'MBartConfig',
  values: bartValues,
  architectures: /^MBart/,
  positions: 'learned',
  norms: { embedding: true, final: true },
});
export const m2m100 = bartLike({
  id: 'm2m_100',
  title: 'M2M-100 / NLLB',
  className: 'M2M100Config',
  values: { ...bartValues, vocab_size: 128112, activation_function: 'relu' },
  architectures: /^M2M100/,
  positions: 'sinusoidal',
  norms: { embedding: false, final: true },
});
export const marian = bartLike({
  id: 'marian',
  title: 'Marian',
  className: 'MarianConfig',
  values: { ...bartValues, vocab_size: 58101, pad_token_id: 58100, eos_token_id: 0, decoder_start_token_id: 58100 },
  architectures: /^Marian/,
  positions: 'sinusoidal',
  norms: { embedding: false, final: false },
});
export const pegasus = bartLike({
  id: 'pegasus',
  title: 'Pegasus',
  className: 'PegasusConfig',
  values: { ...bartValues, pad_token_id: 0, eos_token_id: 1, decoder_start_token_id: 0 },
  architectures: /^Pegasus/,
  positions: 'sinusoidal',
  norms: { embedding: false, final: true },
});

export const plBart = bartLike({
  id: 'plbart',
  title: 'PLBART',
  className: 'PLBartConfig',
  values: {
    ...bartValues,
    vocab_size: 50005,
    d_model: 768,
    encoder_layers: 6,
    encoder_ffn_dim: 3072,
    encoder_attention_heads: 12,
    decoder_layers: 6,
    decoder_ffn_dim: 3072,
    decoder_attention_heads: 12,
  },
  architectures: /^PLBart/,
  positions: 'learned',
  norms: { embedding: true, final: false },
});
export const mvp = bartLike({
  id: 'mvp',
  title: 'MVP',
  className: 'MvpConfig',
  values: { ...bartValues, vocab_size: 50267 },
  architectures: /^Mvp/,
  positions: 'learned',
  norms: { embedding: true, final: false },
});
export const blenderbot = bartLike({
  id: 'blenderbot',
  title: 'Blenderbot',
  className: 'BlenderbotConfig',
  values: {
    ...bartValues,
    vocab_size: 8008,
    max_position_embeddings: 128,
    d_model: 2560,
    encoder_layers: 2,
    encoder_ffn_dim: 10240,
    encoder_attention_heads: 32,
    decoder_layers: 24,
    decoder_ffn_dim: 10240,
    decoder_attention_heads: 32,
  },
  architectures: /^Blenderbot(Model|For)/,
  positions: 'learned',
  offset: 0,
  norms: { embedding: false, final: true },
});
export const blenderbotSmall = bartLike({
  id: 'blenderbot-small',
  title: 'Blenderbot small',
  className: 'BlenderbotSmallConfig',
  values: {
    ...bartValues,
    max_position_embeddings: 512,
    d_model: 512,
    encoder_layers: 8,
    encoder_ffn_dim: 2048,
    decoder_layers: 8,
    decoder_ffn_dim: 2048,
  },
  architectures: /^BlenderbotSmall/,
  positions: 'learned',
  offset: 0,
  norms: { embedding: true, final: false },
});

/** Two convolutions, the second of which halves the length, in front of the layers. */
export function writeWhisperEncoder(encoder: ModelPart, writer: TensorWriter): void {
  const hidden = encoder.hiddenSize;
  writeConvolutions(encoder, writer);
  writer.add('embedding', 'embed_positions.weight', [encoder.contextLength ?? 0, hidden]);
  writeStack(encoder, writer, { key: false });
  writer.norm('layer_norm', hidden, true);
}

export function writeConvolutions(encoder: ModelPart, writer: TensorWriter): void {
  const hidden = encoder.hiddenSize;
  writer.add('embedding', 'conv1.weight', [hidden, amount(encoder, 'num_mel_bins') ?? 80, 3]);
  writer.add('embedding', 'conv1.bias', [hidden]);
  writer.add('embedding', 'conv2.weight', [hidden, hidden, 3]);
  writer.add('embedding', 'conv2.bias', [hidden]);
}

const classifies = (className: string | undefined): boolean => className === 'WhisperForAudioClassification';

/** The encoder alone, and classes of the average of its positions. */
function writeSoundClasses(encoder: ModelPart, writer: TensorWriter, labels: number): void {
  const width = amount(encoder, 'classifier_proj_size') ?? 0;
  writeWhisperEncoder(encoder, writer.under('encoder.'));
  writer.linear('head', 'projector', encoder.hiddenSize, width, true);
  writer.linear('head', 'classifier', width, labels, true);
  if (flag(encoder, 'use_weighted_layer_sum')) writer.add('head', 'layer_weights', [encoder.layers.length + 1]);
}

export const whisper: CompositeFamily = {
  kind: 'composite',
  id: 'whisper',
  title: 'Whisper',
  modelTypes: ['whisper'],
  architectures: /^Whisper/,
  tied: true,
  task: 'sequence-to-sequence',
  defaults: () => ({
    from: `${transformers} WhisperConfig`,
    values: {
      vocab_size: 51865,
      num_mel_bins: 80,
      encoder_layers: 4,
      encoder_attention_heads: 6,
      decoder_layers: 4,
      decoder_attention_heads: 6,
      decoder_ffn_dim: 1536,
      encoder_ffn_dim: 1536,
      activation_function: 'gelu',
      d_model: 384,
      max_source_positions: 1500,
      max_target_positions: 448,
      classifier_proj_size: 256,
      use_weighted_layer_sum: false,
      pad_token_id: 50256,
      bos_token_id: 50256,
      eos_token_id: 50256,
      decoder_start_token_id: 50257,
      tie_word_embeddings: true,
    },
  }),
  read: (reader): CompositeReading => {
    const parts = readFlat(reader, {
      family: 'whisper',
      positions: 'learned',
      encoderLength: 'max_source_positions',
      decoderLength: 'max_target_positions',
      encoderRole: 'audio',
      record: ['num_mel_bins', 'scale_embedding', 'classifier_proj_size', 'use_weighted_layer_sum'],
    });
    if (isDecoderAlone(reader)) return { parts: parts.slice(0, 1), exact: true };
    return { parts: classifies(firstArchitecture(reader)) ? parts.slice(1) : parts, exact: true };
  },
  tensors: (model, table) => {
    const decoder = partNamed(model, 'decoder');
    const encoder = partNamed(model, 'encoder');
    if (encoder !== undefined && classifies(model.architectures[0])) {
      writeSoundClasses(encoder, table.writer(encoder), model.task.labels);
      return;
    }
    if (encoder !== undefined) writeWhisperEncoder(encoder, table.writer(encoder).under('model.encoder.'));
    if (decoder === undefined) return;
    const text = table.writer(decoder).under('model.decoder.');
    text.add('embedding', 'embed_tokens.weight', [decoder.vocabularySize ?? 0, decoder.hiddenSize]);
    text.add('embedding', 'embed_positions.weight', [decoder.contextLength ?? 0, decoder.hiddenSize]);
    writeStack(decoder, text, { key: false });
    text.norm('layer_norm', decoder.hiddenSize, true);
    if (!model.tiedEmbeddings.value) {
      table.writer(decoder).add('head', 'proj_out.weight', [decoder.vocabularySize ?? 0, decoder.hiddenSize]);
    }
  },
};

const t5Values: JsonObject = {
  vocab_size: 32128,
  d_model: 512,
  d_kv: 64,
  d_ff: 2048,
  num_layers: 6,
  num_heads: 8,
  relative_attention_num_buckets: 32,
  relative_attention_max_distance: 128,
  layer_norm_epsilon: 1e-6,
  feed_forward_proj: 'relu',
  pad_token_id: 0,
  eos_token_id: 1,
  tie_word_embeddings: true,
};

/**
 * T5Config works `is_gated_act` out of `feed_forward_proj`, and then takes over what the file says of it: files without the
 * second are gated by the first.
 */
const t5Gated = (source: { readonly fields: ModelPart['fields'] }): boolean => {
  const said = source.fields['is_gated_act']?.value;
  return typeof said === 'boolean' ? said : (word(source, 'feed_forward_proj') ?? 'relu').startsWith('gated-');
};

/** What T5Config makes of `feed_forward_proj` where the file does not say it: `gated-gelu` is GELU by its tanh formula. */
function deriveActivation(reader: ConfigReader): void {
  const said = word(reader, 'feed_forward_proj') ?? 'relu';
  const activation = said === 'gated-gelu' ? 'gelu_new' : (said.split('-').at(-1) ?? said);
  if (!reader.has('is_gated_act')) reader.derive('is_gated_act', t5Gated(reader), 'feed_forward_proj');
  if (reader.nameOf('hidden_act') === undefined) reader.derive('dense_act_fn', activation, 'feed_forward_proj');
}

const readT5 = (reader: ConfigReader): CompositeReading => {
  for (const key of [
    'feed_forward_proj',
    'is_gated_act',
    'relative_attention_num_buckets',
    'relative_attention_max_distance',
  ])
    reader.raw(key);
  deriveActivation(reader);
  const encoderOnly = /EncoderModel$/.test(firstArchitecture(reader) ?? '');
  const side = (name: 'encoder' | 'decoder'): ModelPart => {
    const layers =
      (name === 'decoder' ? reader.integer('num_decoder_layers') : undefined) ?? reader.integer('num_layers');
    const stack = readTransformer(reader, {
      family: 't5',
      role: name,
      name,
      gated: t5Gated(reader),
      norm: 'rms',
      positions: 'relative',
      crossAttention: name === 'decoder',
      ...(layers === undefined ? {} : { layers }),
    });
    const activation = stack.activation ?? word(reader, 'dense_act_fn');
    return activation === undefined ? stack : { ...stack, activation };
  };
  return { parts: encoderOnly ? [side('encoder')] : [side('decoder'), side('encoder')], exact: true };
};

export const t5: CompositeFamily = {
  kind: 'composite',
  id: 't5',
  title: 'T5',
  modelTypes: ['t5', 'mt5', 'umt5'],
  architectures: /^(T5|MT5|UMT5)(For|Model|Encoder|With)/,
  tied: true,
  task: 'sequence-to-sequence',
  defaults: (modelType) =>
    modelType === 'mt5' || modelType === 'umt5'
      ? {
          from: `${transformers} ${modelType === 'mt5' ? 'MT5Config' : 'UMT5Config'}`,
          values: {
            ...t5Values,
            vocab_size: modelType === 'mt5' ? 250112 : 250112,
            d_ff: 1024,
            num_layers: 8,
            num_heads: 6,
            feed_forward_proj: 'gated-gelu',
            tie_word_embeddings: false,
          },
        }
      : { from: `${transformers} T5Config`, values: t5Values },
  read: readT5,
  tensors: (model, table) => {
    const [first] = model.parts;
    if (first === undefined) return;
    const everyLayer = model.modelType === 'umt5';
    table.writer(first).add('embedding', 'shared.weight', [first.vocabularySize ?? 0, first.hiddenSize]);
    for (const stack of model.parts) writeT5Stack(stack, table.writer(stack).under(`${stack.name}.`), everyLayer);
    const decoder = partNamed(model, 'decoder');
    if (decoder === undefined || model.tiedEmbeddings.value || model.task.kind === 'base') return;
    table.writer(decoder).add('head', 'lm_head.weight', [decoder.vocabularySize ?? 0, decoder.hiddenSize]);
  },
};

function writeT5Stack(stack: ModelPart, writer: TensorWriter, biasInEveryLayer: boolean): void {
  const hidden = stack.hiddenSize;
  const inner = stack.heads * stack.headDim;
  const buckets = amount(stack, 'relative_attention_num_buckets') ?? 32;
  for (const layer of stack.layers) {
    const blocks = layer.crossAttention === undefined ? ['SelfAttention'] : ['SelfAttention', 'EncDecAttention'];
    blocks.forEach((block, position) => {
      const own = writer.layer(layer.index, `block.{layer}.layer.${position}.`);
      for (const name of ['q', 'k', 'v']) own.linear('attention', `${block}.${name}`, hidden, inner, false);
      own.linear('attention', `${block}.o`, inner, hidden, false);
      if (block === 'SelfAttention' && (layer.index === 0 || biasInEveryLayer)) {
        own.add('attention', `${block}.relative_attention_bias.weight`, [buckets, stack.heads]);
      }
      own.norm('layer_norm', hidden, false);
    });
    const own = writer.layer(layer.index, `block.{layer}.layer.${blocks.length}.`);
    const size = layer.feedForward.size;
    for (const name of t5Gated(stack) ? ['wi_0', 'wi_1'] : ['wi'])
      own.linear('mlp', `DenseReluDense.${name}`, hidden, size, false);
    own.linear('mlp', 'DenseReluDense.wo', size, hidden, false);
    own.norm('layer_norm', hidden, false);
  }
  writer.norm('final_layer_norm', hidden, false);
}
