/** BERT and RoBERTa with their norms in front of attention and network, and ones with other embeddings. */
import type { Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { writeBertEmbeddings } from './bert';
import {
  encoderFamily,
  predictsTokens,
  writeBertLayers,
  writePredictions,
  writeQueryKeyValue,
  writeRobertaHeads,
  writeTokenHeads,
} from '../shared/encoder-family';
import { amount } from '../shared/family';

interface Norms {
  readonly attention: string;
  readonly network: string;
}

/** BERT's layer with its two norms under other names, in front of what they were behind. */
function writePrenormLayer(own: TensorWriter, layer: Layer, norms: Norms): void {
  const hidden = own.part.hiddenSize;
  own.norm(norms.attention, hidden, true);
  writeQueryKeyValue(own, 'attention');
  own.linear('attention', 'attention.output.dense', hidden, hidden, true);
  own.norm(norms.network, hidden, true);
  own.linear('mlp', 'intermediate.dense', hidden, layer.feedForward.size, true);
  own.linear('mlp', 'output.dense', layer.feedForward.size, hidden, true);
}

const writePrenormLayers = (part: ModelPart, root: TensorWriter, norms: Norms): void => {
  for (const layer of part.layers) writePrenormLayer(root.layer(layer.index, 'encoder.layer.{layer}.'), layer, norms);
};

/** Decoders of these have layers of cross-attention whose names are not written down here. */
const isEncoder = (part: ModelPart): boolean => part.layers.every(({ crossAttention }) => crossAttention === undefined);

function writeTables(part: ModelPart, root: TensorWriter): void {
  const own = root.under('embeddings.');
  own.add('embedding', 'word_embeddings.weight', [part.vocabularySize ?? 0, part.hiddenSize]);
  own.add('embedding', 'position_embeddings.weight', [part.contextLength ?? 0, part.hiddenSize]);
  own.add('embedding', 'token_type_embeddings.weight', [amount(part, 'type_vocab_size') ?? 2, part.hiddenSize]);
}

const megatronBert = encoderFamily({
  id: 'megatron-bert',
  title: 'Megatron-BERT',
  types: ['megatron-bert'],
  architectures: /^MegatronBert/,
  exact: isEncoder,
  heads: /(Model|For(MaskedLM|CausalLM|TokenClassification|QuestionAnswering))$/,
  tensors: (part, writer, top) => {
    const root = writer.under('bert.');
    writeTables(part, root);
    writePrenormLayers(part, root, { attention: 'attention.ln', network: 'ln' });
    root.norm('encoder.ln', part.hiddenSize, true);
    if (top.task.kind === 'base') root.linear('head', 'pooler.dense', part.hiddenSize, part.hiddenSize, true);
    if (predictsTokens(top)) writePredictions(part, writer, top);
    writeTokenHeads(part, writer, top);
  },
});

const robertaPreLayerNorm = encoderFamily({
  id: 'roberta-prelayernorm',
  title: 'RoBERTa with norms in front',
  types: ['roberta-prelayernorm'],
  architectures: /^RobertaPreLayerNorm/,
  exact: isEncoder,
  tensors: (part, writer, top) => {
    const root = writer.under('roberta_prelayernorm.');
    writeBertEmbeddings(part, root);
    writePrenormLayers(part, root, { attention: 'attention.LayerNorm', network: 'intermediate.LayerNorm' });
    root.norm('LayerNorm', part.hiddenSize, true);
    writeRobertaHeads(part, writer, top, 'roberta_prelayernorm.pooler.dense');
  },
});

const xlmRobertaXl = encoderFamily({
  id: 'xlm-roberta-xl',
  title: 'XLM-RoBERTa-XL',
  types: ['xlm-roberta-xl'],
  architectures: /^XLMRobertaXL/,
  exact: isEncoder,
  tensors: (part, writer, top) => {
    const root = writer.under('roberta.');
    writeTables(part, root);
    writePrenormLayers(part, root, { attention: 'attention.self_attn_layer_norm', network: 'LayerNorm' });
    root.norm('encoder.LayerNorm', part.hiddenSize, true);
    writeRobertaHeads(part, writer, top, 'roberta.pooler.dense');
  },
});

const data2VecText = encoderFamily({
  id: 'data2vec-text',
  title: 'data2vec text',
  types: ['data2vec-text'],
  architectures: /^Data2VecText/,
  exact: isEncoder,
  tensors: (part, writer, top) => {
    const root = writer.under('data2vec_text.');
    writeBertEmbeddings(part, root);
    writeBertLayers(part, root);
    writeRobertaHeads(part, writer, top, 'data2vec_text.pooler.dense');
  },
});

/** BERT, and where the file says so a vector for each kind of task. */
const ernie = encoderFamily({
  id: 'ernie',
  title: 'ERNIE',
  types: ['ernie'],
  architectures: /^Ernie(Model|For)/,
  record: ['task_type_vocab_size', 'use_task_id'],
  exact: isEncoder,
  heads: /(Model|For(MaskedLM|CausalLM|TokenClassification|QuestionAnswering))$/,
  tensors: (part, writer, top) => {
    const root = writer.under('ernie.');
    writeBertEmbeddings(part, root);
    if (part.fields['use_task_id']?.value === true)
      root.add('embedding', 'embeddings.task_type_embeddings.weight', [
        amount(part, 'task_type_vocab_size') ?? 3,
        part.hiddenSize,
      ]);
    writeBertLayers(part, root);
    if (top.task.kind === 'base') root.linear('head', 'pooler.dense', part.hiddenSize, part.hiddenSize, true);
    if (predictsTokens(top)) writePredictions(part, writer, top);
    writeTokenHeads(part, writer, top);
  },
});

/** BERT with a place on the page for each word (arXiv:1912.13318). */
const layoutLm = encoderFamily({
  id: 'layoutlm',
  title: 'LayoutLM',
  types: ['layoutlm'],
  architectures: /^LayoutLM(Model|For)/,
  record: ['max_2d_position_embeddings'],
  heads: /(Model|For(MaskedLM|TokenClassification|SequenceClassification|QuestionAnswering))$/,
  tensors: (part, writer, top) => {
    const root = writer.under('layoutlm.');
    writeBertEmbeddings(part, root);
    const places = amount(part, 'max_2d_position_embeddings') ?? 1024;
    for (const name of ['x', 'y', 'h', 'w'])
      root.add('embedding', `embeddings.${name}_position_embeddings.weight`, [places, part.hiddenSize]);
    writeBertLayers(part, root);
    root.linear('head', 'pooler.dense', part.hiddenSize, part.hiddenSize, true);
    if (predictsTokens(top)) writePredictions(part, writer, top);
    if (top.task.kind === 'sequence-classification')
      writer.linear('head', 'classifier', part.hiddenSize, top.task.labels, true);
    writeTokenHeads(part, writer, top);
  },
});

export const prenormEncoders = [megatronBert, robertaPreLayerNorm, xlmRobertaXl, data2VecText, ernie, layoutLm];
