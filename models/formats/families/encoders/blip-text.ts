/** BERT-like stacks of BLIP, BLIP-2 and GIT: text with cross-attention to the picture, and the querying transformer. */
import type { ConfigReader } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { Attention, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { decoderFamily } from '../shared/decoder-family';
import { bertLayout } from '../shared/encoder-family';
import type { StackFamily } from '../shared/family';
import { amount, firstArchitecture, flag, sizeOf } from '../shared/family';
import { bertKeys, idle } from '../shared/run-keys';

const crossOf = ({ heads, headDim, valueDim }: ModelPart): Attention => ({
  kind: 'full',
  causal: false,
  heads,
  kvHeads: heads,
  headDim,
  valueDim,
});

/** Every `step`th layer, from the first on, reads the picture too. */
function withCross(part: ModelPart, step: number): ModelPart {
  const layers = part.layers.map((layer) =>
    layer.index % step === 0 ? { ...layer, crossAttention: crossOf(part) } : layer,
  );
  return { ...part, layers };
}

interface BlockNames {
  readonly block: string;
  readonly inner: string;
}

/** Attention in BERT's form; what it reads may have another width than the layer. */
function writeBertAttention(writer: TensorWriter, { block, inner }: BlockNames, hidden: number, read: number): void {
  const own = writer.under(`${block}.`);
  own.linear('attention', `${inner}.query`, hidden, hidden, true);
  for (const name of ['key', 'value']) own.linear('attention', `${inner}.${name}`, read, hidden, true);
  own.linear('attention', 'output.dense', hidden, hidden, true);
  own.norm('output.LayerNorm', hidden, true);
}

function writeBertNetwork(writer: TensorWriter, suffix: string, hidden: number, size: number): void {
  writer.linear('mlp', `intermediate${suffix}.dense`, hidden, size, true);
  writer.linear('mlp', `output${suffix}.dense`, size, hidden, true);
  writer.norm(`output${suffix}.LayerNorm`, hidden, true);
}

function writeWordEmbeddings(part: ModelPart, writer: TensorWriter, norm: string): void {
  // The length of a part of a whole may be that of its queries; the table is the one of its own config.
  const positions = sizeOf(part, 'max_position_embeddings') ?? part.contextLength ?? 0;
  writer.add('embedding', 'word_embeddings.weight', [part.vocabularySize ?? 0, part.hiddenSize]);
  writer.add('embedding', 'position_embeddings.weight', [positions, part.hiddenSize]);
  writer.norm(norm, part.hiddenSize, true);
}

const readText = (family: string, record: readonly string[]) => (reader: ConfigReader) =>
  readTransformer(reader, { family, role: 'decoder', gated: false, norm: 'layer', positions: 'learned', record });

export const blipText: StackFamily = {
  kind: 'stack',
  id: 'blip_text',
  title: 'BLIP text',
  modelTypes: ['blip_text_model'],
  architectures: /^BlipText/,
  role: 'decoder',
  // The weight of the head is stored beside the embedding's (the published total counts both).
  tied: false,
  task: 'causal-lm',
  read: (reader) => {
    // The bare class has a pooler where the one that writes has a head.
    if (firstArchitecture(reader) === 'BlipTextModel') reader.derive('pooler', true, 'architectures');
    return withCross(readText('blip_text', ['encoder_hidden_size'])(reader), 1);
  },
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    writeWordEmbeddings(part, writer.under('bert.embeddings.'), 'LayerNorm');
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'bert.encoder.layer.{layer}.');
      writeBertAttention(own, { block: 'attention', inner: 'self' }, hidden, hidden);
      const read = amount(part, 'encoder_hidden_size') ?? hidden;
      writeBertAttention(own, { block: 'crossattention', inner: 'self' }, hidden, read);
      writeBertNetwork(own, '', hidden, layer.feedForward.size);
    }
    if (flag(part, 'pooler')) {
      writer.linear('head', 'bert.pooler.dense', hidden, hidden, true);
      return;
    }
    const head = writer.under('cls.predictions.').as('head');
    head.add('head', 'bias', [part.vocabularySize ?? 0]);
    head.linear('head', 'transform.dense', hidden, hidden, true);
    head.norm('transform.LayerNorm', hidden, true);
    head.add('head', 'decoder.weight', [part.vocabularySize ?? 0, hidden]);
  },
};

/** Learned queries read the picture in every second layer; InstructBLIP's read the instruction as well. */
export const qFormer: StackFamily = {
  kind: 'stack',
  id: 'qformer',
  title: 'Q-Former',
  modelTypes: ['blip_2_qformer', 'instructblip_qformer'],
  role: 'vision',
  tied: true,
  task: 'base',
  read: (reader) => {
    const step = reader.integer('cross_attention_frequency', 1) ?? 2;
    const part = readTransformer(reader, {
      family: 'qformer',
      role: 'vision',
      gated: false,
      norm: 'layer',
      positions: 'none',
      record: ['encoder_hidden_size'],
    });
    return withCross(part, step);
  },
  tensors: (part, writer) => {
    const hidden = part.hiddenSize;
    const text = part.modelType === 'instructblip_qformer';
    if (text) writeWordEmbeddings(part, writer.under('embeddings.'), 'layernorm');
    else writer.norm('layernorm', hidden, true);
    for (const layer of part.layers) {
      const own = writer.layer(layer.index, 'encoder.layer.{layer}.');
      writeBertAttention(own, { block: 'attention', inner: 'attention' }, hidden, hidden);
      if (layer.crossAttention !== undefined) {
        const read = amount(part, 'encoder_hidden_size') ?? hidden;
        writeBertAttention(own, { block: 'crossattention', inner: 'attention' }, hidden, read);
      }
      writeBertNetwork(own, '_query', hidden, layer.feedForward.size);
      if (text) writeBertNetwork(own, '', hidden, layer.feedForward.size);
    }
  },
};

const { types: _types, heads: _heads, ...withoutTypes } = bertLayout;

/** BERT from left to right; patches come before the text, which reads them by its own attention. */
export const gitText = decoderFamily({
  id: 'git_text',
  title: 'GIT text',
  types: ['git_text'],
  run: {
    ...bertKeys,
    ...idle('of pictures, which a text does not have', 'vision_config', 'num_image_with_embedding'),
  },
  choice: () => ({ gated: false, norm: 'layer', positions: 'learned' }),
  computes: { norms: ['attention.sum', 'network.sum'] },
  layout: { ...withoutTypes, root: 'git.', head: 'output', headBias: true },
});
