import type { ConfigReader } from '../../config/config-reader';
import type { TransformerChoice } from '../../config/transformer';
import { readTransformer } from '../../config/transformer';
import type { ModelPart } from '../../model-description';
import type { Computation } from './computation';
import type { DecoderLayout } from './decoder-layout';
import { writeDecoder } from './layout-tensors';
import type { StackFamily } from './family';
import type { FamilyRow } from './family-row';
import { namesOfRow, readerOfClass, recordedKeys } from './family-row';

interface DecoderRow extends FamilyRow {
  readonly tied?: boolean;
  readonly record?: readonly string[];
  readonly choice?: (reader: ConfigReader) => Partial<TransformerChoice>;
  /** What the family knows of the part beyond the choice. */
  readonly finish?: (part: ModelPart) => ModelPart;
  readonly layout?: DecoderLayout;
  /** What is computed, where layout and description leave it open. A row with a layout and a table of keys (`run`) runs. */
  readonly computes?: Computation;
}

export function decoderFamily(row: DecoderRow): StackFamily {
  return {
    ...namesOfRow(row),
    role: 'decoder',
    tied: row.tied ?? false,
    task: 'causal-lm',
    read: (file) => {
      const reader = readerOfClass(file, row.run);
      const part = readTransformer(reader, {
        family: row.id,
        role: 'decoder',
        record: recordedKeys(row),
        ...row.choice?.(reader),
      });
      return row.finish?.(part) ?? part;
    },
    ...(row.layout === undefined
      ? {}
      : { tensors: writeDecoder(row.layout), stack: { layout: row.layout, computes: row.computes ?? {} } }),
  };
}
