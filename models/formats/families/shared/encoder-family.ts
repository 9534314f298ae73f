import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import { readTransformer } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { TensorWriter } from '../../tensors/tensor-table';
import type { Computation } from './computation';
import type { DecoderLayout } from './decoder-layout';
import { writeDecoder } from './layout-tensors';
import { bertPredictions } from './encoder-heads';
import { sizeOf, type StackFamily } from './family';
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
  readonly layout?: DecoderLayout;
  /** What is computed, where layout and description leave it open; norms stand behind the sums. A row with a layout and `run` runs. */
  readonly computes?: Computation;
  /** Written instead of what a layout writes, if no layout fits. */
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
      const heads = reader.has('num_key_value_heads') ? reader.integerAt('num_attention_heads', 0) : undefined;
      const part = readTransformer(reader, {
        family: row.id,
        role: 'encoder',
        causal: flagOf(reader, 'is_decoder'),
        // The classes have as many key/value heads as heads, whatever a file says of them.
        ...(heads === undefined ? {} : { kvHeads: heads }),
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
    ...(row.layout === undefined
      ? {}
      : {
          tensors: row.tensors ?? writeDecoder(row.layout),
          stack: { layout: row.layout, computes: { norms: ['attention.sum', 'network.sum'], ...row.computes } },
        }),
  };
}

export const typeTable = {
  name: 'embeddings.token_type_embeddings',
  rows: (part: ModelPart): number => sizeOf(part, 'type_vocab_size') ?? 0,
};

/** BERT's layers, in the names of the original checkpoint. */
export const bertLayout: DecoderLayout = {
  root: 'bert.',
  embedding: 'embeddings.word_embeddings',
  positions: { name: 'embeddings.position_embeddings' },
  types: [typeTable],
  embeddingNorm: 'embeddings.LayerNorm',
  layer: 'encoder.layer.{layer}.',
  attention: {
    prefix: 'attention.',
    projections: ['self.query', 'self.key', 'self.value'],
    output: 'output.dense',
    inputBias: true,
    outputBias: true,
  },
  cross: { prefix: 'crossattention.', norm: 'crossattention.output.LayerNorm' },
  mlp: { prefix: '', inputs: ['intermediate.dense'], output: 'output.dense', bias: true },
  norms: ['attention.output.LayerNorm', 'output.LayerNorm'],
  normBias: true,
  heads: { predictions: bertPredictions },
};
