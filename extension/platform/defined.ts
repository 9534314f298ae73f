type Optional<T> = { [K in keyof T]: undefined extends T[K] ? K : never }[keyof T];

export type Defined<T> = Omit<T, Optional<T>> & { readonly [K in Optional<T>]?: Exclude<T[K], undefined> };

/** The object without what is undefined: a message has a property or lacks it. */
export const defined = <T extends object>(values: T): Defined<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
