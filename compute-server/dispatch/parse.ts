/**
 * Checks of what comes over the wire. A caller may be an older build, a test or a hand-written script: each refusal names
 * the field and what it takes.
 */
import { check, type Schema } from '../../protocol/schema/check';
import { weightChoice, type WeightChoice } from '../../protocol/inputs/weights';
import { refusal } from '../../protocol/wire/failures';
import { printable } from '../../protocol/wire/printable';

/** What came over the wire, as the schema has it; else the refusal. `root`: what it is called as a whole. */
export function requested<T>(schema: Schema<T>, value: unknown, root = 'the request'): T {
  const checked = check(schema, value, root, ({ place, needed, given }) =>
    needed.endsWith('.') ? needed : `${place} is ${needed}${butIs(given)}`,
  );
  if (!checked.ok) throw refusal(checked.why);
  return checked.result;
}

/** `optional`: arguments that may follow. */
export function countOf(args: readonly unknown[], count: number, method: string, optional = 0): void {
  if (args.length < count || args.length > count + optional)
    throw refusal(`${method} takes ${count} arguments, not ${args.length}`);
}

export function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') throw refusal(`${what} is a text${butIs(value)}`);
  return value;
}

/** A device that may follow the other arguments. */
export const deviceIn = (value: unknown): [device?: string] => (value === undefined ? [] : [textOf(value, 'device')]);

/** The same of how weights are held. */
export const weightsIn = (value: unknown): [weights?: WeightChoice] =>
  value === undefined || value === null ? [] : [requested(weightChoice, value, 'weights')];

/** What was given instead, as the end of a sentence. */
function butIs(value: unknown): string {
  if (value === undefined) return ', and it is missing';
  if (value === null) return ', not null';
  if (Array.isArray(value)) return ', not a list';
  if (typeof value === 'object') return ', not an object';
  if (Number.isNaN(value)) return ', and it is not a number';
  if (typeof value === 'string') return `, not ${printable(JSON.stringify(value).slice(0, 60))}`;
  return typeof value === 'number' || typeof value === 'boolean' ? `, not ${String(value)}` : `, not a ${typeof value}`;
}
