/** What stands on top of an encoder of text. */
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { Top } from './top';

export interface EncoderHeads {
  readonly predictions?: PredictionNames;
  /** Poolers, and heads of other tasks. */
  readonly others?: (part: ModelPart, writer: TensorWriter, top: Top) => void;
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
  { predictions, others }: EncoderHeads,
  part: ModelPart,
  writer: TensorWriter,
  top: Top,
): void {
  if (predictions && (predictions.of ?? predictsTokens)(top)) writePredictions(predictions, part, writer, top);
  others?.(part, writer, top);
}

const always = (): boolean => true;

function writePredictions(names: PredictionNames, part: ModelPart, writer: TensorWriter, { tied }: Top): void {
  const vocabulary = part.vocabularySize ?? 0;
  const width = names.width?.(part) ?? part.hiddenSize;
  const { denseBias = always, normBias = always, hasBias = always } = names;
  if (hasBias(part)) writer.add('head', names.bias ?? `${names.vocabulary}.bias`, [vocabulary]);
  if (names.dense !== undefined) writer.linear('head', names.dense, part.hiddenSize, width, denseBias(part));
  if (names.norm !== undefined) writer.as('head').norm(names.norm, width, normBias(part));
  if (!tied) writer.add('head', `${names.vocabulary}.weight`, [vocabulary, width]);
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
export function writeTokenHeads(part: ModelPart, writer: TensorWriter, { task }: Top): void {
  if (task.kind === 'token-classification') writer.linear('head', 'classifier', part.hiddenSize, task.labels, true);
  if (task.kind === 'question-answering') writer.linear('head', 'qa_outputs', part.hiddenSize, 2, true);
}

/** A pooler in every class, below the classifier of whole texts. */
export const pooledHeads =
  (pooler: string): NonNullable<EncoderHeads['others']> =>
  (part, writer, top) => {
    writer.linear('head', pooler, part.hiddenSize, part.hiddenSize, true);
    if (top.task.kind === 'sequence-classification')
      writer.linear('head', 'classifier', part.hiddenSize, top.task.labels, true);
    writeTokenHeads(part, writer, top);
  };

export function writeClassificationHead(part: ModelPart, writer: TensorWriter, name: string, labels: number): void {
  writer.linear('head', `${name}.dense`, part.hiddenSize, part.hiddenSize, true);
  writer.linear('head', `${name}.out_proj`, part.hiddenSize, labels, true);
}

/** The heads that RoBERTa set; `pooler` is written for the bare model. */
export const robertaHeads = (pooler?: string): EncoderHeads => ({
  predictions: robertaPredictions,
  others: (part, writer, top) => {
    const { task } = top;
    const hidden = part.hiddenSize;
    if (task.kind === 'base' && pooler !== undefined) writer.linear('head', pooler, hidden, hidden, true);
    if (task.kind === 'sequence-classification') writeClassificationHead(part, writer, 'classifier', task.labels);
    writeTokenHeads(part, writer, top);
  },
});
