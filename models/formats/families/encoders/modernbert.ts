import { classDefaults } from '../../config/class-defaults';
import { readTransformer } from '../../config/transformer';
import { decoderFamily } from '../shared/decoder-family';
import { encoderFamily } from '../shared/encoder-family';
import type { Computation } from '../shared/computation';
import type { DecoderLayout } from '../shared/decoder-layout';
import type { ClassifierNames, PredictionNames } from '../shared/encoder-heads';
import type { CompositeFamily, CompositeReading } from '../shared/family';
import { flag, word } from '../shared/family';
import { activations, honoured, idle, idleOfText, only, type RunKeys } from '../shared/run-keys';

const modernBertKeys: RunKeys = {
  ...idleOfText,
  ...honoured('vocab_size', 'hidden_size', 'intermediate_size', 'num_hidden_layers', 'num_attention_heads'),
  ...honoured('max_position_embeddings', 'norm_eps', 'tie_word_embeddings', 'local_attention', 'layer_types'),
  ...honoured('global_attn_every_n_layers', 'norm_bias', 'attention_bias', 'mlp_bias', 'classifier_bias'),
  ...honoured('rope_parameters'),
  ...only([true], 'decoder_bias'),
  ...only(['gelu'], 'classifier_activation'),
  ...honoured('global_rope_theta', 'local_rope_theta'),
  ...only(activations, 'hidden_activation'),
  ...only([false, null], 'is_decoder'),
  ...idle('drops activations in training alone', 'embedding_dropout', 'mlp_dropout'),
  ...idle('first values of weights that are stored', 'initializer_cutoff_factor'),
  ...idle('where a text begins and ends', 'cls_token_id', 'sep_token_id'),
  ...only(['cls', 'mean'], 'classifier_pooling'),
  ...idle('the logits of fewer rows, in training', 'sparse_prediction', 'sparse_pred_ignore_index'),
  ...idle('which program computes it', 'deterministic_flash_attn', 'reference_compile', 'repad_logits_with_grad'),
  ...idle(
    'earlier names that the class does not read',
    'layer_norm_eps',
    'position_embedding_type',
    'gradient_checkpointing',
  ),
  ...idle('the class has as many key/value heads as heads', 'num_key_value_heads'),
  ...idle('there are no kinds of tokens', 'type_vocab_size'),
};

/** Both kinds of layers rotate. */
const twoRopes = {
  positions: 'rope',
  rope: { layerType: 'full_attention', thetaKey: 'global_rope_theta' },
  windowRope: { layerType: 'sliding_attention', thetaKey: 'local_rope_theta' },
} as const;

/** The embedding is normed already, so the first layer has no norm before its attention. */
const firstNormed: Computation['norms'] = (_, { index }) => (index > 0 ? ['attention', 'network'] : ['network']);

const predictions: PredictionNames = {
  dense: 'head.dense',
  denseBias: (part) => flag(part, 'classifier_bias'),
  norm: 'head.norm',
  normBias: (part) => flag(part, 'norm_bias'),
  vocabulary: 'decoder',
  hasBias: (part) => flag(part, 'decoder_bias', true),
  activation: 'gelu',
};

const classifier: ClassifierNames = {
  inner: [
    {
      name: 'head.dense',
      activation: 'gelu',
      bias: (part) => flag(part, 'classifier_bias'),
      norm: 'head.norm',
      normBias: (part) => flag(part, 'norm_bias'),
    },
  ],
  labels: 'classifier',
};

const modernBertLayout: DecoderLayout = {
  root: 'model.',
  embedding: 'embeddings.tok_embeddings',
  embeddingNorm: 'embeddings.norm',
  layer: 'layers.{layer}.',
  attention: {
    prefix: 'attn.',
    projections: ['Wqkv'],
    output: 'Wo',
    inputBias: (part) => flag(part, 'attention_bias'),
    outputBias: (part) => flag(part, 'attention_bias'),
  },
  mlp: { prefix: 'mlp.', inputs: ['Wi'], fused: true, output: 'Wo', bias: (part) => flag(part, 'mlp_bias') },
  norms: (_, { index }) => (index > 0 ? ['attn_norm', 'mlp_norm'] : ['mlp_norm']),
  normBias: (part) => flag(part, 'norm_bias'),
  finalNorm: 'final_norm',
  heads: {
    predictions,
    text: { ...classifier, reads: (part) => (word(part, 'classifier_pooling') === 'mean' ? 'mean' : 'first') },
    token: classifier,
    span: classifier,
  },
};

/**
 * The same layers read from left to right, with half of `local_attention` behind each position; queries, keys and values have a projection
 * each.
 */
export const modernBertDecoder = decoderFamily({
  id: 'modernbert-decoder',
  title: 'ModernBERT decoder',
  types: ['modernbert-decoder'],
  architectures: /^ModernBertDecoder/,
  tied: true,
  run: { ...modernBertKeys, ...honoured('sliding_window') },
  record: ['decoder_bias'],
  choice: (reader) => {
    const both = reader.has('local_attention') ? reader.integer('local_attention', 1) : undefined;
    return {
      ...twoRopes,
      norm: 'layer',
      window: both === undefined ? (reader.integer('sliding_window', 1) ?? 64) : Math.floor(both / 2),
    };
  },
  computes: { norms: firstNormed },
  layout: {
    ...modernBertLayout,
    attention: { ...modernBertLayout.attention, projections: ['q_proj', 'k_proj', 'v_proj'] },
    heads: { predictions: { ...predictions, dense: 'lm_head.dense', norm: 'lm_head.norm' } },
  },
});

/** Every third layer attends to everything, the others to a window; the two kinds rotate with different bases. */
export const modernBert = encoderFamily({
  id: 'modernbert',
  title: 'ModernBERT',
  types: ['modernbert'],
  architectures: /^ModernBert(Model|For)/,
  run: modernBertKeys,
  record: ['decoder_bias', 'classifier_pooling'],
  choice: () => ({ gated: true, ...twoRopes }),
  computes: {
    // Half of the window on either side, and the position itself.
    around: (_, { attention }) => Math.floor((attention.window ?? 0) / 2) + 1,
    norms: firstNormed,
  },
  layout: modernBertLayout,
});

/**
 * A decoder of its own behind a ModernBERT that reads: published with code of its own, whose tensors are not written down
 * here. The sizes at the top are the decoder's.
 */
export const modernBertPair: CompositeFamily = {
  kind: 'composite',
  id: 'modernbert_enc_dec',
  title: 'ModernBERT encoder-decoder',
  modelTypes: ['modernbert_enc_dec'],
  tied: true,
  task: 'sequence-to-sequence',
  read: (reader): CompositeReading => {
    const layers = reader.integer('decoder_num_layers', 1);
    const decoder = readTransformer(reader, {
      family: 'modernbert_enc_dec',
      role: 'decoder',
      name: 'decoder',
      causal: true,
      gated: true,
      norm: 'layer',
      positions: 'rope',
      crossAttention: true,
      ...(layers === undefined ? {} : { layers }),
    });
    const encoder = reader.childOrEmpty('encoder_config');
    const own = modernBert.read(encoder.withDefaults(classDefaults('modernbert')));
    return { parts: [decoder, { ...own, modelType: 'modernbert' }], exact: false };
  },
};
