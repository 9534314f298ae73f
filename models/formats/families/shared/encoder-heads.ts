/** What stands on top of an encoder of text. */
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { Top } from './top';

export interface EncoderHeads {
  readonly predictions?: PredictionNames;
  /** What gives a whole text its labels. */
  readonly text?: ClassifierNames;
  /** What gives each token its labels, and two numbers where spans are answers; `tokenClassifier` and `spans` are usual. */
  readonly token?: ClassifierNames | ((labels: number) => ClassifierNames);
  readonly span?: ClassifierNames;
  /** Poolers, and heads of other tasks. */
  readonly others?: (part: ModelPart, writer: TensorWriter, top: Top) => void;
}

/** Maps one behind the other, of which the last has a row for each label. */
export interface ClassifierNames {
  /** Which row of the last stream they read: the first, the last, or the mean of all; absent: the first. */
  readonly reads?: (part: ModelPart) => 'first' | 'last' | 'mean';
  /** Those in front of the last, which are as wide as the stream. */
  readonly inner: readonly {
    readonly name: string;
    /** `hidden`: that of the config. */
    readonly activation: string;
    readonly bias?: (part: ModelPart) => boolean;
    /** Absent: it is there. */
    readonly when?: (part: ModelPart) => boolean;
    /** Behind the activation. */
    readonly norm?: string;
    readonly normBias?: (part: ModelPart) => boolean;
  }[];
  readonly labels: string;
  /** Absent: it has one. */
  readonly bias?: boolean;
}

/** The head over the vocabulary: a transformation with an activation and a norm, then the vocabulary. */
export interface PredictionNames {
  /** Classes that have it; absent: those that predict tokens. */
  readonly of?: (top: Top) => boolean;
  /** Absent: the vocabulary reads the stream itself (XLM). */
  readonly dense?: string;
  readonly norm?: string;
  /** Its weight is stored where it is not the embedding. */
  readonly vocabulary: string;
  /** Name of the bias of the vocabulary, where it is not that of `vocabulary`. */
  readonly bias?: string;
  /** The vocabulary reads only so many numbers, and this matrix, [remaining numbers, vocabulary], reads the rest (MobileBERT). */
  readonly rest?: { readonly name: string; readonly behind: (part: ModelPart) => number };
  readonly denseBias?: (part: ModelPart) => boolean;
  readonly normBias?: (part: ModelPart) => boolean;
  readonly hasBias?: (part: ModelPart) => boolean;
  /** Width of what the vocabulary reads; absent: hiddenSize. */
  readonly width?: (part: ModelPart) => number;
  /** Absent: that of the config. */
  readonly activation?: string | ((part: ModelPart) => string | undefined);
}

export const predictsTokens = ({ task }: Top): boolean =>
  task.kind === 'masked-lm' || task.kind === 'causal-lm' || task.kind === 'pretraining';

export function writeHeads(
  { predictions, text, token, span, others }: EncoderHeads,
  part: ModelPart,
  writer: TensorWriter,
  top: Top,
): void {
  if (predictions && (predictions.of ?? predictsTokens)(top)) writePredictions(predictions, part, writer, top);
  const { task } = top;
  const names = classifierOf({ text, token, span }, task);
  if (names) writeClassifier(names, part, writer, task.kind === 'question-answering' ? 2 : task.labels);
  others?.(part, writer, top);
}

/** Names of the head for the task of a class; undefined where it has none. */
export function classifierOf(
  { text, token, span }: { readonly [of in 'text' | 'token' | 'span']?: EncoderHeads[of] | undefined },
  { kind, labels }: Pick<Top['task'], 'kind' | 'labels'>,
): ClassifierNames | undefined {
  if (kind === 'sequence-classification') return text;
  if (kind === 'token-classification') return typeof token === 'function' ? token(labels) : token;
  return kind === 'question-answering' ? span : undefined;
}

