import type { ConfigReader, Defaults, JsonObject } from '../config/config-reader';
import type { TransformerChoice } from '../config/transformer';
import { readTransformer } from '../config/transformer';
import type { DecoderLayout } from './decoder-layout';
import { writeDecoder } from './decoder-layout';
import type { StackFamily } from './family';

/** The defaults were read from the configuration classes of this release. */
export const transformers = 'transformers 4.57';
/** Of the classes that came later: read from the main branch on 2026-11-28. */
export const transformers5 = 'transformers 5';
/** Published with code of its own: the files give every size, and there are few defaults beside. */
export const remoteCode = '(remote code)';

interface DecoderRow {
  readonly id: string;
  readonly title: string;
  /** Where the defaults were read, when it is not the release above. */
  readonly release?: string;
  /** model_type -> configuration class and its defaults. */
  readonly types: Readonly<Record<string, readonly [className: string, values: JsonObject]>>;
  readonly architectures?: RegExp;
  readonly tied?: boolean;
  readonly record?: readonly string[];
  readonly choice?: (reader: ConfigReader) => Partial<TransformerChoice>;
  readonly layout?: DecoderLayout;
}

export function decoderFamily(row: DecoderRow): StackFamily {
  const modelTypes = Object.keys(row.types);
  return {
    kind: 'stack',
    id: row.id,
    title: row.title,
    modelTypes,
    ...(row.architectures === undefined ? {} : { architectures: row.architectures }),
    role: 'decoder',
    tied: row.tied ?? false,
    task: 'causal-lm',
    defaults: (modelType): Defaults | undefined => {
      const entry = row.types[modelType ?? ''] ?? row.types[modelTypes[0] ?? ''];
      return entry === undefined ? undefined : { from: `${row.release ?? transformers} ${entry[0]}`, values: entry[1] };
    },
    read: (reader) =>
      readTransformer(reader, {
        family: row.id,
        role: 'decoder',
        ...(row.record === undefined ? {} : { record: row.record }),
        ...row.choice?.(reader),
      }),
    ...(row.layout === undefined ? {} : { tensors: writeDecoder(row.layout) }),
  };
}
