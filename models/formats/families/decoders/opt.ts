import { decoderFamily } from '../shared/decoder-family';
import { amount, flag } from '../shared/family';
import { activations, honoured, idle, idleOfText, only } from '../shared/run-keys';

/** OPT keeps two rows more than positions: the first two are never used (fairseq's padding offset). */
const optPositionOffset = 2;

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
  layout: {
    root: 'model.decoder.',
    embedding: 'embed_tokens',
    embeddingSize: (part) => amount(part, 'word_embed_proj_dim') ?? part.hiddenSize,
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
    extra: (writer, part) => {
      const rows = (part.contextLength ?? 0) + optPositionOffset;
      writer.add('embedding', 'embed_positions.weight', [rows, part.hiddenSize]);
      const width = amount(part, 'word_embed_proj_dim') ?? part.hiddenSize;
      if (width !== part.hiddenSize) {
        writer.linear('embedding', 'project_in', width, part.hiddenSize, false);
        writer.linear('head', 'project_out', part.hiddenSize, width, false);
      }
      const affine = flag(part, 'layer_norm_elementwise_affine', true);
      if (flag(part, 'do_layer_norm_before', true) && !flag(part, '_remove_final_layer_norm') && affine) {
        writer.norm('final_layer_norm', part.hiddenSize, true);
      }
    },
  },
});
