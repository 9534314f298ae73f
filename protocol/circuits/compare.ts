/** Two circuits beside each other, by the ids of their nodes. What the last run of either did not find again counts as absent. Pure. */
import { edgeKey, type Circuit, type CircuitEdge, type CircuitNode } from './circuit-file';

interface EdgeDifference {
  readonly edge: CircuitEdge;
  /** NaN where the circuit does not have the edge. */
  readonly here: number;
  readonly there: number;
  /** here - there, an absent edge counted as 0. */
  readonly difference: number;
}

export interface CircuitDifference {
  readonly onlyHere: readonly CircuitNode[];
  readonly onlyThere: readonly CircuitNode[];
  /** Largest absolute difference first; edges of equal weight are left out. */
  readonly edges: readonly EdgeDifference[];
  readonly same: number;
}

const found = <T extends { readonly gone?: string }>(of: readonly T[]): readonly T[] =>
  of.filter(({ gone }) => gone === undefined);

/** Parallel edges of one input are added up. */
function weights(edges: readonly CircuitEdge[]): ReadonlyMap<string, CircuitEdge> {
  const sums = new Map<string, CircuitEdge>();
  for (const edge of found(edges)) {
    const key = edgeKey(edge);
    const known = sums.get(key);
    sums.set(key, known ? { ...known, weight: known.weight + edge.weight } : edge);
  }
  return sums;
}

export function circuitDifference(one: Circuit, other: Circuit): CircuitDifference {
  const [nodes, others] = [found(one.nodes), found(other.nodes)];
  const [ids, otherIds] = [new Set(nodes.map(({ id }) => id)), new Set(others.map(({ id }) => id))];
  const [here, there] = [weights(one.edges), weights(other.edges)];
  const differing: EdgeDifference[] = [];
  let same = 0;
  for (const key of new Set([...here.keys(), ...there.keys()])) {
    const [a, b] = [here.get(key), there.get(key)];
    const edge = a ?? b;
    if (!edge) continue;
    const difference = (a?.weight ?? 0) - (b?.weight ?? 0);
    if (a && b && (difference === 0 || Number.isNaN(difference))) same += 1;
    else differing.push({ edge, here: a?.weight ?? Number.NaN, there: b?.weight ?? Number.NaN, difference });
  }
  return {
    onlyHere: nodes.filter(({ id }) => !otherIds.has(id)),
    onlyThere: others.filter(({ id }) => !ids.has(id)),
    edges: differing.sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference)),
    same,
  };
}

/** Why the weights of the two are no like quantities; undefined where they are. */
export const whyUnlike = (one: Circuit, other: Circuit): string | undefined =>
  one.unit === other.unit && one.definition === other.definition
    ? undefined
    : 'Their weights are defined differently, so differences of weights are not shown. Compare circuits of one analysis with the same settings.';

/** Both circuits in one, arranged as the first: the weight of an edge is here - there, so that the sums of groups are differences, too. */
export function differenceCircuit(one: Circuit, other: Circuit, difference: CircuitDifference): Circuit {
  const groups = new Set(one.groups.map(({ id }) => id));
  const added = difference.onlyThere.filter(({ id }) => !groups.has(id) && one.nodes.every((node) => node.id !== id));
  const nodes = [...one.nodes, ...added];
  const known = new Set(nodes.map(({ id }) => id));
  return {
    ...one,
    threshold: Math.min(one.threshold, other.threshold),
    nodes,
    edges: difference.edges
      .filter(({ edge }) => known.has(edge.from) && known.has(edge.to))
      .map(({ edge, difference: weight }) => ({ ...edge, weight })),
  };
}
