/** Edits (insert, drop, change, swap of neighbours) between two words, or `limit + 1` as soon as it is more. */
const editDistance = (left: string, right: string, limit: number): number => {
  if (Math.abs(left.length - right.length) > limit) return limit + 1;
  let before: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    let best = row;
    for (let column = 1; column <= right.length; column += 1) {
      const same = left[row - 1] === right[column - 1];
      let cost = Math.min(
        (previous[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (previous[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]) {
        cost = Math.min(cost, (before[column - 2] ?? 0) + 1);
      }
      current.push(cost);
      best = Math.min(best, cost);
    }
    if (best > limit) return limit + 1;
    before = previous;
    previous = current;
  }
  return previous[right.length] ?? limit + 1;
};

/** The characters of a word, as bits of a number: those that only one of two words has need an edit each, a change mends two. */
const lettersOf = (word: string): number => {
  let letters = 0;
  for (let index = 0; index < word.length; index += 1) letters |= 1 << (word.charCodeAt(index) & 31);
  return letters;
};

const known = new Map<string, number>();
/** Names are constants of the checks, and few; words of files are not kept. */
const lettersOfName = (name: string): number => {
  const letters = known.get(name) ?? lettersOf(name);
  if (known.size < 5000) known.set(name, letters);
  return letters;
};

const countBits = (bits: number): number => {
  let count = 0;
  for (let rest = bits; rest !== 0; rest &= rest - 1) count += 1;
  return count;
};

/** The name that a misspelt word is nearest to, within `limit` edits; undefined when none or two are as near. */
export const nearestName = (word: string, names: Iterable<string>, limit: number): string | undefined => {
  const letters = lettersOf(word);
  let best: string | undefined;
  let distance = limit + 1;
  let tied = false;
  for (const name of names) {
    if (countBits(letters ^ lettersOfName(name)) > 2 * limit) continue;
    const next = editDistance(word, name, limit);
    if (next < distance) {
      best = name;
      distance = next;
      tied = false;
    } else if (next === distance && name !== best) tied = true;
  }
  return distance <= limit && !tied ? best : undefined;
};

/** Small letters and digits alone: what stays of a name when capitals, hyphens and underscores are written otherwise. */
export const plainLetters = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '');

/**
 * Whether a word is a known name but for one edit, and has the same digits: those tell names apart that are no slips of one
 * another (float16 and float64, llama3 and llama2).
 */
export const isOneSlip = (word: string, name: string): boolean =>
  word.replace(/\D/g, '') === name.replace(/\D/g, '') && editDistance(word.toLowerCase(), name.toLowerCase(), 1) <= 1;

/** The same letters written otherwise, or a single slip: no other name can be meant. */
export const isSurely = (word: string, name: string): boolean =>
  plainLetters(word) === plainLetters(name) || isOneSlip(word, name);
