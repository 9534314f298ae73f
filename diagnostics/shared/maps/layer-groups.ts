/** Layers that are read in one run, so that what is kept of them fits into memory. */

/** Bytes of a group at most; a single layer may be more. */
const mostBytes = 2 ** 28;

/** `bytes`: what is kept of each layer. */
export function layerGroups(bytes: readonly number[]): readonly (readonly number[])[] {
  const groups: number[][] = [];
  let held = Infinity;
  bytes.forEach((own, layer) => {
    held += own;
    if (held > mostBytes) {
      groups.push([layer]);
      held = own;
    } else groups.at(-1)?.push(layer);
  });
  return groups;
}

/** Bytes that the largest group holds. */
export const groupBytes = (bytes: readonly number[]): number =>
  Math.max(0, ...layerGroups(bytes).map((group) => group.reduce((sum, layer) => sum + (bytes[layer] ?? 0), 0)));
