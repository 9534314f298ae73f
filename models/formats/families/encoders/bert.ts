import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from '../shared/family';
import type { Top } from '../shared/top';
import { amount } from '../shared/family';
import { encoderSizes, honoured, idleOfText, only } from '../shared/run-keys';
import {
  encoderFamily,
  predictsTokens,
  writeBertLayers,
  writePredictions,
  writeRobertaHeads,
  writeTokenHeads,
} from '../shared/encoder-family';

/** Words, positions and types; `width` where the layers are wider than the embedding. */
export function writeBertEmbeddings(part: ModelPart, writer: TensorWriter, width: number = part.hiddenSize): void {
  const own = writer.under('embeddings.');
  own.add('embedding', 'word_embeddings.weight', [part.vocabularySize ?? 0, width]);
  own.add('embedding', 'position_embeddings.weight', [part.contextLength ?? 0, width]);
  own.add('embedding', 'token_type_embeddings.weight', [amount(part, 'type_vocab_size') ?? 2, width]);
  own.norm('LayerNorm', width, true);
}

/** Classes with a pooler: the bare model, pretraining and, for BERT alone, sequence classification. */
const pools = ({ task }: Top): boolean =>
  task.kind === 'base' || task.kind === 'pretraining' || task.kind === 'sequence-classification';

/** `pooler` is the name of its projection. */
function writeBertHead(part: ModelPart, writer: TensorWriter, top: Top, pooler: string): void {
  const { hiddenSize: hidden } = part;
  if (pools(top)) writer.under('bert.').linear('head', pooler, hidden, hidden, true);
  if (predictsTokens(top)) writePredictions(part, writer, top);
  if (top.task.kind === 'pretraining') writer.linear('head', 'cls.seq_relationship', hidden, 2, true);
  writeTokenHeads(part, writer, top);
}

export const bert = encoderFamily({
  id: 'bert',
  title: 'BERT',
  types: ['bert'],
  architectures: /^Bert(Model|For|LMHead)/,
  run: {
    ...idleOfText,
    ...encoderSizes,
    ...honoured('vocab_size', 'max_position_embeddings', 'type_vocab_size', 'tie_word_embeddings', 'is_decoder'),
    // What cross-attention reads is written by another model.
    ...only([false, null], 'add_cross_attention'),
    ...only(['absolute', null], 'position_embedding_type'),
  },
  tensors: (part, writer, top) => {
    writeBertEmbeddings(part, writer.under('bert.'));
    writeBertLayers(part, writer.under('bert.'));
    writeBertHead(part, writer, top, 'pooler.dense');
    if (top.task.kind === 'sequence-classification')
      writer.linear('head', 'classifier', part.hiddenSize, top.task.labels, true);
  },
});

/** A query reads its own block and the two beside it, the first and the last, and some at random. */
export const bigBird = encoderFamily({
  id: 'big_bird',
  title: 'BigBird',
  types: ['big_bird'],
  architectures: /^BigBird(Model|For)/,
  record: ['attention_type', 'block_size', 'num_random_blocks'],
  choice: (reader) => {
    const block = reader.integer('block_size', 1) ?? 64;
    if (reader.raw('attention_type') !== 'block_sparse') return {};
    const random = reader.integer('num_random_blocks') ?? 0;
    const note = `and ${random + 2} further blocks of ${block}: the first, the last and ${random} at random`;
    return {
      window: 3 * block,
      layerKinds: (count) => Array.from({ length: count }, () => ({ kind: 'window', note })),
    };
  },
  heads: /(Model|For(MaskedLM|CausalLM|PreTraining|SequenceClassification|TokenClassification))$/,
  exact: (part) => part.fields['use_bias']?.value !== false,
  tensors: (part, writer, top) => {
    writeBertEmbeddings(part, writer.under('bert.'));
    writeBertLayers(part, writer.under('bert.'));
    if (top.task.kind === 'sequence-classification') writeRobertaHeads(part, writer, top);
    else writeBertHead(part, writer, top, 'pooler');
  },
});

export const roberta: StackFamily = encoderFamily({
  id: 'roberta',
  title: 'RoBERTa',
  types: ['roberta', 'xlm-roberta', 'camembert'],
  architectures: /^(XLM)?R(oberta|oBERTa)|^(XLMRoberta|Camembert)/,
  tensors: (part, writer, top) => {
    writeBertEmbeddings(part, writer.under('roberta.'));
    writeBertLayers(part, writer.under('roberta.'));
    writeRobertaHeads(part, writer, top, 'roberta.pooler.dense');
  },
});

export const distilbert = encoderFamily({
  id: 'distilbert',
  title: 'DistilBERT',
  types: ['distilbert'],
  architectures: /^DistilBert/,
  choice: (reader) => ({
    causal: false,
    crossAttention: false,
    positions: reader.boolean('sinusoidal_pos_embds') === true ? 'sinusoidal' : 'learned',
  }),
  tensors: (part, writer, top) => {
    const hidden = part.hiddenSize;
    const vocabulary = part.vocabularySize ?? 0;
    const root = writer.under('distilbert.');
    root.add('embedding', 'embeddings.word_embeddings.weight', [vocabulary, hidden]);
    root.add('embedding', 'embeddings.position_embeddings.weight', [part.contextLength ?? 0, hidden]);
    root.norm('embeddings.LayerNorm', hidden, true);
    for (const layer of part.layers) {
      const own = root.layer(layer.index, 'transformer.layer.{layer}.');
      for (const name of ['q_lin', 'k_lin', 'v_lin', 'out_lin'])
        own.linear('attention', `attention.${name}`, hidden, hidden, true);
      own.norm('sa_layer_norm', hidden, true);
      own.linear('mlp', 'ffn.lin1', hidden, layer.feedForward.size, true);
      own.linear('mlp', 'ffn.lin2', layer.feedForward.size, hidden, true);
      own.norm('output_layer_norm', hidden, true);
    }
    if (predictsTokens(top)) {
      writer.linear('head', 'vocab_transform', hidden, hidden, true);
      writer.as('head').norm('vocab_layer_norm', hidden, true);
      writer.add('head', 'vocab_projector.bias', [vocabulary]);
      if (!top.tied) writer.add('head', 'vocab_projector.weight', [vocabulary, hidden]);
    }
    if (top.task.kind === 'sequence-classification') {
      writer.linear('head', 'pre_classifier', hidden, hidden, true);
      writer.linear('head', 'classifier', hidden, top.task.labels, true);
    }
    writeTokenHeads(part, writer, top);
  },
});
