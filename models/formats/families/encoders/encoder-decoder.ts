import type { ConfigReader, Defaults, JsonObject } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { ModelDescription, ModelPart } from '../../model-description';
import type { TensorTable, TensorWriter } from '../../tensors/tensor-table';
import { transformers } from '../shared/family-row';
import type { CompositeFamily, CompositeReading } from '../shared/family';
import { amount, firstArchitecture } from '../shared/family';

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
export const isDecoderAlone = (reader: ConfigReader): boolean =>
  firstArchitecture(reader)?.endsWith('ForCausalLM') === true;

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
