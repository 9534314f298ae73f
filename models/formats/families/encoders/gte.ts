import { encoderFamily, typeTable } from '../shared/encoder-family';
import { pooledClassifier, tokenHeads } from '../shared/encoder-heads';
import { word } from '../shared/family';
import { encoderKeys, honoured, idle, only } from '../shared/run-keys';

/**
 * GTE v1.5: BERT with rotary positions and a gated network; its model_type is the word "new". Its class (NewModel of the repository
 * Alibaba-NLP/new-impl, read 2026-12-01) splits the fused rows of the network into those of `up` and, behind them, those of the gate.
 */
export const gte = encoderFamily({
  id: 'gte',
  title: 'GTE',
  types: ['new'],
  architectures:
    /^New(Model|For(MaskedLM|SequenceClassification|TokenClassification|QuestionAnswering|MultipleChoice))$/,
  record: ['layer_norm_type', 'position_embedding_type', 'pack_qkv', 'num_latents'],
  run: {
    ...encoderKeys,
    ...only([false, null], 'is_decoder'),
    ...honoured('rope_theta'),
    // Its own form of NTK scaling lengthens the frequencies of short texts too.
    ...only([null], 'rope_scaling', 'rope_parameters', 'num_latents'),
    ...only(['layer_norm'], 'layer_norm_type'),
    ...only(['rope'], 'position_embedding_type'),
    ...only([true], 'pack_qkv'),
    ...only([false, null], 'logn_attention_scale'),
    ...idle('bounds a factor that is refused', 'logn_attention_clip1'),
    ...idle('which program computes it', 'unpad_inputs', 'use_memory_efficient_attention'),
  },
  choice: (reader) => ({
    gated: true,
    norm: reader.raw('layer_norm_type') === 'rms_norm' ? 'rms' : 'layer',
    positions: reader.raw('position_embedding_type') === 'rope' ? 'rope' : 'learned',
  }),
  exact: (part) =>
    word(part, 'position_embedding_type') === 'rope' &&
    word(part, 'layer_norm_type') === 'layer_norm' &&
    part.fields['pack_qkv']?.value !== false &&
    part.kvHeads === part.heads &&
    // Pooling by learned queries is of variants with code of their own.
    part.fields['num_latents'] === undefined,
  layout: {
    root: 'new.',
    embedding: 'embeddings.word_embeddings',
    types: [typeTable],
    embeddingNorm: 'embeddings.LayerNorm',
    layer: 'encoder.layer.{layer}.',
    attention: {
      prefix: 'attention.',
      projections: ['qkv_proj'],
      output: 'o_proj',
      inputBias: true,
      outputBias: true,
    },
    mlp: {
      prefix: 'mlp.',
      inputs: ['up_gate_proj'],
      fused: true,
      upFirst: true,
      output: 'down_proj',
      outputBias: true,
    },
    norms: ['attn_ln', 'mlp_ln'],
    normBias: true,
    heads: {
      predictions: { dense: 'lm_head.dense', norm: 'lm_head.norm', vocabulary: 'lm_head.decoder', activation: 'gelu' },
      ...tokenHeads,
      text: pooledClassifier('new.pooler.dense'),
    },
  },
});
