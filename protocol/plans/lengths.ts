/** Lengths at which the caches of a plan are counted. */

/** Lengths that a table or a chart has at least, where a context is shorter than all that are usual. */
const least = 3;

/**
 * Those of the `usual` lengths, rising, that the model can read: up to the context, and the context itself where it is shorter than the
 * longest of them. Of a short context also its half, its quarter and so on. All of them where no context is known.
 */
export function lengthsWithin(usual: readonly number[], contextLength: number | undefined): readonly number[] {
  if (contextLength === undefined || contextLength >= (usual.at(-1) ?? 0)) return usual;
  const within = new Set([...usual.filter((length) => length < contextLength), contextLength]);
  for (let part = 2; within.size < least && contextLength / part >= 1; part *= 2) {
    within.add(Math.floor(contextLength / part));
  }
  return [...within].sort((a, b) => a - b);
}
