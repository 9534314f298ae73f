import type { ConfigReader } from '../../config/config-reader';
import { readTransformer, type TransformerChoice } from '../../config/transformer';
import type { ModelDescription, ModelPart } from '../../model-description';
import type { TensorTable, TensorWriter } from '../../tensors/tensor-table';
import type { CompositeFamily, CompositeReading } from '../shared/family';
import { bartEncoderKeys, bartKeys, bartStack, paddingOffset, type BartForm } from '../shared/bart-layout';
import { amount, firstArchitecture } from '../shared/family';
import { recordedKeys } from '../shared/family-row';
import { honoured, idle, only, type RunKeys } from '../shared/run-keys';

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
  /** What differs of a half. */
  readonly choice?: (half: 'encoder' | 'decoder') => Partial<TransformerChoice>;
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
      ...flat.choice?.(name),
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

interface BartRow extends Pick<BartForm, 'offset' | 'waves'> {
  readonly id: string;
  readonly title: string;
  readonly architectures: RegExp;
  readonly positions: 'learned' | 'sinusoidal';
  /** Norm of the embedding, norm behind each stack. */
  readonly norms: { readonly embedding: boolean | 'words'; readonly final: boolean };
  /** What a run makes of keys that BART has not. */
  readonly run?: RunKeys;
}

function bartLike(row: BartRow): CompositeFamily {
  const { norms, offset, waves } = row;
  const run = { ...bartKeys, ...bartEncoderKeys, ...row.run };
  const form: BartForm = {
    ...(offset === undefined ? {} : { offset }),
    ...(waves === undefined ? {} : { waves }),
    ...(norms.embedding === false ? {} : { embeddingNorm: 'whole' }),
    ...(norms.final ? { finalNorm: 'layer_norm' } : {}),
    words: (part) => (sharesWords(part) ? 'shared' : undefined),
  };
  return {
    run,
    decoder: bartStack('model.decoder.', {
      ...form,
      ...(norms.embedding === 'words' ? { embeddingNorm: 'words' } : {}),
    }),
    encoder: bartStack('model.encoder.', form),
    kind: 'composite',
    id: row.id,
    title: row.title,
    modelTypes: [row.id],
    architectures: row.architectures,
    tied: true,
    task: 'sequence-to-sequence',
    read: (reader): CompositeReading => {
      const parts = readFlat(reader, {
        family: row.id,
        positions: row.positions,
        encoderLength: 'max_position_embeddings',
        decoderLength: 'max_position_embeddings',
        encoderRole: 'encoder',
        record: [
          ...recordedKeys({ run }),
          'is_encoder_decoder',
          'share_encoder_decoder_embeddings',
          'decoder_vocab_size',
        ],
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
        if (norms.embedding !== false) own.norm('layernorm_embedding', stack.hiddenSize, true);
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

const sharesWords = ({ fields }: ModelPart): boolean => fields['share_encoder_decoder_embeddings']?.value !== false;

const outputWords = (decoder: ModelPart): number =>
  amount(decoder, 'decoder_vocab_size') ?? decoder.vocabularySize ?? 0;

/** One table of words for both sides, or (some Marian models) one for each. */
function writeWords(model: ModelDescription, table: TensorTable, decoder: ModelPart): void {
  const input = decoder.vocabularySize ?? 0;
  const together = model.parts.length > 1 && sharesWords(decoder);
  if (together) {
    table.writer(decoder).add('embedding', 'model.shared.weight', [input, decoder.hiddenSize]);
    return;
  }
  for (const stack of model.parts) {
    const words = stack.name === 'decoder' ? outputWords(decoder) : input;
    table.writer(stack).add('embedding', `model.${stack.name}.embed_tokens.weight`, [words, stack.hiddenSize]);
  }
}

/** Sines and cosines of as many frequencies as fill the width. */
const wholeWaves = ({ hiddenSize }: ModelPart) => ({ span: hiddenSize / 2, offset: 0 });

export const bart = bartLike({
  id: 'bart',
  title: 'BART',
  architectures: /^Bart/,
  positions: 'learned',
  norms: { embedding: true, final: false },
});
export const mbart = bartLike({
  id: 'mbart',
  title: 'mBART',
  architectures: /^MBart/,
  positions: 'learned',
  norms: { embedding: true, final: true },
});
export const m2m100 = bartLike({
  id: 'm2m_100',
  title: 'M2M-100 / NLLB',
  architectures: /^M2M100/,
  positions: 'sinusoidal',
  norms: { embedding: false, final: true },
  waves: ({ hiddenSize }) => ({ span: hiddenSize / 2 - 1, offset: paddingOffset }),
});
export const marian = bartLike({
  id: 'marian',
  title: 'Marian',
  architectures: /^Marian/,
  positions: 'sinusoidal',
  norms: { embedding: false, final: false },
  offset: 0,
  waves: wholeWaves,
  run: {
    ...honoured('decoder_vocab_size'),
    ...honoured('share_encoder_decoder_embeddings'),
  },
});
export const pegasus = bartLike({
  id: 'pegasus',
  title: 'Pegasus',
  architectures: /^Pegasus/,
  positions: 'sinusoidal',
  norms: { embedding: false, final: true },
  offset: 0,
  waves: wholeWaves,
});

export const plBart = bartLike({
  id: 'plbart',
  title: 'PLBART',
  architectures: /^PLBart/,
  positions: 'learned',
  norms: { embedding: true, final: false },
});
export const mvp = bartLike({
  id: 'mvp',
  title: 'MVP',
  architectures: /^Mvp/,
  positions: 'learned',
  norms: { embedding: true, final: false },
  run: {
    ...only([false], 'use_prompt'),
    ...idle('sizes of prompts, where there are some', 'prompt_length', 'prompt_mid_dim'),
  },
});
export const blenderbot = bartLike({
  id: 'blenderbot',
  title: 'Blenderbot',
  architectures: /^Blenderbot(Model|For)/,
  positions: 'learned',
  offset: 0,
  norms: { embedding: false, final: true },
});
export const blenderbotSmall = bartLike({
  id: 'blenderbot-small',
  title: 'Blenderbot small',
  architectures: /^BlenderbotSmall/,
  positions: 'learned',
  offset: 0,
  norms: { embedding: 'words', final: false },
});
