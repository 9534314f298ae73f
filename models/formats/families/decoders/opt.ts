import { decoderFamily } from '../shared/decoder-family';
import type { ModelPart } from '../../model-description';
import { amount, flag } from '../shared/family';
import { activations, honoured, idle, idleOfText, only } from '../shared/run-keys';
import { paddingOffset } from '../shared/bart-layout';

const endsInNorm = (part: ModelPart): boolean =>
  flag(part, 'do_layer_norm_before', true) && !flag(part, '_remove_final_layer_norm');

const optKeys = {
  ...idleOfText,
  ...honoured('vocab_size', 'hidden_size', 'num_hidden_layers', 'ffn_dim', 'max_position_embeddings'),
  ...honoured('num_attention_heads', 'word_embed_proj_dim', 'do_layer_norm_before', '_remove_final_layer_norm'),
  ...honoured('enable_bias', 'layer_norm_elementwise_affine', 'tie_word_embeddings'),
  ...only(activations, 'activation_function'),
  ...idle('the class has as many key/value heads as heads', 'num_key_value_heads'),
};

export const opt = decoderFamily({
  id: 'opt',
  title: 'OPT',
  types: ['opt'],
  architectures: /^OPTFor/,
  tied: true,
  run: optKeys,
  choice: () => ({ gated: false, norm: 'layer', positions: 'learned' }),
  computes: {
    norms: (part) =>
      flag(part, 'do_layer_norm_before', true) ? ['attention', 'network'] : ['attention.sum', 'network.sum'],
    plainFinalNorm: endsInNorm,
  },
  layout: {
    root: 'model.decoder.',
    embedding: 'embed_tokens',
    narrowEmbedding: {
      size: (part) => amount(part, 'word_embed_proj_dim') ?? part.hiddenSize,
      projections: ['project_in', 'project_out'],
    },
    layer: 'layers.{layer}.',
    attention: {
      prefix: 'self_attn.',
      projections: ['q_proj', 'k_proj', 'v_proj'],
      output: 'out_proj',
      inputBias: (part) => flag(part, 'enable_bias', true),
      outputBias: (part) => flag(part, 'enable_bias', true),
    },
    mlp: { prefix: '', inputs: ['fc1'], output: 'fc2', bias: (part) => flag(part, 'enable_bias', true) },
    norms: (part) =>
      flag(part, 'layer_norm_elementwise_affine', true) ? ['self_attn_layer_norm', 'final_layer_norm'] : [],
    normBias: true,
    positions: { name: 'embed_positions', offset: paddingOffset },
    finalNorm: (part) =>
      endsInNorm(part) && flag(part, 'layer_norm_elementwise_affine', true) ? 'final_layer_norm' : undefined,
  },
});
