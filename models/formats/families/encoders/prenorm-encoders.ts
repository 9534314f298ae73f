/** BERT and RoBERTa with their norms in front of attention and network, and ones with other embeddings. */
import type { ModelPart } from '../../model-description';
import {
  bertPredictions,
  pooledClassifier,
  robertaHeads,
  tokenHeads,
  writePooler,
  type EncoderHeads,
} from '../shared/encoder-heads';
import { bertLayout, encoderFamily, typeTable } from '../shared/encoder-family';
import type { Computation } from '../shared/computation';
import type { DecoderLayout } from '../shared/decoder-layout';
import { amount, flag } from '../shared/family';
import { bertKeys, honoured } from '../shared/run-keys';
import { robertaKeys } from './bert';

/** Norms stand in front of attention and network. */
const prenorm: Computation = { norms: ['attention', 'network'] };

const { embeddingNorm: _, ...withoutEmbeddingNorm } = bertLayout;

const behindPadding: DecoderLayout['positions'] = { name: 'embeddings.position_embeddings', behindPadding: true };

/** Decoders of these have layers of cross-attention whose names are not written down here. */
const isEncoder = (part: ModelPart): boolean => part.layers.every(({ crossAttention }) => crossAttention === undefined);

/** BERT's predictions, and the pooler of the bare model and of whole texts. */
const bertHeads = (root: string): EncoderHeads => ({
  ...tokenHeads,
  predictions: bertPredictions,
  text: pooledClassifier(`${root}pooler.dense`),
  others: writePooler(`${root}pooler.dense`, ({ kind }) => kind === 'base'),
});

const megatronBert = encoderFamily({
  id: 'megatron-bert',
  title: 'Megatron-BERT',
  types: ['megatron-bert'],
  architectures: /^MegatronBert/,
  exact: isEncoder,
  heads: /(Model|For(MaskedLM|CausalLM|SequenceClassification|TokenClassification|QuestionAnswering))$/,
  run: bertKeys,
  computes: prenorm,
  layout: {
    ...withoutEmbeddingNorm,
    norms: ['attention.ln', 'ln'],
    finalNorm: 'encoder.ln',
    heads: bertHeads('bert.'),
  },
});

const robertaPreLayerNorm = encoderFamily({
  id: 'roberta-prelayernorm',
  title: 'RoBERTa with norms in front',
  types: ['roberta-prelayernorm'],
  architectures: /^RobertaPreLayerNorm/,
  exact: isEncoder,
  run: robertaKeys,
  computes: prenorm,
  layout: {
    ...bertLayout,
    root: 'roberta_prelayernorm.',
    positions: behindPadding,
    norms: ['attention.LayerNorm', 'intermediate.LayerNorm'],
    finalNorm: 'LayerNorm',
    heads: robertaHeads('roberta_prelayernorm.pooler.dense'),
  },
});

const xlmRobertaXl = encoderFamily({
  id: 'xlm-roberta-xl',
  title: 'XLM-RoBERTa-XL',
  types: ['xlm-roberta-xl'],
  architectures: /^XLMRobertaXL/,
  exact: isEncoder,
  run: robertaKeys,
  computes: prenorm,
  layout: {
    ...withoutEmbeddingNorm,
    root: 'roberta.',
    positions: behindPadding,
    norms: ['attention.self_attn_layer_norm', 'LayerNorm'],
    finalNorm: 'encoder.LayerNorm',
    heads: robertaHeads('roberta.pooler.dense'),
  },
});

const data2VecText = encoderFamily({
  id: 'data2vec-text',
  title: 'data2vec text',
  types: ['data2vec-text'],
  architectures: /^Data2VecText/,
  exact: isEncoder,
  run: robertaKeys,
  layout: {
    ...bertLayout,
    root: 'data2vec_text.',
    positions: behindPadding,
    heads: robertaHeads('data2vec_text.pooler.dense'),
  },
});

/** BERT, and where the file says so a vector for each kind of task; a text has that of the first. */
const ernie = encoderFamily({
  id: 'ernie',
  title: 'ERNIE',
  types: ['ernie'],
  architectures: /^Ernie(Model|For)/,
  exact: isEncoder,
  heads: /(Model|For(MaskedLM|CausalLM|SequenceClassification|TokenClassification|QuestionAnswering))$/,
  run: { ...bertKeys, ...honoured('use_task_id', 'task_type_vocab_size') },
  layout: {
    ...bertLayout,
    root: 'ernie.',
    types: [
      typeTable,
      {
        name: 'embeddings.task_type_embeddings',
        rows: (part) => (flag(part, 'use_task_id') ? (amount(part, 'task_type_vocab_size') ?? 3) : 0),
      },
    ],
    heads: bertHeads('ernie.'),
  },
});

export const prenormEncoders = [megatronBert, robertaPreLayerNorm, xlmRobertaXl, data2VecText, ernie];
