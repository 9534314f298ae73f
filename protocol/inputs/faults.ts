import { check, type Schema } from '../schema/check';

/** What is wrong with a file that a person gives: part of a sentence, without the file's name and without a full stop. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

export type Row = Readonly<Record<string, unknown>>;

export const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value as the schema has it; else what is wrong with it. */
export function given<T>(schema: Schema<T>, value: unknown): T {
  const checked = check(schema, value, 'it');
  if (!checked.ok) throw new InputError(checked.why.replace(/\.$/, ''));
  return checked.result;
}
