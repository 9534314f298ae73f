import type { ConfigReader } from '../../config/config-reader';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import {
  encoderFamily,
  predictsTokens,
  writeBertLayer,
  writePredictions,
  writeTokenHeads,
} from '../shared/encoder-family';
import type { Top } from '../shared/top';
import { amount, flag, word } from '../shared/family';

const record = [
  'relative_attention',
  'position_biased_input',
  'pos_att_type',
  'share_att_key',
  'norm_rel_ebd',
  'talking_head',
  'embedding_size',
  'conv_kernel_size',
  'legacy',
];

/**
 * Scores are of contents, of content to position and of position to content (DeBERTa, arXiv:2006.03654, section 3.1), by
 * distances of `max_relative_positions` at most or, in version 2, in buckets.
 */
const choice = (reader: ConfigReader) => {
  // Negative numbers stand for "as many as positions" and "no buckets".
  for (const key of ['max_relative_positions', 'position_buckets']) reader.raw(key);
  const relative = reader.boolean('relative_attention') === true;
  return { positions: relative ? ('relative' as const) : ('learned' as const) };
};

const embeddingSize = (part: ModelPart): number => amount(part, 'embedding_size') ?? part.hiddenSize;

const above = (value: number | undefined): number | undefined => (value !== undefined && value > 0 ? value : undefined);

/** Rows on one side of the distance 0. */
const distances = (part: ModelPart, bucketed: boolean): number =>
  (bucketed ? above(amount(part, 'position_buckets')) : undefined) ??
  above(amount(part, 'max_relative_positions')) ??
  part.contextLength ??
  0;

/** `p2c|c2p` or a list of the same words. */
function scoreKinds(part: ModelPart): ReadonlySet<string> {
  if (!flag(part, 'relative_attention')) return new Set();
  const value = part.fields['pos_att_type']?.value;
  const list: readonly unknown[] = typeof value === 'string' ? value.split('|') : Array.isArray(value) ? value : [];
  return new Set(list.map((item) => String(item).trim().toLowerCase()));
}

function writeEmbeddings(part: ModelPart, root: TensorWriter): void {
  const hidden = part.hiddenSize;
  const width = embeddingSize(part);
  const own = root.under('embeddings.');
  own.add('embedding', 'word_embeddings.weight', [part.vocabularySize ?? 0, width]);
  if (flag(part, 'position_biased_input', true))
    own.add('embedding', 'position_embeddings.weight', [part.contextLength ?? 0, width]);
  const types = amount(part, 'type_vocab_size') ?? 0;
  if (types > 0) own.add('embedding', 'token_type_embeddings.weight', [types, width]);
  if (width !== hidden) own.linear('embedding', 'embed_proj', width, hidden, false);
  own.norm('LayerNorm', hidden, true);
}

function writeHeads(part: ModelPart, writer: TensorWriter, top: Top): void {
  const hidden = part.hiddenSize;
  if (predictsTokens(top)) writePredictions(part, writer, top, embeddingSize(part));
  if (top.task.kind === 'sequence-classification') {
    writer.linear('head', 'pooler.dense', hidden, hidden, true);
    writer.linear('head', 'classifier', hidden, top.task.labels, true);
  }
  writeTokenHeads(part, writer, top);
}

/** `legacy` false has another head over the vocabulary, which no published file of these uses. */
const exact = (part: ModelPart): boolean => flag(part, 'legacy', true);

export const deberta = encoderFamily({
  id: 'deberta',
  title: 'DeBERTa',
  types: ['deberta'],
  architectures: /^Deberta(Model|For)/,
  record,
  choice,
  exact,
  tensors: (part, writer, top) => {
    const hidden = part.hiddenSize;
    const root = writer.under('deberta.');
    const kinds = scoreKinds(part);
    writeEmbeddings(part, root);
    for (const layer of part.layers) {
      writeBertLayer(root.layer(layer.index, 'encoder.layer.{layer}.'), layer, (own, block) => {
        own.add('attention', `${block}.self.in_proj.weight`, [3 * hidden, hidden]);
        own.add('attention', `${block}.self.q_bias`, [hidden]);
        own.add('attention', `${block}.self.v_bias`, [hidden]);
        if (flag(part, 'talking_head'))
          for (const name of ['head_logits_proj', 'head_weights_proj'])
            own.linear('attention', `${block}.self.${name}`, part.heads, part.heads, false);
        if (kinds.has('c2p')) own.linear('attention', `${block}.self.pos_proj`, hidden, hidden, false);
        if (kinds.has('p2c')) own.linear('attention', `${block}.self.pos_q_proj`, hidden, hidden, true);
      });
    }
    if (flag(part, 'relative_attention'))
      root.add('embedding', 'encoder.rel_embeddings.weight', [2 * distances(part, false), hidden]);
    writeHeads(part, writer, top);
  },
});

/** Version 3 is version 2 trained as ELECTRA is. */
export const debertaV2 = encoderFamily({
  id: 'deberta-v2',
  title: 'DeBERTa v2 / v3',
  types: ['deberta-v2'],
  architectures: /^DebertaV2(Model|For)/,
  record,
  choice,
  exact,
  tensors: (part, writer, top) => {
    const hidden = part.hiddenSize;
    const root = writer.under('deberta.');
    const kinds = scoreKinds(part);
    const shared = flag(part, 'share_att_key');
    writeEmbeddings(part, root);
    for (const layer of part.layers) {
      writeBertLayer(root.layer(layer.index, 'encoder.layer.{layer}.'), layer, (own, block) => {
        for (const name of ['query_proj', 'key_proj', 'value_proj'])
          own.linear('attention', `${block}.self.${name}`, hidden, hidden, true);
        if (!shared && kinds.has('c2p')) own.linear('attention', `${block}.self.pos_key_proj`, hidden, hidden, true);
        if (!shared && kinds.has('p2c')) own.linear('attention', `${block}.self.pos_query_proj`, hidden, hidden, true);
      });
    }
    if (flag(part, 'relative_attention')) {
      root.add('embedding', 'encoder.rel_embeddings.weight', [2 * distances(part, true), hidden]);
      if ((word(part, 'norm_rel_ebd') ?? '').includes('layer_norm')) root.norm('encoder.LayerNorm', hidden, true);
    }
    const kernel = amount(part, 'conv_kernel_size') ?? 0;
    if (kernel > 0) {
      root.add('other', 'encoder.conv.conv.weight', [hidden, hidden, kernel]);
      root.add('other', 'encoder.conv.conv.bias', [hidden]);
      root.norm('encoder.conv.LayerNorm', hidden, true);
    }
    writeHeads(part, writer, top);
  },
});
