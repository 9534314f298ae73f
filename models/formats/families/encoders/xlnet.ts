import type { ModelPart } from '../../model-description';
import { encoderFamily } from '../shared/encoder-family';
import { predictsTokens } from '../shared/encoder-heads';
import { amount, word } from '../shared/family';

const headSize = (part: ModelPart): number => amount(part, 'd_head') ?? part.headDim;

/**
 * Permuted language modelling (arXiv:1906.08237): in training a second stream of queries reads the same keys without the
 * word that it predicts. It remembers hidden states of earlier segments (`mem_len`), not keys and values.
 */
export const xlnet = encoderFamily({
  id: 'xlnet',
  title: 'XLNet',
  types: ['xlnet'],
  architectures: /^XLNet(Model|LMHead|For)/,
  record: ['d_inner', 'd_head', 'ff_activation', 'attn_type', 'summary_use_proj', 'untie_r', 'mem_len'],
  choice: (reader) => {
    const headDim = reader.integer('d_head', 1);
    return {
      positions: 'relative',
      causal: reader.raw('attn_type') === 'uni',
      intermediateSize: reader.integer('d_inner') ?? 0,
      ...(headDim === undefined ? {} : { headDim }),
      layerKinds: (count) =>
        Array.from({ length: count }, () => ({
          kind: 'full',
          note: 'in training a second stream of queries reads it',
        })),
    };
  },
  finish: (part) => {
    const activation = word(part, 'ff_activation');
    return activation === undefined ? part : { ...part, activation };
  },
  // Those for spans differ from class to class.
  heads: /(Model|LMHeadModel|ForSequenceClassification|ForTokenClassification)$/,
  tensors: (part, writer, top) => {
    const hidden = part.hiddenSize;
    const [heads, width] = [part.heads, headSize(part)];
    const root = writer.under('transformer.');
    root.add('embedding', 'word_embedding.weight', [part.vocabularySize ?? 0, hidden]);
    root.add('embedding', 'mask_emb', [1, 1, hidden]);
    for (const layer of part.layers) {
      const own = root.layer(layer.index, 'layer.{layer}.');
      for (const name of ['q', 'k', 'v', 'o', 'r']) own.add('attention', `rel_attn.${name}`, [hidden, heads, width]);
      for (const name of ['r_r_bias', 'r_s_bias', 'r_w_bias']) own.add('attention', `rel_attn.${name}`, [heads, width]);
      own.add('attention', 'rel_attn.seg_embed', [2, heads, width]);
      own.norm('rel_attn.layer_norm', hidden, true);
      own.norm('ff.layer_norm', hidden, true);
      own.linear('mlp', 'ff.layer_1', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'ff.layer_2', layer.feedForward.size, hidden, true);
    }
    const { task, tied } = top;
    if (predictsTokens(top)) {
      if (!tied) writer.add('head', 'lm_loss.weight', [part.vocabularySize ?? 0, hidden]);
      writer.add('head', 'lm_loss.bias', [part.vocabularySize ?? 0]);
    }
    if (task.kind === 'sequence-classification') {
      if (part.fields['summary_use_proj']?.value !== false)
        writer.linear('head', 'sequence_summary.summary', hidden, hidden, true);
      writer.linear('head', 'logits_proj', hidden, task.labels, true);
    }
    if (task.kind === 'token-classification') writer.linear('head', 'classifier', hidden, task.labels, true);
  },
});
