/** SpeechT5: one encoder and one decoder, with a part in front and behind that makes text or sound of their positions. */
import type { ConfigReader, JsonObject } from '../../config/config-reader';
import { readTransformer } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { partNamed, writeStack } from './encoder-decoder';
import type { CompositeFamily, CompositeReading } from '../shared/family';
import { amount, amounts, firstArchitecture, word } from '../shared/family';
import { writeFrontEnd } from './speech';

const values: JsonObject = {
  vocab_size: 81,
  hidden_size: 768,
  encoder_layers: 12,
  encoder_attention_heads: 12,
  encoder_ffn_dim: 3072,
  decoder_layers: 6,
  decoder_attention_heads: 12,
  decoder_ffn_dim: 3072,
  hidden_act: 'gelu',
  layer_norm_eps: 1e-5,
  feat_extract_norm: 'group',
  conv_dim: [512, 512, 512, 512, 512, 512, 512],
  conv_stride: [5, 2, 2, 2, 2, 2, 2],
  conv_kernel: [10, 3, 3, 3, 3, 2, 2],
  conv_bias: false,
  num_conv_pos_embeddings: 128,
  num_conv_pos_embedding_groups: 16,
  mask_time_prob: 0.05,
  mask_feature_prob: 0,
  num_mel_bins: 80,
  speech_decoder_prenet_layers: 2,
  speech_decoder_prenet_units: 256,
  speaker_embedding_dim: 512,
  speech_decoder_postnet_layers: 5,
  speech_decoder_postnet_units: 256,
  speech_decoder_postnet_kernel: 5,
  reduction_factor: 2,
  max_speech_positions: 4000,
  max_text_positions: 450,
  encoder_max_relative_position: 160,
  tie_word_embeddings: true,
};

/** What goes in and what comes out, by the class; the bare model has neither part in front. */
const sides: Readonly<Record<string, readonly [reads: 'speech' | 'text', writes: 'speech' | 'text']>> = {
  SpeechT5ForSpeechToText: ['speech', 'text'],
  SpeechT5ForTextToSpeech: ['text', 'speech'],
  SpeechT5ForSpeechToSpeech: ['speech', 'speech'],
};

/** A file may name any class, also one that every object of JavaScript has something under. */
const sidesOf = (className: string) => (Object.hasOwn(sides, className) ? sides[className] : undefined);

function side(reader: ConfigReader, name: 'encoder' | 'decoder', speaks: boolean): ModelPart {
  const size = reader.integer(`${name}_ffn_dim`);
  const heads = reader.integer(`${name}_attention_heads`) ?? 0;
  const contextLength = reader.integer(speaks ? 'max_speech_positions' : 'max_text_positions', 1);
  return readTransformer(reader, {
    family: 'speecht5',
    role: name === 'decoder' ? 'decoder' : speaks ? 'audio' : 'encoder',
    name: [...reader.path, name].join('.'),
    layers: reader.integer(`${name}_layers`) ?? 0,
    heads,
    kvHeads: heads,
    gated: false,
    norm: 'layer',
    positions: name === 'encoder' ? 'relative' : 'sinusoidal',
    crossAttention: name === 'decoder',
    record: Object.keys(values),
    ...(size === undefined ? {} : { intermediateSize: size }),
    ...(contextLength === undefined ? {} : { contextLength }),
  });
}

function writeDecoderLayers(decoder: ModelPart, writer: TensorWriter): void {
  // BART's layers; the network has names of its own.
  writeStack(
    decoder,
    writer.renamed((name) =>
      name
        .replace(/\.fc1(?=\.)/, '.feed_forward.intermediate_dense')
        .replace(/\.fc2(?=\.)/, '.feed_forward.output_dense'),
    ),
    { key: true },
  );
}

function writeEncoder(encoder: ModelPart, writer: TensorWriter): void {
  const hidden = encoder.hiddenSize;
  const distances = 2 * (amount(encoder, 'encoder_max_relative_position') ?? 160);
  writer.add('attention', 'embed_positions.pe_k.weight', [distances, encoder.headDim]);
  writer.norm('layer_norm', hidden, true);
  for (const layer of encoder.layers) {
    const own = writer.layer(layer.index, 'layers.{layer}.');
    for (const name of ['k_proj', 'v_proj', 'q_proj', 'out_proj'])
      own.linear('attention', `attention.${name}`, hidden, hidden, true);
    own.norm('layer_norm', hidden, true);
    own.linear('mlp', 'feed_forward.intermediate_dense', hidden, layer.feedForward.size, true);
    own.linear('mlp', 'feed_forward.output_dense', layer.feedForward.size, hidden, true);
    own.norm('final_layer_norm', hidden, true);
  }
}

