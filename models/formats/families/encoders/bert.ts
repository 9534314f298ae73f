import {
  bertPredictions,
  pooledClassifier,
  robertaClassifier,
  robertaHeads,
  tokenHeads,
  writePooler,
  type EncoderHeads,
} from '../shared/encoder-heads';
import { amount, word } from '../shared/family';
import type { StackFamily } from '../shared/family';
import { activations, bertKeys, encoderKeys, honoured, idle, idleOfText, only } from '../shared/run-keys';
import { bertLayout, encoderFamily } from '../shared/encoder-family';

/** The bare model and pretraining have a pooler that no classifier stands on; `pooler` is the name of its projection. */
const besides =
  (pooler: string): NonNullable<EncoderHeads['others']> =>
  (part, writer, top) => {
    writePooler(pooler, ({ kind }) => kind === 'base' || kind === 'pretraining')(part, writer, top);
    if (top.task.kind === 'pretraining') writer.linear('head', 'cls.seq_relationship', part.hiddenSize, 2, true);
  };

export const bert = encoderFamily({
  id: 'bert',
  title: 'BERT',
  types: ['bert'],
  architectures: /^Bert(Model|For|LMHead)/,
  run: bertKeys,
  layout: {
    ...bertLayout,
    heads: {
      ...tokenHeads,
      predictions: bertPredictions,
      text: pooledClassifier('bert.pooler.dense'),
      others: besides('bert.pooler.dense'),
    },
  },
});

/** A query reads its own block and the two beside it, the first and the last, and some at random. */
export const bigBird = encoderFamily({
  id: 'big_bird',
  title: 'BigBird',
  types: ['big_bird'],
  architectures: /^BigBird(Model|For)/,
  run: {
    ...encoderKeys,
    ...honoured('attention_type', 'block_size', 'num_random_blocks'),
    ...only([true], 'use_bias'),
    ...only([false], 'rescale_embeddings'),
    ...idle('where a text is divided', 'sep_token_id'),
  },
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
  computes: {
    // Texts as short as this are read in full by the class, too.
    readsAllOf: (part) =>
      part.fields['attention_type']?.value === 'block_sparse'
        ? (5 + 2 * (amount(part, 'num_random_blocks') ?? 0)) * (amount(part, 'block_size') ?? 0)
        : undefined,
  },
  layout: {
    ...bertLayout,
    heads: {
      ...tokenHeads,
      predictions: bertPredictions,
      text: robertaClassifier('hidden'),
      others: besides('bert.pooler'),
    },
  },
});

/** Positions are counted from behind the padding token. */
export const robertaKeys = { ...bertKeys, ...honoured('pad_token_id') };

export const roberta: StackFamily = encoderFamily({
  id: 'roberta',
  title: 'RoBERTa',
  types: ['roberta', 'xlm-roberta', 'camembert'],
  architectures: /^(XLM)?R(oberta|oBERTa)|^(XLMRoberta|Camembert)/,
  run: robertaKeys,
  layout: {
    ...bertLayout,
    root: 'roberta.',
    positions: { name: 'embeddings.position_embeddings', behindPadding: true },
    heads: robertaHeads('roberta.pooler.dense'),
  },
});

export const distilbert = encoderFamily({
  id: 'distilbert',
  title: 'DistilBERT',
  types: ['distilbert'],
  architectures: /^DistilBert/,
  run: {
    ...idleOfText,
    ...honoured(
      'vocab_size',
      'max_position_embeddings',
      'dim',
      'n_heads',
      'n_layers',
      'hidden_dim',
      'tie_word_embeddings',
    ),
    ...honoured('hidden_size', 'num_attention_heads', 'num_hidden_layers'),
    ...honoured('sinusoidal_pos_embds'),
    ...only(activations, 'activation'),
    ...idle('drops activations in training alone', 'qa_dropout', 'seq_classif_dropout'),
    ...idle('activation says it', 'hidden_act'),
  },
  choice: (reader) => ({
    causal: false,
    crossAttention: false,
    positions: reader.boolean('sinusoidal_pos_embds') === true ? 'sinusoidal' : 'learned',
  }),
  computes: { epsilon: 1e-12, activation: (part) => word(part, 'activation') },
  layout: {
    root: 'distilbert.',
    embedding: 'embeddings.word_embeddings',
    positions: { name: 'embeddings.position_embeddings' },
    embeddingNorm: 'embeddings.LayerNorm',
    layer: 'transformer.layer.{layer}.',
    attention: {
      prefix: 'attention.',
      projections: ['q_lin', 'k_lin', 'v_lin'],
      output: 'out_lin',
      inputBias: true,
      outputBias: true,
    },
    mlp: { prefix: 'ffn.', inputs: ['lin1'], output: 'lin2', bias: true },
    norms: ['sa_layer_norm', 'output_layer_norm'],
    normBias: true,
    heads: {
      predictions: {
        dense: 'vocab_transform',
        norm: 'vocab_layer_norm',
        vocabulary: 'vocab_projector',
        activation: (part) => word(part, 'activation'),
      },
      ...tokenHeads,
      text: { inner: [{ name: 'pre_classifier', activation: 'relu' }], labels: 'classifier' },
    },
  },
});
