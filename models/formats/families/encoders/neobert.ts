import { encoderFamily } from '../shared/encoder-family';
import { firstArchitecture, flag } from '../shared/family';
import { honoured, idle, idleOfText, only } from '../shared/run-keys';

/** Two thirds of what the file says, up to a multiple of 8: the gated network has three matrices in place of two. */
const inner = (size: number): number => 8 * Math.floor((Math.floor((2 * size) / 3) + 7) / 8);

/** BERT's task with the parts of later decoders: rotation, RMS norms in front, a gated network (arXiv:2502.19587). */
export const neoBert = encoderFamily({
  id: 'neobert',
  title: 'NeoBERT',
  types: ['neobert'],
  architectures: /^NeoBERT/,
  tied: false,
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads'),
    ...honoured('norm_eps', 'max_length'),
    ...only([true, null], 'rms_norm', 'rope'),
    ...only(['SwiGLU', 'swiglu', null], 'hidden_act'),
    ...only([false, null], 'flash_attention', 'ngpt'),
    ...idle(
      'first values of weights that are stored',
      'embedding_init_range',
      'decoder_init_range',
      'classifier_init_range',
    ),
    ...idle('the width of the stream over the heads', 'dim_head'),
    ...idle(
      'what a program was called with',
      'kwargs',
      'pretrained_model_name_or_path',
      'trust_remote_code',
      'base_scale',
    ),
    ...idle('max_length says it', 'max_position_embeddings'),
    ...idle('its head is stored apart', 'tie_word_embeddings'),
  },
  choice: (reader) => {
    const contextLength = reader.integer('max_length', 1);
    return {
      norm: 'rms',
      gated: true,
      positions: 'rope',
      rope: { layout: 'interleaved' },
      intermediateSize: inner(reader.integer('intermediate_size') ?? 0),
      ...(contextLength === undefined ? {} : { contextLength }),
    };
  },
  finish: (part, reader) => {
    if (firstArchitecture(reader) === 'NeoBERTLMHead') reader.derive('language_head', true, 'architectures');
    return part;
  },
  heads: /^NeoBERT(LMHead)?$/,
  computes: {
    norms: ['attention', 'network'],
    fused: ({ heads }) => ({ groups: heads }),
    activation: () => 'silu',
  },
  layout: {
    root: (part) => (flag(part, 'language_head') ? 'model.' : ''),
    embedding: 'encoder',
    layer: 'transformer_encoder.{layer}.',
    attention: { prefix: '', projections: ['qkv'], output: 'wo' },
    mlp: { prefix: 'ffn.', inputs: ['w12'], fused: true, output: 'w3' },
    norms: ['attention_norm', 'ffn_norm'],
    finalNorm: 'layer_norm',
    heads: {
      predictions: { of: () => false, vocabulary: 'decoder' },
      others: (part, writer) => {
        if (flag(part, 'language_head'))
          writer.linear('head', 'decoder', part.hiddenSize, part.vocabularySize ?? 0, true);
      },
    },
  },
});
