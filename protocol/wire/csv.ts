/**
 * The one writer of CSV. Spreadsheets run a cell that begins with =, +, - or @ as a formula, also behind a tab or a line
 * break (OWASP, "CSV Injection"), and names of models, heads' groups, tokens and files come from other people: such a text
 * gets an apostrophe in front, which they do not show. Numbers are numbers, negative ones too.
 */
export type CsvValue = string | number | undefined;

/** With the full-width forms, which spreadsheets take alike. */
const startsFormula = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

const number = String.raw`[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?`;
/** A number as text, or several in one cell: `-0.5;;2`. */
const numbers = new RegExp(`^(?:${number})?(?:;(?:${number})?)*$`);

const harmless = (text: string): string => (startsFormula.test(text) && !numbers.test(text) ? `'${text}` : text);

function cell(value: CsvValue): string {
  if (value === undefined) return '';
  const text = typeof value === 'number' ? String(value) : harmless(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** RFC 4180, numbers in full precision with a point. */
export const csvText = (lines: readonly (readonly CsvValue[])[]): string =>
  lines.map((values) => `${values.map(cell).join(',')}\r\n`).join('');
