import { classDefaults } from '../../config/class-defaults';
import { readTransformer } from '../../config/transformer';
import { encoderFamily } from '../shared/encoder-family';
import type { CompositeFamily, CompositeReading } from '../shared/family';
import { flag } from '../shared/family';
import { activations, honoured, idle, idleOfText, only } from '../shared/run-keys';

/** Every third layer attends to everything, the others to a window; the two kinds rotate with different bases. */
export const modernBert = encoderFamily({
  id: 'modernbert',
  title: 'ModernBERT',
  types: ['modernbert'],
  architectures: /^ModernBert(Model|For)/,
  run: {
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
    ...idle('which rows are given to a class for whole texts', 'classifier_pooling'),
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
  },
  record: ['decoder_bias'],
  choice: () => ({
    gated: true,
    positions: 'rope',
    rope: { layerType: 'full_attention', thetaKey: 'global_rope_theta' },
    windowRope: { layerType: 'sliding_attention', thetaKey: 'local_rope_theta' },
  }),
  computes: {
    // Half of the window on either side, and the position itself.
    around: (_, { attention }) => Math.floor((attention.window ?? 0) / 2) + 1,
    // The embedding is normalised already, so the first layer has no norm before its attention.
    norms: (_, { index }) => (index > 0 ? ['attention', 'network'] : ['network']),
  },
  layout: {
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
      predictions: {
        dense: 'head.dense',
        denseBias: (part) => flag(part, 'classifier_bias'),
        norm: 'head.norm',
        normBias: (part) => flag(part, 'norm_bias'),
        vocabulary: 'decoder',
        hasBias: (part) => flag(part, 'decoder_bias', true),
        activation: 'gelu',
      },
      others: (part, writer, { task }) => {
        const labels =
          task.kind === 'question-answering'
            ? 2
            : task.kind === 'sequence-classification' || task.kind === 'token-classification'
              ? task.labels
              : undefined;
        if (labels === undefined) return;
        writer.linear('head', 'head.dense', part.hiddenSize, part.hiddenSize, flag(part, 'classifier_bias'));
        writer.as('head').norm('head.norm', part.hiddenSize, flag(part, 'norm_bias'));
        writer.linear('head', 'classifier', part.hiddenSize, labels, true);
      },
    },
  },
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
