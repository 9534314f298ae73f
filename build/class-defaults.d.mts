import type { ClassTable } from '../models/formats/config/class-defaults';

export interface ClassSource {
  readonly transformers: string;
  readonly types: Readonly<
    Record<
      string,
      {
        readonly class: string;
        readonly defaults: Readonly<Record<string, unknown>>;
        readonly aliases: Readonly<Record<string, string>>;
      }
    >
  >;
}
export const tableFile: string;
export function valueAt(types: ClassSource['types'], path: string, key: string): unknown;
export function refreshed(table: ClassTable, source: ClassSource, added?: readonly string[]): ClassTable;
export function textOf(table: ClassTable): string;