/** Two layers make a frame a position, and the voice of the speaker is joined to it. */
function writeSpeechIn(part: ModelPart, writer: TensorWriter): void {
  const hidden = part.hiddenSize;
  const units = amount(part, 'speech_decoder_prenet_units') ?? 0;
  const count = Math.min(amount(part, 'speech_decoder_prenet_layers') ?? 0, 64);
  for (let index = 0; index < count; index++)
    writer.linear(
      'embedding',
      `layers.${index}`,
      index === 0 ? (amount(part, 'num_mel_bins') ?? 0) : units,
      units,
      true,
    );
  writer.linear('embedding', 'final_layer', units, hidden, true);
  writer.add('embedding', 'encode_positions.alpha', [1]);
  writer.linear(
    'embedding',
    'speaker_embeds_layer',
    hidden + (amount(part, 'speaker_embedding_dim') ?? 0),
    hidden,
    true,
  );
}

/** Frames, whether it is the end, and convolutions that mend the frames. */
function writeSpeechOut(part: ModelPart, writer: TensorWriter): void {
  const [bins, frames] = [amount(part, 'num_mel_bins') ?? 0, amount(part, 'reduction_factor') ?? 0];
  writer.linear('head', 'feat_out', part.hiddenSize, bins * frames, true);
  writer.linear('head', 'prob_out', part.hiddenSize, frames, true);
  const count = Math.min(amount(part, 'speech_decoder_postnet_layers') ?? 0, 64);
  const units = amount(part, 'speech_decoder_postnet_units') ?? 0;
  for (let index = 0; index < count; index++) {
    const [input, output] = [index === 0 ? bins : units, index === count - 1 ? bins : units];
    writer.add('head', `layers.${index}.conv.weight`, [
      output,
      input,
      amount(part, 'speech_decoder_postnet_kernel') ?? 0,
    ]);
    writer.as('head').norm(`layers.${index}.batch_norm`, output, true);
  }
}

export const speechT5: CompositeFamily = {
  kind: 'composite',
  id: 'speecht5',
  title: 'SpeechT5',
  modelTypes: ['speecht5'],
  architectures: /^SpeechT5(Model|For)/,
  tied: true,
  task: 'sequence-to-sequence',
  read: (reader): CompositeReading => {
    const className = firstArchitecture(reader) ?? 'SpeechT5Model';
    const [reads, writes] = sidesOf(className) ?? ['speech', 'speech'];
    reader.derive('class_head', className, 'architectures');
    return {
      parts: [side(reader, 'decoder', writes === 'speech'), side(reader, 'encoder', reads === 'speech')],
      exact: className === 'SpeechT5Model' || sidesOf(className) !== undefined,
    };
  },
  tensors: (model, table) => {
    const [decoder, encoder] = [partNamed(model, 'decoder'), partNamed(model, 'encoder')];
    if (decoder === undefined || encoder === undefined) return;
    const known = sidesOf(word(decoder, 'class_head') ?? '');
    const root = known === undefined ? '' : 'speecht5.';
    const eyes = table.writer(encoder).under(`${root}encoder.`);
    const mouth = table.writer(decoder).under(`${root}decoder.`);
    writeEncoder(encoder, eyes.under('wrapped_encoder.'));
    writeDecoderLayers(decoder, mouth.under('wrapped_decoder.'));
    if (known === undefined) return;
    const [reads, writes] = known;
    const words = (part: ModelPart): readonly number[] => [part.vocabularySize ?? 0, part.hiddenSize];
    if (reads === 'text') {
      eyes.add('embedding', 'prenet.embed_tokens.weight', words(encoder));
      eyes.add('embedding', 'prenet.encode_positions.alpha', [1]);
    } else writeSpeechFront(encoder, eyes.under('prenet.'));
    if (writes === 'text') mouth.add('embedding', 'prenet.embed_tokens.weight', words(decoder));
    else {
      writeSpeechIn(decoder, mouth.under('prenet.'));
      writeSpeechOut(decoder, table.writer(decoder).under('speech_decoder_postnet.'));
    }
    if (writes === 'text' && !model.tiedEmbeddings.value)
      table.writer(decoder).add('head', 'text_decoder_postnet.lm_head.weight', words(decoder));
  },
};

/** wav2vec 2.0's, under other names. */
function writeSpeechFront(part: ModelPart, writer: TensorWriter): void {
  if (amounts(part, 'conv_dim').length === 0) return;
  writeFrontEnd(
    part,
    writer.renamed((name) =>
      name.replace('feature_extractor.', 'feature_encoder.').replace('encoder.pos_conv_embed.', 'pos_conv_embed.'),
    ),
  );
}
