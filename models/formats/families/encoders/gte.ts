import { encoderFamily, predictsTokens, writeTokenHeads } from '../shared/encoder-family';
import { amount, word } from '../shared/family';

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
  tensors: (part, writer, top) => {
    const hidden = part.hiddenSize;
    const root = writer.under('new.');
    root.add('embedding', 'embeddings.word_embeddings.weight', [part.vocabularySize ?? 0, hidden]);
    const types = amount(part, 'type_vocab_size') ?? 0;
    if (types > 0) root.add('embedding', 'embeddings.token_type_embeddings.weight', [types, hidden]);
    root.norm('embeddings.LayerNorm', hidden, true);
    for (const layer of part.layers) {
      const own = root.layer(layer.index, 'encoder.layer.{layer}.');
      own.linear('attention', 'attention.qkv_proj', hidden, 3 * hidden, true);
      own.linear('attention', 'attention.o_proj', hidden, hidden, true);
      own.linear('mlp', 'mlp.up_gate_proj', hidden, 2 * layer.feedForward.size, false);
      own.linear('mlp', 'mlp.down_proj', layer.feedForward.size, hidden, true);
      own.norm('attn_ln', hidden, true);
      own.norm('mlp_ln', hidden, true);
    }
    if (predictsTokens(top)) {
      writer.linear('head', 'lm_head.dense', hidden, hidden, true);
      writer.as('head').norm('lm_head.norm', hidden, true);
      writer.add('head', 'lm_head.decoder.bias', [part.vocabularySize ?? 0]);
      if (!top.tied) writer.add('head', 'lm_head.decoder.weight', [part.vocabularySize ?? 0, hidden]);
    }
    if (top.task.kind === 'sequence-classification') {
      root.linear('head', 'pooler.dense', hidden, hidden, true);
      writer.linear('head', 'classifier', hidden, top.task.labels, true);
    }
    writeTokenHeads(part, writer, top);
  },
});
