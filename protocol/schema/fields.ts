/**
 * The pieces that schemas are made of. Each message says what the value has to be, as a noun ("a text"); check.ts makes the
 * sentence. The size of a list is checked before anything in it is looked at.
 */
import * as v from 'valibot';
import type { Output, Schema } from './check';

type OptionalField<T> = v.ExactOptionalSchema<Schema<T>, undefined>;

/** Every field of T, the optional ones too: a field that no schema names would be dropped without a word. */
export type Fields<T> = {
  readonly [K in keyof T]-?: object extends Pick<T, K> ? OptionalField<Exclude<T[K], undefined>> : Schema<T[K]>;
};

const isTable = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
/** What stands in a value that nobody has looked at yet: for schemas that depend on it. */
export const fieldsIn = (value: unknown): Readonly<Record<string, unknown>> =>
  isTable(value) ? (value as Readonly<Record<string, unknown>>) : {};

/** A size that stands there; 0 where none does. */
export const wholeOf = (value: unknown): number => (Number.isSafeInteger(value) ? Math.max(0, value as number) : 0);

const table = (what: string): Schema<object> => v.custom<object>(isTable, what);

type FieldTable = Readonly<Record<string, Schema<unknown>>>;
type Flat<T> = { [K in keyof T]: T[K] };

/** What the fields of an object are when they have been checked; the sentence of a field is the one that stands in its schema. */
export type FieldsOutput<F> = Flat<
  {
    readonly [K in keyof F as F[K] extends { readonly type: 'exact_optional' } ? never : K]: OutputOf<F[K]>;
  } & {
    readonly [K in keyof F as F[K] extends { readonly type: 'exact_optional' } ? K : never]?: OutputOf<F[K]>;
  }
>;
type OutputOf<S> = S extends Schema<unknown> ? Output<S> : never;

/** Fields that are not named are left out of the result. */
export const object = <F extends FieldTable>(fields: F, what = 'an object'): Schema<FieldsOutput<F>> =>
  v.pipe(table(what), fieldsOf(fields as v.ObjectEntries)) as Schema<unknown> as Schema<FieldsOutput<F>>;

/** One that holds as a whole too: its fields fit together. `what`: what it has to be, as a noun. */
export const ensure = <T>(schema: Schema<T>, holds: (value: T) => boolean, what: string): Schema<T> =>
  v.pipe(schema, v.check(holds, what));

/** The message is that of the missing field, which the library would not ask. */
const fieldsOf = (entries: v.ObjectEntries): v.GenericSchema<object> =>
  v.object(entries, ({ path }) => {
    const schema = entries[String(path?.at(-1)?.key)];
    return (schema && v.safeParse(schema, undefined, { abortEarly: true }).issues?.[0].message) ?? 'a value';
  });

export const optional = <T>(schema: Schema<T>): OptionalField<T> => v.exactOptional(schema);

/** What each schema that `choosing` made chooses among. */
const choices = new WeakMap<object, () => readonly v.GenericSchema[]>();

/**
 * A schema that goes by the value. `among`: what it may be, for those who write all of it down (JSON Schema, build/schemas.mjs);
 * where it goes by a size that the file says, with the largest size.
 */
export function choosing<T>(choose: (value: unknown) => Schema<T>, among: () => readonly Schema<T>[]): Schema<T> {
  const schema: Schema<T> = v.lazy(choose);
  choices.set(schema, among);
  return schema;
}

export const choicesOf = (schema: object): readonly v.GenericSchema[] | undefined => choices.get(schema)?.();

/** One member of such a union. */
export type KindOutput<N extends string, F> = Flat<{ readonly kind: N } & FieldsOutput<F>>;
/** The union, by the fields of its members. */
export type KindsOutput<K> = { [N in keyof K & string]: KindOutput<N, K[N]> }[keyof K & string];

/** A union discriminated by `kind`: the other fields of each. */
export function byKind<K extends Readonly<Record<string, FieldTable>>>(kinds: K): Schema<KindsOutput<K>> {
  const names = Object.keys(kinds);
  const none = object({ kind: oneOf(names) });
  const schemas = new Map<unknown, v.GenericSchema>(
    Object.entries(kinds).map(([kind, fields]) => [
      kind,
      v.pipe(table('an object'), fieldsOf({ kind: v.literal(kind), ...fields })),
    ]),
  );
  return choosing<unknown>(
    (value) => schemas.get(fieldsIn(value)['kind']) ?? none,
    () => [...schemas.values()],
  ) as Schema<KindsOutput<K>>;
}

/** What another schema looks at next. */
export const anything: Schema<unknown> = v.unknown();

/** No text of a result is longer; what a panel shows of one is laid out in a moment. */
const longestText = 2 ** 20;

export const text: Schema<string> = v.pipe(
  v.string('a text'),
  v.maxLength(longestText, `a text of at most ${longestText} characters`),
);

/** Bytes as text: whoever reads it knows how long it has to be. */
export const longText: Schema<string> = v.string('a text');

/** The words with which VS Code explains a field. */
export const said = <T>(schema: Schema<T>, words: string): Schema<T> => v.pipe(schema, v.description(words));

