import type { ConfigReader, Defaults, JsonObject } from '../../config/config-reader';
import type { StackFamily } from './family';
import { baseKeys, type RunKeys } from './run-keys';

/** The defaults were read from the configuration classes of this release. */
export const transformers = 'transformers 4.57';
/** Of the classes that came later: read from the main branch on 2026-11-28. */
export const transformers5 = 'transformers 5';
/** Published with code of its own: the files give every size, and there are few defaults beside. */
export const remoteCode = '(remote code)';

/** Where a default is from: a class of a release; a name of several words says it itself (`(InternVL) InternVLChatConfig`). */
export const sourceOf = (className: string, release = transformers): string =>
  className.includes(' ') ? className : `${release} ${className}`;

/** What every row of a table of families says of its names and defaults. */
export interface FamilyRow {
  readonly id: string;
  readonly title: string;
  /** Where the defaults were read, when it is not the release above. */
  readonly release?: string;
  /** model_type -> configuration class and its defaults. */
  readonly types: Readonly<Record<string, readonly [className: string, values: JsonObject]>>;
  readonly architectures?: RegExp;
  readonly run?: RunKeys;
}

/** Names and defaults of a row, as a family has them; a type that has none of its own takes those of the first. */
export function namesOfRow(
  row: FamilyRow,
): Pick<StackFamily, 'kind' | 'id' | 'title' | 'modelTypes' | 'architectures' | 'run' | 'defaults'> {
  const modelTypes = Object.keys(row.types);
  return {
    kind: 'stack',
    id: row.id,
    title: row.title,
    modelTypes,
    ...(row.architectures === undefined ? {} : { architectures: row.architectures }),
    ...(row.run === undefined ? {} : { run: row.run }),
    defaults: (modelType): Defaults | undefined => {
      const entry = row.types[modelType ?? ''] ?? row.types[modelTypes[0] ?? ''];
      return entry === undefined ? undefined : { from: sourceOf(entry[0], row.release), values: entry[1] };
    },
  };
}

/** The keys that a family reads so that `fields` holds their effective values: those of the row, and all that a run follows. */
export function recordedKeys(row: { readonly record?: readonly string[]; readonly run?: RunKeys }): readonly string[] {
  const followed = Object.entries(row.run ?? {}).filter(([, { kind }]) => kind === 'honoured');
  return [...new Set([...(row.record ?? []), ...followed.map(([key]) => key)])];
}

/** The file as the class of a family reads it, where the table of its keys is known. */
export const readerOfClass = (reader: ConfigReader, run: RunKeys | undefined): ConfigReader =>
  run === undefined ? reader : reader.ofClass((key) => Object.hasOwn(run, key) || Object.hasOwn(baseKeys, key));
