import type { JsonObject } from './config-reader';

/** Values of a small JSON file; one of another type counts as absent. */
export const number = (object: JsonObject, key: string): number | undefined => {
  const value = object[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
};
export const string = (object: JsonObject, key: string): string | undefined => {
  const value = object[key];
  return typeof value === 'string' ? value : undefined;
};
/** Without the keys that have no value. */
export const given = <T extends object>(object: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };

/** The first of several names for one field under which the object has a number. */
export const numberField = (
  object: JsonObject,
  names: readonly string[],
): { readonly key: string; readonly value: number } | undefined => {
  for (const key of names) {
    const value = number(object, key);
    if (value !== undefined) return { key, value };
  }
  return undefined;
};