export const filledText: Schema<string> = v.pipe(text, v.minLength(1, 'a non-empty text'));

export const flag: Schema<boolean> = v.boolean('true or false');

export const number: Schema<number> = v.pipe(v.number('a number'), v.finite('a number'));

/**
 * In memory or on its way from a webview, which sends JSON: NaN where nothing was measured, or where what a person has typed is
 * no number yet.
 */
export const anyNumber: Schema<number> = v.pipe(
  v.unknown(),
  v.transform((value) => value ?? Number.NaN),
  v.custom<number>((value) => typeof value === 'number', 'a number'),
);

export const numberFrom = (least: number, most: number, what = `a number from ${least} to ${most}`): Schema<number> =>
  v.pipe(v.number(what), v.minValue(least, what), v.maxValue(most, what));

/** A number of a result: JSON has no NaN, which is written as null and read back. */
export const figure: Schema<number> = v.pipe(
  v.nullable(number),
  v.transform((value) => value ?? Number.NaN),
);

export const wholeFrom = (
  least: number,
  most: number,
  what = `a whole number from ${least} to ${most}`,
): Schema<number> => v.pipe(v.number(what), v.safeInteger(what), v.minValue(least, what), v.maxValue(most, what));

export const whole: Schema<number> = wholeFrom(0, Number.MAX_SAFE_INTEGER, 'a whole number');
export const count: Schema<number> = wholeFrom(1, Number.MAX_SAFE_INTEGER, 'a positive whole number');

export const oneOf = <const T extends string>(options: readonly T[]): Schema<T> =>
  v.picklist(options, `one of ${options.join(', ')}`);

export const exactly = <const T extends string | number | boolean>(value: T, what = JSON.stringify(value)): Schema<T> =>
  v.literal(value, what);

export const orNull = <T>(schema: Schema<T>): Schema<T | null> => v.nullable(schema);

export const either = <A, B>(one: Schema<A>, other: Schema<B>, what: string): Schema<A | B> =>
  v.union([one, other], what);

/** True, or the sentence that says why not. */
export const trueOrWhy: Schema<true | string> = either(exactly(true), text, 'true or a text');

const array = (what: string): Schema<readonly unknown[]> =>
  v.custom<readonly unknown[]>((value) => Array.isArray(value), what);

/** Longer lists are in no result. */
export const mostItems = 2 ** 20;

interface ListSize {
  readonly least?: number;
  readonly most?: number;
}

export const list = <T>(
  item: Schema<T>,
  what = 'a list',
  { least = 0, most = mostItems }: ListSize = {},
): Schema<readonly T[]> =>
  v.pipe(
    array(what),
    v.minLength(least, `${what} that ${least === 1 ? 'is not empty' : `holds ${least} or more`}`),
    v.maxLength(most, `${what} of at most ${most}`),
    v.array(item),
  );

export const listOf = <T>(size: number, item: Schema<T>, what: string): Schema<readonly T[]> =>
  v.pipe(array(what), v.length(size, what), v.array(item));

export const texts: Schema<readonly string[]> = list(text, 'a list of texts');
export const numbers: Schema<readonly number[]> = list(number, 'a list of numbers');
export const wholes: Schema<readonly number[]> = list(whole, 'a list of whole numbers');

export const pair = <A, B>(first: Schema<A>, second: Schema<B>, what: string): Schema<readonly [A, B]> =>
  v.pipe(array(what), v.length(2, what), v.strictTuple([first, second]));

export const triple = <T>(item: Schema<T>, what: string): Schema<readonly [T, T, T]> =>
  v.pipe(array(what), v.length(3, what), v.strictTuple([item, item, item]));

const names = (what: string, most: number) =>
  v.pipe(
    table(what),
    v.check((value) => Object.keys(value).length <= most, `${what} of at most ${most} names`),
  );

/** Values by name. */
export const record = <T>(
  item: Schema<T>,
  what = 'an object',
  { most = 4096 }: Pick<ListSize, 'most'> = {},
): Schema<Readonly<Record<string, T>>> => v.pipe(names(what, most), v.record(v.string(), item));

/** Values by some of the names. */
export const recordOf = <const K extends string, T>(
  keys: readonly K[],
  item: Schema<T>,
): Schema<Readonly<Partial<Record<K, T>>>> =>
  v.pipe(
    table('an object'),
    v.record(v.picklist(keys, `one of ${keys.join(', ')}`), item),
  ) as Schema<unknown> as Schema<Readonly<Partial<Record<K, T>>>>;

/** Settings and the like, whose fields are other people's: they are kept as they are, so far as they stay small. */
const mostValues = 10_000;
const deepest = 32;

export const anyFields: Schema<Readonly<Record<string, unknown>>> = v.pipe(
  v.custom<Readonly<Record<string, unknown>>>(isTable, 'an object'),
  v.check((value) => isSmall(value), `an object of at most ${mostValues} values in ${deepest} levels`),
);

function isSmall(value: unknown): boolean {
  let level: unknown[] = [value];
  let seen = 0;
  for (let depth = 0; level.length > 0; depth++) {
    seen += level.length;
    if (depth > deepest || seen > mostValues) return false;
    level = level.flatMap((each): unknown[] => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return true;
}
