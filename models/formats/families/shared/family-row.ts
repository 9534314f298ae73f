import type { ConfigReader } from '../../config/config-reader';
import type { StackFamily } from './family';
import { baseKeys, type RunKeys } from './run-keys';

/** What every row of a table of families says of its names. */
export interface FamilyRow {
  readonly id: string;
  readonly title: string;
  /** Values of `model_type`. */
  readonly types: readonly string[];
  readonly architectures?: RegExp;
  readonly alone?: RegExp;
  readonly run?: RunKeys;
}

/** Names of a row, as a family has them. */
export function namesOfRow(
  row: FamilyRow,
): Pick<StackFamily, 'kind' | 'id' | 'title' | 'modelTypes' | 'architectures' | 'alone' | 'run'> {
  const { id, title, types: modelTypes } = row;
  return {
    kind: 'stack',
    id,
    title,
    modelTypes,
    ...(row.alone === undefined ? {} : { alone: row.alone }),
    ...(row.architectures === undefined ? {} : { architectures: row.architectures }),
    ...(row.run === undefined ? {} : { run: row.run }),
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
