import { encoderFamily, typeTable } from '../shared/encoder-family';
import { bertPredictions } from '../shared/encoder-heads';
import { amount, flag, word } from '../shared/family';
import { honoured, idle, idleOfText, only } from '../shared/run-keys';

/**
 * Nomic's BERT: rotary positions and a gated network, whose gate is the second map. Names and keys are those of the code of its
 * repository (nomic-ai/nomic-bert-2048, read 2026-12-01), which took most of them from GPT-2.
 */
export const nomicBert = encoderFamily({
  id: 'nomic_bert',
  title: 'Nomic BERT',
  types: ['nomic_bert'],
  architectures: /^NomicBert/,
  record: ['qkv_proj_bias', 'mlp_fc1_bias', 'mlp_fc2_bias', 'activation_function'],
  run: {
    ...idleOfText,
    ...honoured('vocab_size', 'n_embd', 'n_head', 'n_layer', 'n_inner', 'n_positions', 'layer_norm_epsilon'),
    ...honoured(
      'type_vocab_size',
      'tie_word_embeddings',
      'rotary_emb_base',
      'qkv_proj_bias',
      'mlp_fc1_bias',
      'mlp_fc2_bias',
    ),
    ...only(['swiglu'], 'activation_function'),
    ...only([1], 'rotary_emb_fraction'),
    ...only([false], 'rotary_emb_interleaved', 'prenorm', 'use_rms_norm', 'causal', 'parallel_block'),
    ...only([null], 'rotary_emb_scale_base'),
    ...only([1, null], 'rotary_scaling_factor'),
    ...only([true], 'scale_attn_weights'),
    ...only([false], 'scale_attn_by_inverse_layer_idx', 'reorder_and_upcast_attn'),
    ...only([0, null], 'moe_every_n_layers'),
    ...idle('with a parallel block alone, which is refused', 'parallel_block_tied_norm'),
    ...idle('which program computes it', 'use_flash_attn', 'fused_bias_fc', 'fused_dropout_add_ln', 'use_xentropy'),
    ...idle('where logits are computed in training', 'dense_seq_output', 'pad_vocab_size_multiple'),
    ...idle('beyond which dynamic scaling, which is refused, would set in', 'max_trained_positions'),
    ...idle('what a class of several choices reads', 'summary_activation', 'summary_proj_to_labels', 'summary_type'),
    ...idle('what a class of several choices reads', 'summary_use_proj'),
  },
  choice: (reader) => ({ gated: true, positions: 'rope', intermediateSize: reader.integer('n_inner', 1) ?? 3072 }),
  heads: /^NomicBert(Model|ForMaskedLM|ForPreTraining)$/,
  exact: (part) => word(part, 'activation_function') === 'swiglu' && (amount(part, 'moe_every_n_layers') ?? 0) === 0,
  computes: { activation: () => 'silu' },
  layout: {
    root: 'bert.',
    embedding: 'embeddings.word_embeddings',
    types: [typeTable],
    embeddingNorm: 'emb_ln',
    layer: 'encoder.layers.{layer}.',
    attention: {
      prefix: 'attn.',
      projections: ['Wqkv'],
      output: 'out_proj',
      inputBias: (part) => flag(part, 'qkv_proj_bias', true),
      outputBias: (part) => flag(part, 'qkv_proj_bias', true),
    },
    mlp: {
      prefix: 'mlp.',
      inputs: ['fc12', 'fc11'],
      output: 'fc2',
      bias: (part) => flag(part, 'mlp_fc1_bias', true),
      outputBias: (part) => flag(part, 'mlp_fc2_bias', true),
    },
    norms: ['norm1', 'norm2'],
    normBias: true,
    heads: {
      predictions: {
        ...bertPredictions,
        activation: 'silu',
        bias: 'cls.predictions.decoder.bias',
        denseBias: (part) => flag(part, 'mlp_fc1_bias', true),
        hasBias: (part) => flag(part, 'mlp_fc1_bias', true),
      },
    },
  },
});
