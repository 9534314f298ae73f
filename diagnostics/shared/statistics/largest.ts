/** Places of the largest values, largest first; of equals the lowest. */
export function largest(values: ArrayLike<number>, count: number): number[] {
  const found: number[] = [];
  for (let at = 0; at < values.length; at++) {
    const value = values[at] ?? -Infinity;
    if (found.length === count && value <= (values[found.at(-1) ?? 0] ?? -Infinity)) continue;
    let place = found.length;
    while (place > 0 && value > (values[found[place - 1] ?? 0] ?? -Infinity)) place--;
    found.splice(place, 0, at);
    if (found.length > count) found.pop();
  }
  return found;
}
