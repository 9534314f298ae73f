/**
 * What is drawn of a circuit: a closed group stands for its members, and its edges are the sums of theirs. Pure.
 */
import type { Circuit, CircuitEdge, CircuitGroup, CircuitMark, CircuitNode } from './circuit-file';
import { layOut, type LayerLine, type Point } from './layout';

export interface ShownNode extends Point {
  readonly id: string;
  /** `group`: a closed one. */
  readonly kind: CircuitNode['kind'] | 'group';
  /** The name that a person gave it, else the label of the analysis. */
  readonly name: string;
  readonly label: string;
  readonly note?: string;
  readonly pinned: boolean;
  /** Of a node; NaN for a group, whose members' effects do not add up. */
  readonly weight: number;
  /** A person has put it there. */
  readonly placed: boolean;
  /** Ids of the nodes that it stands for: itself, or all inside the group. */
  readonly of: readonly string[];
  readonly fresh: boolean;
  /** ISO time of the last run that found it; of a group: none of its members was found again. */
  readonly gone?: string;
}

export interface ShownEdge {
  readonly from: string;
  readonly to: string;
  readonly input?: CircuitEdge['input'];
  /** Of one edge its weight; of several their sum, so that opposite ones cancel. */
  readonly weight: number;
  /** How many edges were added. */
  readonly count: number;
  /** It begins or ends at a closed group, or stands for several. */
  readonly summed: boolean;
  readonly fresh: boolean;
  readonly gone?: string;
}

/** The frame of an open group around what it holds. */
interface ShownFrame {
  readonly id: string;
  readonly name: string;
  /** Ids of the drawn nodes inside. */
  readonly around: readonly string[];
}

export interface ShownCircuit {
  readonly nodes: readonly ShownNode[];
  readonly edges: readonly ShownEdge[];
  readonly frames: readonly ShownFrame[];
  readonly lines: readonly LayerLine[];
  /** Edges between members of one closed group. */
  readonly inside: number;
}

export const parentsOf = (groups: readonly CircuitGroup[]): ReadonlyMap<string, string> =>
  new Map(groups.flatMap(({ id, members }) => members.map((member) => [member, id] as const)));

/** By id of node or group: the outermost closed group that it is in, or itself. */
function shownAs({ nodes, groups }: Pick<Circuit, 'nodes' | 'groups'>): (id: string) => string {
  const parents = parentsOf(groups);
  const open = new Set(groups.filter((one) => one.open).map(({ id }) => id));
  const known = new Map<string, string>();
  const find = (id: string): string => {
    let at = id;
    let shown = id;
    for (;;) {
      const parent = parents.get(at);
      if (parent === undefined) return shown;
      if (!open.has(parent)) shown = parent;
      at = parent;
    }
  };
  for (const { id } of [...nodes, ...groups]) known.set(id, find(id));
  return (id) => known.get(id) ?? id;
}

export function shownCircuit(circuit: Circuit): ShownCircuit {
  const { nodes, groups } = circuit;
  const as = shownAs(circuit);
  const { places, lines } = layOut(circuit);
  const marks = new Map(circuit.marks.map((mark) => [mark.of, mark]));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const pointOf = (id: string): Point => marks.get(id)?.at ?? places.get(id) ?? { x: 0, y: 0 };
  const inside = new Map<string, string[]>();
  for (const { id } of nodes) {
    const shown = as(id);
    const known = inside.get(shown);
    if (known) known.push(id);
    else inside.set(shown, [id]);
  }
  const shownNodes = [
    ...nodes.filter(({ id }) => as(id) === id).map((node) => shownNode(node, marks.get(node.id), pointOf(node.id))),
    ...groups
      .filter(({ id, open }) => !open && as(id) === id)
      .map((group) => {
        const of = inside.get(group.id) ?? [];
        return shownGroup(
          group,
          marks.get(group.id),
          of.flatMap((id) => byId.get(id) ?? []),
          of.map(pointOf),
        );
      }),
  ];
  const frames = groups
    .filter(({ open }) => open)
    .map(({ id, name, members }) => ({ id, name, around: within(members, groups).map(as) }))
    .filter(({ id }) => as(id) === id)
    .map((frame) => ({ ...frame, around: [...new Set(frame.around)] }));
  return { nodes: shownNodes, frames, lines, ...shownEdges(circuit.edges, as, new Set(groups.map(({ id }) => id))) };
}

