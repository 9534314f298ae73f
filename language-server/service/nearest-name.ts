/** Edits (insert, drop, change, swap of neighbours) between two words, or `limit + 1` as soon as it is more. */
export const editDistance = (left: string, right: string, limit: number): number => {
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

/** The name that a misspelt word is nearest to, within `limit` edits; undefined when none or two are as near. */
export const nearestName = (word: string, names: Iterable<string>, limit: number): string | undefined => {
  let best: string | undefined;
  let distance = limit + 1;
  let tied = false;
  for (const name of names) {
    const next = editDistance(word, name, limit);
    if (next < distance) {
      best = name;
      distance = next;
      tied = false;
    } else if (next === distance && name !== best) tied = true;
  }
  return distance <= limit && !tied ? best : undefined;
};
