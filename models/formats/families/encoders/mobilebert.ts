/**
 * MobileBERT (arXiv:2004.02984): each layer narrows its stream, has attention and several networks in the narrow stream, and adds a map of it
 * to the wide one. Norms are only a gain and a bias.
 */
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import { bertLayout, encoderFamily, typeTable } from '../shared/encoder-family';
import { bertPredictions, pooledClassifier, tokenHeads, writeHeads, type EncoderHeads } from '../shared/encoder-heads';
import { amount, flag } from '../shared/family';
import { encoderKeys, honoured, idle, only } from '../shared/run-keys';
import type { Top } from '../shared/top';

const words = (part: ModelPart): number => amount(part, 'embedding_size') ?? part.hiddenSize;
const width = (part: ModelPart): number => amount(part, 'intra_bottleneck_size') ?? part.hiddenSize;
const networks = (part: ModelPart): number => (amount(part, 'num_feedforward_networks') ?? 1) - 1;
const pools = (part: ModelPart): boolean => flag(part, 'classifier_activation');

const pooler = 'mobilebert.pooler.dense';
const { inner: pooled, ...classifier } = pooledClassifier(pooler);

const heads: EncoderHeads = {
  ...tokenHeads,
  predictions: { ...bertPredictions, rest: { name: 'cls.predictions.dense', behind: words } },
  text: { ...classifier, inner: pooled.map((map) => ({ ...map, when: pools })) },
  others(part, writer, { task: { kind } }) {
    if (pools(part) && (kind === 'base' || kind === 'pretraining'))
      writer.linear('head', pooler, part.hiddenSize, part.hiddenSize, true);
    if (kind === 'pretraining') writer.linear('head', 'cls.seq_relationship', part.hiddenSize, 2, true);
  },
};

const enter = { dense: 'bottleneck.input.dense', norm: 'bottleneck.input.LayerNorm' };
const shared = { dense: 'bottleneck.attention.dense', norm: 'bottleneck.attention.LayerNorm' };
const leave = { dense: 'output.bottleneck.dense', norm: 'output.bottleneck.LayerNorm' };

function writeTensors(part: ModelPart, writer: TensorWriter, top: Top): void {
  const { hiddenSize: hidden } = part;
  const narrow = width(part);
  const root = writer.under('mobilebert.');
  root.add('embedding', 'embeddings.word_embeddings.weight', [part.vocabularySize ?? 0, words(part)]);
  root.add('embedding', 'embeddings.position_embeddings.weight', [part.contextLength ?? 0, hidden]);
  root.add('embedding', `${typeTable.name}.weight`, [typeTable.rows(part), hidden]);
  root.linear('embedding', 'embeddings.embedding_transformation', 3 * words(part), hidden, true);
  root.norm('embeddings.LayerNorm', hidden, true);
  for (const { index, attention, feedForward } of part.layers) {
    const own = root.layer(index, 'encoder.layer.{layer}.');
    const inner = attention.heads * attention.headDim;
    const map = (names: typeof enter, from: number, to: number): void => {
      own.linear('other', names.dense, from, to, true);
      own.norm(names.norm, to, true);
    };
    const network = (at: TensorWriter): void => {
      at.linear('mlp', 'intermediate.dense', narrow, feedForward.size, true);
      at.linear('mlp', 'output.dense', feedForward.size, narrow, true);
      at.norm('output.LayerNorm', narrow, true);
    };
    map(enter, hidden, narrow);
    map(shared, hidden, narrow);
    own.linear('attention', 'attention.self.query', narrow, inner, true);
    own.linear('attention', 'attention.self.key', narrow, inner, true);
    own.linear('attention', 'attention.self.value', hidden, inner, true);
    own.linear('attention', 'attention.output.dense', inner, narrow, true);
    own.norm('attention.output.LayerNorm', narrow, true);
    for (let at = 0; at < networks(part); at++) network(own.under(`ffn.${at}.`));
    network(own);
    map(leave, narrow, hidden);
  }
  writeHeads(heads, part, writer, top);
}

export const mobileBert = encoderFamily({
  id: 'mobilebert',
  title: 'MobileBERT',
  types: ['mobilebert'],
  architectures: /^MobileBert(Model|For)/,
  run: {
    ...encoderKeys,
    ...only([false, null], 'is_decoder'),
    ...honoured('embedding_size', 'intra_bottleneck_size', 'num_feedforward_networks', 'classifier_activation'),
    ...only(['no_norm'], 'normalization_type'),
    ...only([true], 'trigram_input', 'use_bottleneck', 'key_query_shared_bottleneck'),
    ...only([false], 'use_bottleneck_attention'),
    ...idle('the class makes it of intra_bottleneck_size', 'true_hidden_size'),
  },
  choice: (reader) => {
    const [inner, count] = [reader.integer('intra_bottleneck_size', 1), reader.integerAt('num_attention_heads', 0)];
    return inner === undefined || !count ? {} : { headDim: Math.floor(inner / count) };
  },
  heads: /(Model|For(MaskedLM|PreTraining|SequenceClassification|TokenClassification|QuestionAnswering))$/,
  computes: { affineNorms: true },
  tensors: writeTensors,
  layout: {
    ...bertLayout,
    root: 'mobilebert.',
    neighbours: { size: words, projection: 'embeddings.embedding_transformation' },
    bottleneck: {
      ...{ size: width, enter, shared, leave },
      networks: { count: networks, prefix: 'ffn.{network}.', norm: 'output.LayerNorm' },
    },
    heads,
  },
});
