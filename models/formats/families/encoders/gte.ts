import { encoderFamily, typeTable } from '../shared/encoder-family';
import { writeTokenHeads } from '../shared/encoder-heads';
import { word } from '../shared/family';

/** GTE v1.5: BERT with rotary positions and a gated network; its model_type is the word "new". */
export const gte = encoderFamily({
  id: 'gte',
  title: 'GTE',
  types: ['new'],
  architectures:
    /^New(Model|For(MaskedLM|SequenceClassification|TokenClassification|QuestionAnswering|MultipleChoice))$/,
  record: ['layer_norm_type', 'position_embedding_type', 'pack_qkv', 'num_latents'],
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
    mlp: { prefix: 'mlp.', inputs: ['up_gate_proj'], fused: true, output: 'down_proj', outputBias: true },
    norms: ['attn_ln', 'mlp_ln'],
    normBias: true,
    heads: {
      predictions: { dense: 'lm_head.dense', norm: 'lm_head.norm', vocabulary: 'lm_head.decoder', activation: 'gelu' },
      others: (part, writer, top) => {
        if (top.task.kind === 'sequence-classification') {
          writer.linear('head', 'new.pooler.dense', part.hiddenSize, part.hiddenSize, true);
          writer.linear('head', 'classifier', part.hiddenSize, top.task.labels, true);
        }
        writeTokenHeads(part, writer, top);
      },
    },
  },
});
