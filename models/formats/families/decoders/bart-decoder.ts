/** Decoders of BART's form that stand alone: half of mBART in Donut, TrOCR's. */
import type { ModelPart } from '../../model-description';
import { bartKeys, bartStack, paddingOffset } from '../shared/bart-layout';
import { decoderFamily } from '../shared/decoder-family';
import { amount, flag, sizeOf } from '../shared/family';
import { honoured, idle } from '../shared/run-keys';

const waved = (part: ModelPart): boolean => part.fields['use_learned_position_embeddings']?.value === false;

const stack = bartStack('model.decoder.', {
  embeddingNorm: (part) => (flag(part, 'layernorm_embedding', true) ? 'whole' : undefined),
  finalNorm: ({ modelType }) => (modelType === 'mbart_decoder' ? 'layer_norm' : undefined),
  waves: (part) =>
    waved(part) ? { span: part.hiddenSize / 2 - 1, offset: (sizeOf(part, 'pad_token_id') ?? 1) + 1 } : undefined,
  head: ({ modelType }) => (modelType === 'trocr' ? 'output_projection' : 'lm_head'),
  crossWidth: (part) => amount(part, 'cross_attention_hidden_size'),
});

export const bartDecoder = decoderFamily({
  id: 'bart_decoder',
  title: 'BART decoder',
  types: ['trocr', 'mbart_decoder', 'bart_decoder'],
  architectures: /^TrOCRFor/,
  tied: true,
  run: {
    ...bartKeys,
    ...honoured('layernorm_embedding', 'use_learned_position_embeddings'),
    ...idle('the other half of an mBART', 'encoder_layers', 'encoder_attention_heads', 'encoder_ffn_dim'),
    ...idle('the width of what cross-attention reads, which a decoder alone has not', 'cross_attention_hidden_size'),
  },
  record: ['cross_attention_hidden_size', 'pad_token_id'],
  // An mBART config counts the layers of both halves; num_hidden_layers is of the encoder.
  choice: (reader) => {
    const heads = reader.integer('decoder_attention_heads', 1) ?? 0;
    return {
      layers: reader.integer('decoder_layers', 1) ?? 0,
      heads,
      kvHeads: heads,
      intermediateSize: reader.integer('decoder_ffn_dim', 1) ?? 0,
      gated: false,
      norm: 'layer',
      positions: reader.boolean('use_learned_position_embeddings') === false ? 'sinusoidal' : 'learned',
      crossAttention: true,
    };
  },
  layout: {
    ...stack.layout,
    positions: { name: 'embed_positions', offset: paddingOffset, when: ({ positions }) => positions === 'learned' },
  },
  computes: stack.computes,
});
