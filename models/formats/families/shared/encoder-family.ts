import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import { readTransformer } from '../../config/transformer';
import type { Layer, ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { StackFamily } from './family';
import type { Top } from './top';
import type { FamilyRow } from './family-row';
import { namesOfRow, readerOfClass, recordedKeys } from './family-row';

interface EncoderRow extends FamilyRow {
  readonly task?: StackFamily['task'];
  /** Absent: the output layer is the table of words. */
  readonly tied?: boolean;
  readonly record?: readonly string[];
  readonly choice?: (reader: ConfigReader) => Partial<TransformerChoice>;
  /** What the family knows of the part beyond the choice. */
  readonly finish?: (part: ModelPart, reader: ConfigReader) => ModelPart;
  /** Classes whose heads `tensors` knows; those of most encoders when absent. */
  readonly heads?: RegExp;
  readonly exact?: StackFamily['exact'];
  readonly tensors?: (part: ModelPart, writer: TensorWriter, top: Top) => void;
}

const flagOf = (reader: ConfigReader, key: string): boolean => reader.has(key) && reader.boolean(key) === true;

const usualHeads =
  /(Model|LMHeadModel|For(MaskedLM|CausalLM|PreTraining|SequenceClassification|TokenClassification|QuestionAnswering))$/;

/** Encoders of text: every position reads every other, unless the file makes a decoder of it. */
export function encoderFamily(row: EncoderRow): StackFamily {
  return {
    ...namesOfRow(row),
    role: 'encoder',
    tied: row.tied ?? true,
    task: row.task ?? 'base',
    read: (file) => {
      const reader = readerOfClass(file, row.run);
      const part = readTransformer(reader, {
        family: row.id,
        role: 'encoder',
        causal: flagOf(reader, 'is_decoder'),
        gated: false,
        norm: 'layer',
        positions: 'learned',
        crossAttention: flagOf(reader, 'add_cross_attention'),
        record: ['type_vocab_size', ...recordedKeys(row)],
        ...row.choice?.(reader),
      });
      return row.finish?.(part, reader) ?? part;
    },
    exact: (part, className) =>
      (className === undefined || (row.heads ?? usualHeads).test(className)) && row.exact?.(part, className) !== false,
    ...(row.tensors === undefined ? {} : { tensors: row.tensors }),
  };
}

/** BERT's layer without its projections of queries, keys and values: they are `writeInputs`. */
export function writeBertLayer(
  own: TensorWriter,
  layer: Layer,
  writeInputs: (own: TensorWriter, block: string) => void,
): void {
  const hidden = own.part.hiddenSize;
  const blocks = layer.crossAttention === undefined ? ['attention'] : ['attention', 'crossattention'];
  for (const block of blocks) {
    writeInputs(own, block);
    own.linear('attention', `${block}.output.dense`, hidden, hidden, true);
    own.norm(`${block}.output.LayerNorm`, hidden, true);
  }
  writeBertNetwork(own, layer);
}

export function writeBertNetwork(own: TensorWriter, { feedForward }: Layer): void {
  const hidden = own.part.hiddenSize;
  own.linear('mlp', 'intermediate.dense', hidden, feedForward.size, true);
  own.linear('mlp', 'output.dense', feedForward.size, hidden, true);
  own.norm('output.LayerNorm', hidden, true);
}

export const writeQueryKeyValue = (own: TensorWriter, block: string, suffix = ''): void => {
  const hidden = own.part.hiddenSize;
  for (const name of ['query', 'key', 'value'])
    own.linear('attention', `${block}.self.${name}${suffix}`, hidden, hidden, true);
};

/** BERT's layers, in the names of the original checkpoint. */
export function writeBertLayers(part: ModelPart, writer: TensorWriter): void {
  for (const layer of part.layers)
    writeBertLayer(writer.layer(layer.index, 'encoder.layer.{layer}.'), layer, writeQueryKeyValue);
}

/** What most of them put on top for classes of tokens and for spans. */
export function writeTokenHeads(part: ModelPart, writer: TensorWriter, { task }: Top): void {
  if (task.kind === 'token-classification') writer.linear('head', 'classifier', part.hiddenSize, task.labels, true);
  if (task.kind === 'question-answering') writer.linear('head', 'qa_outputs', part.hiddenSize, 2, true);
}

export const predictsTokens = ({ task }: Top): boolean =>
  task.kind === 'masked-lm' || task.kind === 'causal-lm' || task.kind === 'pretraining';

/** BERT's head over the vocabulary, from a stream of `width` where the embedding is narrower than the layers. */
export function writePredictions(
  part: ModelPart,
  writer: TensorWriter,
  { tied }: Top,
  width: number = part.hiddenSize,
): void {
  const vocabulary = part.vocabularySize ?? 0;
  const own = writer.under('cls.predictions.');
  own.add('head', 'bias', [vocabulary]);
  own.linear('head', 'transform.dense', part.hiddenSize, width, true);
  own.as('head').norm('transform.LayerNorm', width, true);
  if (!tied) own.add('head', 'decoder.weight', [vocabulary, width]);
}

/** The heads that RoBERTa set: one transformation, then the vocabulary or the classes. `pooler` is written for the bare model. */
export function writeRobertaHeads(part: ModelPart, writer: TensorWriter, top: Top, pooler?: string): void {
  const hidden = part.hiddenSize;
  const vocabulary = part.vocabularySize ?? 0;
  const { task, tied } = top;
  if (task.kind === 'base' && pooler !== undefined) writer.linear('head', pooler, hidden, hidden, true);
  if (predictsTokens(top)) {
    writer.add('head', 'lm_head.bias', [vocabulary]);
    writer.linear('head', 'lm_head.dense', hidden, hidden, true);
    writer.as('head').norm('lm_head.layer_norm', hidden, true);
    if (!tied) writer.add('head', 'lm_head.decoder.weight', [vocabulary, hidden]);
  }
  if (task.kind === 'sequence-classification') writeClassificationHead(part, writer, 'classifier', task.labels);
  writeTokenHeads(part, writer, top);
}

export function writeClassificationHead(part: ModelPart, writer: TensorWriter, name: string, labels: number): void {
  writer.linear('head', `${name}.dense`, part.hiddenSize, part.hiddenSize, true);
  writer.linear('head', `${name}.out_proj`, part.hiddenSize, labels, true);
}
