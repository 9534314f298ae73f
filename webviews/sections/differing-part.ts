/** What of a text is not as in another: between the words that both begin with and those that both end with. */
export function differingPart(other: string, text: string): readonly [before: string, changed: string, after: string] {
  const a = other.split(/(?<=\s)/);
  const b = text.split(/(?<=\s)/);
  const shortest = Math.min(a.length, b.length);
  let start = 0;
  while (start < shortest && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < shortest - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  return [b.slice(0, start).join(''), b.slice(start, b.length - end).join(''), b.slice(b.length - end).join('')];
}
