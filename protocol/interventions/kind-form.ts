/** Reads and writes `KIND:…` with a table of kinds. */
import { check, type Schema } from '../schema/check';
import type { InterventionKind, Read } from './kind';

/** What reading and writing a form needs from any kind. */
type Readable = Pick<InterventionKind<{ readonly kind: string }>, 'name' | 'form' | 'example'> & {
  readonly schema: Schema<unknown>;
  parse(text: string): unknown;
  fault?(text: string): string | undefined;
};

/** Undefined if the text names none of the kinds. */
export function readForm<I extends { readonly kind: string }>(
  kinds: Readonly<Record<I['kind'], Readable>>,
  text: string,
): Read<I> | undefined {
  const at = text.indexOf(':');
  const name = text.slice(0, at < 0 ? undefined : at).trim();
  if (!Object.hasOwn(kinds, name)) return undefined;
  const kind = kinds[name as I['kind']];
  const form = at < 0 ? '' : text.slice(at + 1);
  const parsed = kind.parse(form);
  if (!parsed) {
    const why = kind.fault?.(form);
    return { ok: false, why: why ?? `"${form}" is no ${kind.name}. Write ${kind.form}, e.g. ${kind.example}.` };
  }
  const checked = check(
    kind.schema,
    parsed,
    'it',
    ({ place, needed }) => `"${form}" is no ${kind.name}: ${place} is not ${needed}.`,
  );
  return checked.ok ? { ok: true, value: checked.result as I } : checked;
}

export const writtenForm = <I extends { readonly kind: string }>(kind: InterventionKind<I>, one: I): string =>
  `${one.kind}:${kind.print(one)}`;
