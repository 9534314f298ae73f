import type { ConfigReader, JsonObject } from '../config/config-reader';
import { readTransformer } from '../config/transformer';
import type { ModelPart } from '../model-description';
import type { TensorWriter } from '../tensors/tensor-table';
import { transformers } from './decoder-family';
import type { StackFamily, Top } from './family';
import { amount } from './family';

const bertValues: JsonObject = {
  vocab_size: 30522,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  intermediate_size: 3072,
  hidden_act: 'gelu',
  max_position_embeddings: 512,
  type_vocab_size: 2,
  layer_norm_eps: 1e-12,
  pad_token_id: 0,
  tie_word_embeddings: true,
};
const robertaValues: JsonObject = {
  ...bertValues,
  vocab_size: 50265,
  bos_token_id: 0,
  pad_token_id: 1,
  eos_token_id: 2,
};

const readEncoder = (family: string) => (reader: ConfigReader) => {
  reader.raw('type_vocab_size');
  return readTransformer(reader, {
    family,
    role: 'encoder',
    causal: reader.has('is_decoder') && reader.boolean('is_decoder') === true,
    gated: false,
    norm: 'layer',
    positions: 'learned',
    crossAttention: reader.has('add_cross_attention') && reader.boolean('add_cross_attention') === true,
  });
};

/** BERT's layer, in the names of the original checkpoint. */
function writeLayers(part: ModelPart, writer: TensorWriter): void {
  const hidden = part.hiddenSize;
  for (const layer of part.layers) {
    const own = writer.layer(layer.index, 'encoder.layer.{layer}.');
    const blocks = layer.crossAttention === undefined ? ['attention'] : ['attention', 'crossattention'];
    for (const block of blocks) {
      for (const name of ['query', 'key', 'value'])
        own.linear('attention', `${block}.self.${name}`, hidden, hidden, true);
      own.linear('attention', `${block}.output.dense`, hidden, hidden, true);
      own.norm(`${block}.output.LayerNorm`, hidden, true);
    }
    own.linear('mlp', 'intermediate.dense', hidden, layer.feedForward.size, true);
    own.linear('mlp', 'output.dense', layer.feedForward.size, hidden, true);
    own.norm('output.LayerNorm', hidden, true);
  }
}

function writeEmbeddings(part: ModelPart, writer: TensorWriter): void {
  const hidden = part.hiddenSize;
  const own = writer.under('embeddings.');
  own.add('embedding', 'word_embeddings.weight', [part.vocabularySize ?? 0, hidden]);
  own.add('embedding', 'position_embeddings.weight', [part.contextLength ?? 0, hidden]);
  own.add('embedding', 'token_type_embeddings.weight', [amount(part, 'type_vocab_size') ?? 2, hidden]);
  own.norm('LayerNorm', hidden, true);
}

/** Classes with a pooler: the bare model, pretraining and, for BERT alone, sequence classification. */
function writeBertHead(part: ModelPart, writer: TensorWriter, { task, tied }: Top): void {
  const hidden = part.hiddenSize;
  const vocabulary = part.vocabularySize ?? 0;
  const pooled = task.kind === 'base' || task.kind === 'pretraining' || task.kind === 'sequence-classification';
  if (pooled) writer.under('bert.').linear('head', 'pooler.dense', hidden, hidden, true);
  switch (task.kind) {
    case 'masked-lm':
    case 'causal-lm':
    case 'pretraining':
      writer.add('head', 'cls.predictions.bias', [vocabulary]);
      writer.linear('head', 'cls.predictions.transform.dense', hidden, hidden, true);
      writer.as('head').norm('cls.predictions.transform.LayerNorm', hidden, true);
      if (!tied) writer.add('head', 'cls.predictions.decoder.weight', [vocabulary, hidden]);
      if (task.kind === 'pretraining') writer.linear('head', 'cls.seq_relationship', hidden, 2, true);
      return;
    case 'sequence-classification':
    case 'token-classification':
      writer.linear('head', 'classifier', hidden, task.labels, true);
      return;
    case 'question-answering':
      writer.linear('head', 'qa_outputs', hidden, 2, true);
      return;
    case 'base':
    case 'sequence-to-sequence':
    case 'image-classification':
      return;
  }
}