const shownNode = (node: CircuitNode, mark: CircuitMark | undefined, at: Point): ShownNode => ({
  id: node.id,
  kind: node.kind,
  name: mark?.name ?? node.label,
  label: node.label,
  ...(mark?.note === undefined ? {} : { note: mark.note }),
  pinned: mark?.pinned === true,
  weight: node.weight,
  placed: mark?.at !== undefined,
  of: [node.id],
  fresh: node.fresh === true,
  ...(node.gone === undefined ? {} : { gone: node.gone }),
  ...at,
});

/** It stands in the middle of its members until it is moved. */
function shownGroup(
  { id, name }: CircuitGroup,
  mark: CircuitMark | undefined,
  members: readonly CircuitNode[],
  points: readonly Point[],
): ShownNode {
  const mean = (pick: (point: Point) => number): number =>
    Math.round(points.reduce((sum, point) => sum + pick(point), 0) / Math.max(1, points.length));
  const times = members.flatMap(({ gone }) => gone ?? []).sort();
  const gone = times.length === members.length ? times.at(-1) : undefined;
  return {
    id,
    kind: 'group',
    name,
    label: `${members.length} ${members.length === 1 ? 'node' : 'nodes'}`,
    ...(mark?.note === undefined ? {} : { note: mark.note }),
    pinned: mark?.pinned === true,
    weight: Number.NaN,
    placed: mark?.at !== undefined,
    of: members.map((member) => member.id),
    fresh: members.some(({ fresh }) => fresh),
    ...(gone === undefined ? {} : { gone }),
    ...(mark?.at ?? { x: mean(({ x }) => x), y: mean(({ y }) => y) }),
  };
}

/** Ids of all nodes in these members and the groups among them. */
function within(members: readonly string[], groups: readonly CircuitGroup[]): readonly string[] {
  const byId = new Map(groups.map((group) => [group.id, group.members]));
  return members.flatMap((id) => {
    const inner = byId.get(id);
    return inner ? within(inner, groups) : [id];
  });
}

function shownEdges(
  edges: readonly CircuitEdge[],
  as: (id: string) => string,
  groups: ReadonlySet<string>,
): { readonly edges: readonly ShownEdge[]; readonly inside: number } {
  const single: ShownEdge[] = [];
  const sums = new Map<string, { edge: ShownEdge; weight: number; count: number; fresh: boolean }>();
  let inside = 0;
  for (const { from, to, input, weight, fresh, gone } of edges) {
    const [a, b] = [as(from), as(to)];
    if (!groups.has(a) && !groups.has(b)) {
      const more = { ...(input === undefined ? {} : { input }), ...(gone === undefined ? {} : { gone }) };
      single.push({ from: a, to: b, weight, count: 1, summed: false, fresh: fresh === true, ...more });
      continue;
    }
    if (a === b) {
      inside += 1;
      continue;
    }
    // What is gone was measured by another run: it is a sum of its own.
    const key = JSON.stringify([a, b, gone !== undefined]);
    const known = sums.get(key);
    if (known) {
      known.weight += weight;
      known.count += 1;
      known.fresh ||= fresh === true;
    } else {
      const edge = {
        from: a,
        to: b,
        weight,
        count: 1,
        summed: true,
        fresh: false,
        ...(gone === undefined ? {} : { gone }),
      };
      sums.set(key, { edge, weight, count: 1, fresh: fresh === true });
    }
  }
  const summed = [...sums.values()].map(({ edge, weight, count, fresh }) => ({ ...edge, weight, count, fresh }));
  return { edges: [...single, ...summed], inside };
}
