/** Encoders of BERT's layers with rotated positions, embeddings of a width of their own, no kinds of tokens, or maps in groups. */
import type { ModelPart } from '../../model-description';
import { bertLayout, encoderFamily } from '../shared/encoder-family';
import {
  bertPredictions,
  pooledClassifier,
  pooledHeads,
  robertaClassifier,
  tokenHeads,
  writePooler,
} from '../shared/encoder-heads';
import { amount } from '../shared/family';
import { bertKeys, encoderKeys, honoured, idle, only } from '../shared/run-keys';

const embeddingSize = (part: ModelPart): number => amount(part, 'embedding_size') ?? part.hiddenSize;

const { positions: _, ...withoutPositions } = bertLayout;

/** BERT whose queries and keys are rotated (arXiv:2104.09864). The class reads the sines from a table. */
const roformer = encoderFamily({
  id: 'roformer',
  title: 'RoFormer',
  types: ['roformer'],
  architectures: /^RoFormer(Model|For)/,
  run: {
    ...encoderKeys,
    ...honoured('embedding_size'),
    ...only([false], 'rotary_value'),
  },
  choice: () => ({ positions: 'rope', norm: 'layer', rope: { layout: 'interleaved' } }),
  heads: /(Model|For(MaskedLM|CausalLM|SequenceClassification|TokenClassification|QuestionAnswering))$/,
  layout: {
    ...withoutPositions,
    root: 'roformer.',
    widenedEmbedding: { size: embeddingSize, projection: 'embeddings_project', bias: true },
    turns: 'encoder.embed_positions',
    heads: {
      ...tokenHeads,
      predictions: { ...bertPredictions, width: embeddingSize },
      text: robertaClassifier('hidden'),
    },
  },
});

/** Multilingual, with a narrow embedding and a wide head that is not tied to it (arXiv:2010.12821). */
const remBert = encoderFamily({
  id: 'rembert',
  title: 'RemBERT',
  types: ['rembert'],
  architectures: /^RemBert(Model|For)/,
  tied: false,
  run: {
    ...encoderKeys,
    ...honoured('input_embedding_size', 'output_embedding_size'),
    ...idle('drops activations in training alone', 'classifier_dropout_prob'),
  },
  heads: /(Model|For(MaskedLM|CausalLM|SequenceClassification|TokenClassification|QuestionAnswering))$/,
  layout: {
    ...bertLayout,
    root: 'rembert.',
    widenedEmbedding: {
      size: (part) => amount(part, 'input_embedding_size') ?? part.hiddenSize,
      projection: 'encoder.embedding_hidden_mapping_in',
      bias: true,
      always: true,
    },
    heads: {
      predictions: {
        dense: 'cls.predictions.dense',
        norm: 'cls.predictions.LayerNorm',
        vocabulary: 'cls.predictions.decoder',
        width: (part) => amount(part, 'output_embedding_size') ?? part.hiddenSize,
      },
      ...tokenHeads,
      text: pooledClassifier('rembert.pooler.dense'),
      others: writePooler('rembert.pooler.dense', ({ kind }) => kind === 'base'),
    },
  },
});

const { types: __, ...withoutTypes } = bertLayout;

/** Halves of an encoder-decoder made of two BERTs (arXiv:1907.12461), each a model of its own here. */
const bertGeneration = encoderFamily({
  id: 'bert-generation',
  title: 'BERT for generation',
  types: ['bert-generation'],
  architectures: /^BertGeneration(Encoder|Decoder)/,
  run: bertKeys,
  heads: /^BertGenerationEncoder$/,
  layout: { ...withoutTypes, heads: {} },
});

const squeezeGroups: Readonly<Record<string, string>> = {
  query: 'q_groups',
  key: 'k_groups',
  value: 'v_groups',
  'post_attention.conv1d': 'post_attention_groups',
  'intermediate.conv1d': 'intermediate_groups',
  'output.conv1d': 'output_groups',
};

/** BERT whose maps are convolutions over one position, in groups of channels (arXiv:2006.11316). */
const squeezeBert = encoderFamily({
  id: 'squeezebert',
  title: 'SqueezeBERT',
  types: ['squeezebert'],
  architectures: /^SqueezeBert(Model|For)/,
  run: {
    ...encoderKeys,
    ...only([false, null], 'is_decoder'),
    ...honoured('q_groups', 'k_groups', 'v_groups', 'post_attention_groups', 'intermediate_groups', 'output_groups'),
    ...idle('the class has it as wide as the layers', 'embedding_size'),
  },
  record: ['embedding_size'],
  heads: /(Model|For(MaskedLM|SequenceClassification|TokenClassification|QuestionAnswering))$/,
  exact: (part) => embeddingSize(part) === part.hiddenSize,
  layout: {
    ...bertLayout,
    root: 'transformer.',
    layer: 'encoder.layers.{layer}.',
    attention: {
      ...bertLayout.attention,
      prefix: '',
      projections: ['attention.query', 'attention.key', 'attention.value'],
      output: 'post_attention.conv1d',
    },
    mlp: { prefix: '', inputs: ['intermediate.conv1d'], output: 'output.conv1d', bias: true },
    groups: (part, name) => amount(part, squeezeGroups[name.replace(/^attention\./, '')] ?? '') ?? 1,
    norms: ['post_attention.layernorm', 'output.layernorm'],
    heads: { ...pooledHeads('transformer.pooler.dense'), predictions: bertPredictions },
  },
});

/**
 * Attention through landmarks (arXiv:2102.03902), beside which the values of each head are convolved. The class reads everything, as
 * BERT does, where there are as many landmarks as positions that it divides among them, which are its defaults.
 */
const nystromformer = encoderFamily({
  id: 'nystromformer',
  title: 'Nyströmformer',
  types: ['nystromformer'],
  architectures: /^Nystromformer(Model|For)/,
  run: {
    ...encoderKeys,
    ...only([false, null], 'is_decoder'),
    ...honoured('num_landmarks', 'segment_means_seq_len', 'conv_kernel_size'),
    ...idle('of the landmarks, which a run does not have', 'inv_coeff_init_option'),
  },
  choice: (reader) => {
    const [landmarks, positions] = [reader.integer('num_landmarks', 1), reader.integer('segment_means_seq_len', 1)];
    return landmarks === positions
      ? {}
      : { layerKinds: (count) => Array.from({ length: count }, () => ({ kind: 'linear', note: 'through landmarks' })) };
  },
  heads: /(Model|For(MaskedLM|SequenceClassification|TokenClassification|QuestionAnswering))$/,
  layout: {
    ...bertLayout,
    root: 'nystromformer.',
    positions: { name: 'embeddings.position_embeddings', offset: 2 },
    attention: {
      ...bertLayout.attention,
      convolution: { name: 'self.conv', size: (part) => amount(part, 'conv_kernel_size') },
    },
    heads: {
      predictions: bertPredictions,
      ...tokenHeads,
      text: robertaClassifier('hidden'),
    },
  },
});

export const bertVariants = [nystromformer, roformer, remBert, bertGeneration, squeezeBert];