export const bert: StackFamily = {
  kind: 'stack',
  id: 'bert',
  title: 'BERT',
  modelTypes: ['bert'],
  architectures: /^Bert(Model|For|LMHead)/,
  role: 'encoder',
  tied: true,
  task: 'base',
  defaults: () => ({ from: `${transformers} BertConfig`, values: bertValues }),
  read: readEncoder('bert'),
  tensors: (part, writer, top) => {
    writeEmbeddings(part, writer.under('bert.'));
    writeLayers(part, writer.under('bert.'));
    writeBertHead(part, writer, top);
  },
};

function writeRobertaHead(part: ModelPart, writer: TensorWriter, { task, tied }: Top): void {
  const hidden = part.hiddenSize;
  const vocabulary = part.vocabularySize ?? 0;
  switch (task.kind) {
    case 'base':
      writer.under('roberta.').linear('head', 'pooler.dense', hidden, hidden, true);
      return;
    case 'masked-lm':
    case 'causal-lm':
    case 'pretraining':
      writer.add('head', 'lm_head.bias', [vocabulary]);
      writer.linear('head', 'lm_head.dense', hidden, hidden, true);
      writer.as('head').norm('lm_head.layer_norm', hidden, true);
      if (!tied) writer.add('head', 'lm_head.decoder.weight', [vocabulary, hidden]);
      return;
    case 'sequence-classification':
      writer.linear('head', 'classifier.dense', hidden, hidden, true);
      writer.linear('head', 'classifier.out_proj', hidden, task.labels, true);
      return;
    case 'token-classification':
      writer.linear('head', 'classifier', hidden, task.labels, true);
      return;
    case 'question-answering':
      writer.linear('head', 'qa_outputs', hidden, 2, true);
      return;
    case 'sequence-to-sequence':
    case 'image-classification':
      return;
  }
}

export const roberta: StackFamily = {
  kind: 'stack',
  id: 'roberta',
  title: 'RoBERTa',
  modelTypes: ['roberta', 'xlm-roberta', 'camembert'],
  architectures: /^(XLM)?R(oberta|oBERTa)|^(XLMRoberta|Camembert)/,
  role: 'encoder',
  tied: true,
  task: 'base',
  defaults: (modelType) => {
    const name = { 'xlm-roberta': 'XLMRobertaConfig', camembert: 'CamembertConfig' }[modelType ?? ''];
    const values = name === undefined ? robertaValues : { ...robertaValues, vocab_size: 30522 };
    return { from: `${transformers} ${name ?? 'RobertaConfig'}`, values };
  },
  read: readEncoder('roberta'),
  tensors: (part, writer, top) => {
    writeEmbeddings(part, writer.under('roberta.'));
    writeLayers(part, writer.under('roberta.'));
    writeRobertaHead(part, writer, top);
  },
};

const distilValues: JsonObject = {
  vocab_size: 30522,
  max_position_embeddings: 512,
  sinusoidal_pos_embds: false,
  n_layers: 6,
  n_heads: 12,
  dim: 768,
  hidden_dim: 3072,
  activation: 'gelu',
  pad_token_id: 0,
  tie_word_embeddings: true,
};

export const distilbert: StackFamily = {
  kind: 'stack',
  id: 'distilbert',
  title: 'DistilBERT',
  modelTypes: ['distilbert'],
  architectures: /^DistilBert/,
  role: 'encoder',
  tied: true,
  task: 'base',
  defaults: () => ({ from: `${transformers} DistilBertConfig`, values: distilValues }),
  read: (reader) =>
    readTransformer(reader, {
      family: 'distilbert',
      role: 'encoder',
      gated: false,
      norm: 'layer',
      positions: reader.boolean('sinusoidal_pos_embds') === true ? 'sinusoidal' : 'learned',
    }),
  tensors: (part, writer, { task, tied }) => {
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
    switch (task.kind) {
      case 'masked-lm':
      case 'causal-lm':
      case 'pretraining':
        writer.linear('head', 'vocab_transform', hidden, hidden, true);
        writer.as('head').norm('vocab_layer_norm', hidden, true);
        writer.add('head', 'vocab_projector.bias', [vocabulary]);
        if (!tied) writer.add('head', 'vocab_projector.weight', [vocabulary, hidden]);
        return;
      case 'sequence-classification':
        writer.linear('head', 'pre_classifier', hidden, hidden, true);
        writer.linear('head', 'classifier', hidden, task.labels, true);
        return;
      case 'token-classification':
        writer.linear('head', 'classifier', hidden, task.labels, true);
        return;
      case 'question-answering':
        writer.linear('head', 'qa_outputs', hidden, 2, true);
        return;
      case 'base':
      case 'sequence-to-sequence':
      case 'image-classification':
        return;
    }
  },
};
