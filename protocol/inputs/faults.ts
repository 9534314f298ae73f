/** What is wrong with a file that a person gives: part of a sentence, without the file's name and without a full stop. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

export type Row = Readonly<Record<string, unknown>>;

export const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((each) => typeof each === 'string');
