/**
 * Tensors of a base model by the names that an adapter gives its modules. An adapter names modules of a class (`transformer.h.0`,
 * `model.language_model.layers.0`), a checkpoint may be of the class inside it (`h.0`) or of an earlier transformers (`model.layers.0`).
 */

/** Modules that hold the model itself, which versions and classes of transformers add, leave out or swap. */
const holders: ReadonlySet<string> = new Set(['base_model', 'model', 'transformer', 'language_model']);

const coreOf = (name: string): string =>
  name
    .split('.')
    .filter((part) => !holders.has(part))
    .join('.');

/** What follows each point of a name, the name itself left out. */
const endingsOf = (name: string): readonly string[] =>
  [...name.matchAll(/\./g)].map(({ index }) => name.slice(index + 1));

/** Whether a target of an adapter means a module: by its name, or by what follows one of its points (PEFT). */
export const isNamed = (module: string, target: string): boolean => module === target || module.endsWith(`.${target}`);

/** All targets that mean one of these modules. */
export const targetsOf = (modules: readonly string[]): ReadonlySet<string> =>
  new Set(modules.flatMap((module) => [module, ...endingsOf(module)]));

/** Undefined for a key that two names share. */
function unique(
  names: Iterable<string>,
  keysOf: (name: string) => readonly string[],
): (key: string) => string | undefined {
  const found = new Map<string, string | undefined>();
  for (const name of names) for (const key of keysOf(name)) found.set(key, found.has(key) ? undefined : name);
  return (key) => found.get(key);
}

/** The stored name of a tensor that an adapter names; undefined where there is none, or more than one that it could be. */
export function baseNames(stored: ReadonlySet<string>): (name: string) => string | undefined {
  const byCore = unique(stored, (name) => [coreOf(name)]);
  let byEnding: ReturnType<typeof unique> | undefined;
  return (name) => {
    if (stored.has(name)) return name;
    byEnding ??= unique(stored, endingsOf);
    // A last name alone (`weight`, `score.weight`) says too little.
    const inner = endingsOf(name).find((ending) => ending.split('.').length > 2 && stored.has(ending));
    return byCore(coreOf(name)) ?? inner ?? byEnding(name);
  };
}
