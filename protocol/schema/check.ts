/**
 * The one way in for what crosses a border: a schema, and a value or a text that may come from anywhere. What is wrong is one
 * sentence that names the place. Nothing is thrown.
 */
import { safeParse, type BaseIssue, type GenericSchema, type InferOutput } from 'valibot';
import { parseJsonText } from '../wire/json-text';
import { printableLine } from '../wire/printable';

/** Takes anything, gives a T. */
export type Schema<T> = GenericSchema<unknown, T>;

/** What a schema gives: results, requests and messages are declared by their schemas alone. */
export type Output<S extends Schema<unknown>> = InferOutput<S>;

export type Checked<T> = { readonly ok: true; readonly result: T } | { readonly ok: false; readonly why: string };

/** What the schema found first. */
export interface Fault {
  /** `rows[3].medianMs`. */
  readonly place: string;
  /** What stands there is missing altogether. */
  readonly missing: boolean;
  /** What it has to be, as a noun: `a text`. One that ends with a full stop is the whole sentence. */
  readonly needed: string;
  readonly given: unknown;
}

const isNot = ({ place, missing, needed }: Fault): string => {
  if (needed.endsWith('.')) return needed;
  return missing ? `${place} is missing.` : `${place} is not ${needed}.`;
};

/** `root`: what the value is called where it is wrong as a whole. `say`: the fault as a sentence, in other words than the usual. */
export function check<T>(
  schema: Schema<T>,
  value: unknown,
  root = 'The value',
  say: (fault: Fault) => string = isNot,
): Checked<T> {
  const { success, output, issues } = safeParse(schema, value, { abortEarly: true });
  return success ? { ok: true, result: output } : { ok: false, why: say(faultOf(issues[0], root)) };
}

/** The text of a file. */
export function parseJson<T>(schema: Schema<T>, text: string): Checked<T> {
  if (text.trim() === '') return { ok: false, why: 'The file is empty.' };
  const parsed = parseJsonText(text);
  return parsed.ok
    ? check(schema, parsed.value, 'The file')
    : { ok: false, why: `The file is not valid JSON: ${parsed.fault}.` };
}

/** Something that is wrong, by the keys that lead to it. */
export interface PlacedFault {
  readonly path: readonly (string | number)[];
  /** What it has to be, as a noun. */
  readonly needed: string;
}

/** All that is wrong with a value, in the order of the schema: for an editor, which shows each in its place. */
export const allFaults = (schema: Schema<unknown>, value: unknown): readonly PlacedFault[] =>
  (safeParse(schema, value).issues ?? []).map(({ path, message }) => ({
    path: (path ?? []).map(({ key }) => (typeof key === 'number' ? key : String(key))),
    needed: message,
  }));

function faultOf({ path, type, message, input }: BaseIssue<unknown>, root: string): Fault {
  const keys = (path ?? []).map(({ key }) => key);
  return {
    place: keys.length === 0 ? root : placeOf(keys),
    missing: type === 'object' && path?.at(-1)?.origin === 'key',
    needed: message,
    given: input,
  };
}

/** Names in a file may fill a page. */
const longestKey = 60;

const placeOf = (keys: readonly unknown[]): string =>
  keys
    .map((key, at) => {
      if (typeof key === 'number') return `[${key}]`;
      const name = printableLine(String(key));
      return `${at === 0 ? '' : '.'}${name.length > longestKey ? `${name.slice(0, longestKey)}…` : name}`;
    })
    .join('');
