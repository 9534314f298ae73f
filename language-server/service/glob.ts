/**
 * Patterns for paths. By hand, and not by a library: those make regular expressions, and one of a dozen stars, which a foreign
 * repository may bring, takes them longer than anyone waits. Here the time grows with the product of both lengths.
 */

/**
 * Whether a list is of a pattern in which `star` stands for any number of items. Of several stars the last one decides: what
 * follows it may begin at any item from here on.
 */
function matches(
  pattern: ArrayLike<string>,
  items: ArrayLike<string>,
  star: string,
  fits: (wanted: string, item: string) => boolean,
): boolean {
  let [at, seen] = [0, 0];
  let last = -1;
  let resumed = 0;
  while (seen < items.length) {
    if (pattern[at] === star) {
      last = at;
      resumed = seen;
      at += 1;
    } else if (at < pattern.length && fits(pattern[at] ?? '', items[seen] ?? '')) {
      at += 1;
      seen += 1;
    } else if (last >= 0) {
      // The last star takes one item more.
      at = last + 1;
      resumed += 1;
      seen = resumed;
    } else return false;
  }
  while (pattern[at] === star) at += 1;
  return at === pattern.length;
}

/** A name of a path, without its slashes, by a pattern of `*` and `?`. */
const nameMatches = (pattern: string, name: string): boolean =>
  matches(pattern, name, '*', (wanted, letter) => wanted === '?' || wanted === letter);

const pathMatches = (pattern: readonly string[], names: readonly string[]): boolean =>
  matches(pattern, names, '**', nameMatches);

/** What is wrong with a pattern, as a sentence; undefined of a good one. */
export const patternFault = (pattern: string): string | undefined => {
  if (/[\\{}[\]!]/.test(pattern))
    return 'A pattern has names, / between them, and *, ** and ? for what may differ; other signs mean nothing.';
  if (pattern.startsWith('/') || /^[A-Za-z]:/.test(pattern) || pattern.split('/').includes('..'))
    return 'A pattern is relative to the folder of this file and stays inside it.';
  return undefined;
};

/**
 * Whether a path is named by a pattern, or lies in a folder that is. Both are relative to the same folder, with `/` between
 * names. A pattern without a slash names files and folders at every depth, as in a .gitignore.
 */
export const isNamedBy = (pattern: string, path: string): boolean => {
  const plain = pattern.replace(/^\.\//, '').replace(/\/+$/, '');
  const steps = plain.split('/');
  const whole = steps.length === 1 ? ['**', ...steps] : steps;
  const names = path.split('/');
  return names.some((_, index) => pathMatches(whole, names.slice(0, index + 1)));
};
