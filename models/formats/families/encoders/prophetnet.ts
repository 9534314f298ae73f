/**
 * ProphetNet: an encoder of BART's kind, and a decoder with a stream beside that of the text which predicts the next token, and further ones
 * for later tokens (arXiv:2001.04063, section 3.2). Scores of the decoder have a term by distance, which a map of the stream gives. A run
 * computes the streams of the text and of the next token.
 */
import type { ConfigReader } from '../../config/config-reader';
import type { ModelPart } from '../../model-description';
import type { CompositeFamily, StackRow } from '../shared/family';
import { firstArchitecture, sizeOf } from '../shared/family';
import { recordedKeys } from '../shared/family-row';
import { writeHalves } from '../shared/halves';
import { writeDecoder } from '../shared/layout-tensors';
import { activations, honoured, idle, idleOfText, only, type RunKeys } from '../shared/run-keys';
import { isDecoderAlone, readFlat } from './encoder-decoder';

/** Keys that decide which tensors the decoder has, and how many. */
const ofDecoder = [
  ...['num_decoder_layers', 'num_decoder_attention_heads', 'decoder_ffn_dim', 'add_cross_attention'],
  ...['ngram', 'num_buckets', 'relative_max_distance', 'tie_word_embeddings'],
];

const run: RunKeys = {
  ...idleOfText,
  ...honoured('vocab_size', 'hidden_size', 'max_position_embeddings', 'pad_token_id'),
  ...honoured('num_encoder_layers', 'num_encoder_attention_heads', 'encoder_ffn_dim'),
  ...honoured(...ofDecoder),
  ...only(activations, 'activation_function'),
  ...idle('other names of sizes of the two halves', 'num_attention_heads', 'num_hidden_layers'),
  ...idle('the class says of itself whether it reads from left to right', 'is_decoder'),
  ...idle('losses of training', 'disable_ngram_loss', 'eps'),
  ...idle('which token a text begins with', 'decoder_start_token_id'),
};

/** Tokens that have a position: those of the table, less the padding token's and those in front of it. */
const positionsOf = (part: ModelPart): number => (part.contextLength ?? 0) - (sizeOf(part, 'pad_token_id') ?? 0) - 1;

const half = (name: 'encoder' | 'decoder'): StackRow => ({
  layout: {
    root: `prophetnet.${name}.`,
    embedding: 'word_embeddings',
    words: () => 'word_embeddings',
    positions: { name: 'position_embeddings', behindPadding: 'counted' },
    embeddingNorm: 'embeddings_layer_norm',
    layer: 'layers.{layer}.',
    attention: {
      prefix: 'self_attn.',
      projections: ['query_proj', 'key_proj', 'value_proj'],
      output: 'out_proj',
      inputBias: true,
      outputBias: true,
    },
    ...(name === 'encoder'
      ? {}
      : {
          mappedBuckets: {
            name: 'relative_pos_embeddings',
            of: (part) => ({
              buckets: sizeOf(part, 'num_buckets') ?? 32,
              farthest: sizeOf(part, 'relative_max_distance') ?? 128,
            }),
          },
          predicts: { table: 'ngram_embeddings', streams: (part) => sizeOf(part, 'ngram') ?? 2 },
          cross: { prefix: 'cross_attn.', norm: 'cross_attn_layer_norm' },
        }),
    mlp: { prefix: 'feed_forward.', inputs: ['intermediate'], output: 'output', bias: true },
    norms: ['self_attn_layer_norm', 'feed_forward_layer_norm'],
    normBias: true,
  },
  computes: {
    norms: ['attention.sum', 'network.sum'],
    // The class gives its norms no epsilon; that of its config smooths labels in training.
    epsilon: 1e-5,
    // The stream that predicts stands at the position behind.
    longest: (part) => positionsOf(part) - (name === 'decoder' ? 1 : 0),
  },
});

const halves = { decoder: half('decoder'), encoder: half('encoder') };

function readParts(reader: ConfigReader): readonly ModelPart[] {
  const crosses = reader.boolean('add_cross_attention') !== false;
  const parts = readFlat(reader, {
    family: 'prophetnet',
    positions: 'learned',
    encoderLength: 'max_position_embeddings',
    decoderLength: 'max_position_embeddings',
    encoderRole: 'encoder',
    record: recordedKeys({ run, record: ofDecoder }),
    choice: (name) => {
      const heads = reader.integer(`num_${name}_attention_heads`, 1) ?? 0;
      return {
        layers: reader.integer(`num_${name}_layers`, 1) ?? 0,
        ...{ heads, kvHeads: heads },
        headDim: heads > 0 ? Math.floor((reader.integer('hidden_size', 1) ?? 0) / heads) : 0,
        crossAttention: name === 'decoder' && crosses,
      };
    },
  });
  if (isDecoderAlone(reader)) return parts.slice(0, 1);
  return /Encoder$/.test(firstArchitecture(reader) ?? '') ? parts.slice(1) : parts;
}

export const prophetNet: CompositeFamily = {
  kind: 'composite',
  id: 'prophetnet',
  title: 'ProphetNet',
  modelTypes: ['prophetnet', 'xlm-prophetnet'],
  architectures: /^(XLM)?ProphetNet/,
  tied: true,
  task: 'sequence-to-sequence',
  run,
  ...halves,
  read: (reader) => ({ parts: readParts(reader), exact: true }),
  tensors(model, table) {
    const [part] = model.parts;
    if (model.parts.length > 1 || !part) return writeHalves(halves, model, table);
    const top = { task: model.task, tied: model.tiedEmbeddings.value };
    // An encoder alone is stored without a prefix; a decoder alone has its words where both halves have them.
    const layout = part.role === 'decoder' ? halves.decoder.layout : { ...halves.encoder.layout, root: '', heads: {} };
    return writeDecoder(layout)(part, table.writer(part), top);
  },
};