function writeClassifier(
  { inner, labels: name, bias = true }: ClassifierNames,
  part: ModelPart,
  writer: TensorWriter,
  labels: number,
): void {
  const { hiddenSize: hidden } = part;
  for (const { name: map, bias: biased = always, when = always, norm, normBias = always } of inner) {
    if (!when(part)) continue;
    writer.linear('head', map, hidden, hidden, biased(part));
    if (norm !== undefined) writer.as('head').norm(norm, hidden, normBias(part));
  }
  writer.linear('head', name, hidden, labels, bias);
}

const always = (): boolean => true;

function writePredictions(names: PredictionNames, part: ModelPart, writer: TensorWriter, { tied }: Top): void {
  const vocabulary = part.vocabularySize ?? 0;
  const width = names.width?.(part) ?? part.hiddenSize;
  const { denseBias = always, normBias = always, hasBias = always } = names;
  if (hasBias(part)) writer.add('head', names.bias ?? `${names.vocabulary}.bias`, [vocabulary]);
  if (names.dense !== undefined) writer.linear('head', names.dense, part.hiddenSize, width, denseBias(part));
  if (names.norm !== undefined) writer.as('head').norm(names.norm, width, normBias(part));
  const read = names.rest?.behind(part) ?? width;
  if (!tied) writer.add('head', `${names.vocabulary}.weight`, [vocabulary, read]);
  if (names.rest && read < width) writer.add('head', `${names.rest.name}.weight`, [width - read, vocabulary]);
}

/** BERT's head over the vocabulary, from a stream of `width` where the embedding is narrower than the layers. */
export const bertPredictions: PredictionNames = {
  dense: 'cls.predictions.transform.dense',
  norm: 'cls.predictions.transform.LayerNorm',
  vocabulary: 'cls.predictions.decoder',
  bias: 'cls.predictions.bias',
};

/** RoBERTa's, with an activation that no key names. */
export const robertaPredictions: PredictionNames = {
  dense: 'lm_head.dense',
  norm: 'lm_head.layer_norm',
  vocabulary: 'lm_head.decoder',
  bias: 'lm_head.bias',
  activation: 'gelu',
};

/** What most of them put on top for classes of tokens and for spans. */
export const tokenHeads = {
  token: { inner: [], labels: 'classifier' },
  span: { inner: [], labels: 'qa_outputs' },
} as const;

/** BERT's head of a text: its pooler, then the classifier. */
export const pooledClassifier = (pooler: string): ClassifierNames => ({
  inner: [{ name: pooler, activation: 'tanh' }],
  labels: 'classifier',
});

/** RoBERTa's, whose two maps are under one name. */
export const robertaClassifier = (activation: string): ClassifierNames => ({
  inner: [{ name: 'classifier.dense', activation }],
  labels: 'classifier.out_proj',
});

/** The classifier of encoder-decoders, on the decoder's row at the end token (BART, T5). */
export const pairClassifier: ClassifierNames = {
  reads: () => 'last',
  inner: [{ name: 'classification_head.dense', activation: 'tanh' }],
  labels: 'classification_head.out_proj',
};

/** A pooler in every class, below the classifier of whole texts. */
export const pooledHeads = (pooler: string): EncoderHeads => ({
  ...tokenHeads,
  text: pooledClassifier(pooler),
  others: writePooler(pooler, ({ kind }) => kind !== 'sequence-classification'),
});

/** The pooler of classes that no classifier stands on. */
export const writePooler =
  (name: string, has: (task: Top['task']) => boolean): NonNullable<EncoderHeads['others']> =>
  (part, writer, { task }) => {
    if (has(task)) writer.linear('head', name, part.hiddenSize, part.hiddenSize, true);
  };

/** The heads that RoBERTa set; `pooler` is written for the bare model. */
export const robertaHeads = (pooler?: string): EncoderHeads => ({
  ...tokenHeads,
  predictions: robertaPredictions,
  text: robertaClassifier('tanh'),
  ...(pooler === undefined ? {} : { others: writePooler(pooler, ({ kind }) => kind === 'base') }),
});
