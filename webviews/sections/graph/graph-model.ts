/** Which edges of a graph are kept at a threshold, and how the arrow keys walk along them. */
import type { GraphEdge, GraphNode, GraphSection } from '../../../protocol/sections/graph';

export interface KeptEdge extends GraphEdge {
  /** Place among all edges of the section. */
  readonly at: number;
}

export interface KeptGraph {
  readonly nodes: ReadonlyMap<string, GraphNode>;
  /** Strongest first. */
  readonly edges: readonly KeptEdge[];
  /** Nodes with an edge that is kept. */
  readonly touched: ReadonlySet<string>;
  readonly strongest: number;
  /** Edges with both ends in the graph. */
  readonly total: number;
}

/** Edges whose ends are not among the nodes are left out. */
export function keptGraph({ nodes, edges }: GraphSection, threshold: number): KeptGraph {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const whole = edges
    .map((edge, at): KeptEdge => ({ ...edge, at }))
    .filter(({ from, to }) => known.has(from) && known.has(to));
  const kept = whole
    .filter(({ weight }) => Math.abs(weight) >= threshold)
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight));
  return {
    nodes: known,
    edges: kept,
    touched: new Set(kept.flatMap(({ from, to }) => [from, to])),
    strongest: strongestOf(whole),
    total: whole.length,
  };
}

export const strongestOf = (edges: readonly GraphEdge[]): number =>
  edges.reduce((most, { weight }) => (Number.isFinite(weight) ? Math.max(most, Math.abs(weight)) : most), 0);

/** `node <id>`, or `edge <place> <from|to>`: the end that the edge was entered from. */
export type GraphCursor =
  | { readonly kind: 'node'; readonly id: string }
  | { readonly kind: 'edge'; readonly at: number; readonly entered: 'from' | 'to' };

export const cursorKey = (cursor: GraphCursor): string =>
  cursor.kind === 'node' ? `node ${cursor.id}` : `edge ${cursor.at} ${cursor.entered}`;

export function parseCursor(key: string): GraphCursor | undefined {
  if (key.startsWith('node ')) return { kind: 'node', id: key.slice(5) };
  const found = /^edge (\d+) (from|to)$/.exec(key);
  return found ? { kind: 'edge', at: Number(found[1]), entered: found[2] === 'from' ? 'from' : 'to' } : undefined;
}

/**
 * The embedding is below, the logits above. From a node, up and down enter its strongest edge, left and right go to the next
 * node of its layer; on an edge, left and right go to its siblings, strongest first, and up and down to its ends.
 */
export function moveInGraph(graph: KeptGraph, cursor: GraphCursor, key: string): GraphCursor | undefined {
  return cursor.kind === 'node' ? fromNode(graph, cursor.id, key) : fromEdge(graph, cursor, key);
}

function fromNode({ nodes, edges, touched }: KeptGraph, id: string, key: string): GraphCursor | undefined {
  const here = nodes.get(id);
  if (!here) return undefined;
  if (key === 'ArrowUp' || key === 'ArrowDown') {
    const entered = key === 'ArrowUp' ? 'from' : 'to';
    const edge = edges.find((one) => one[entered] === id);
    return edge ? { kind: 'edge', at: edge.at, entered } : { kind: 'node', id };
  }
  const fellows = [...nodes.values()]
    .filter((node) => node.layer === here.layer && (touched.has(node.id) || node.id === id))
    .sort((a, b) => a.column - b.column);
  const at = fellows.findIndex((node) => node.id === id);
  const moves: Readonly<Record<string, number>> = {
    ArrowLeft: Math.max(0, at - 1),
    ArrowRight: Math.min(fellows.length - 1, at + 1),
    Home: 0,
    End: fellows.length - 1,
  };
  const to = fellows[moves[key] ?? -1];
  return to && { kind: 'node', id: to.id };
}

function fromEdge(
  { edges }: KeptGraph,
  { at, entered }: Extract<GraphCursor, { kind: 'edge' }>,
  key: string,
): GraphCursor | undefined {
  const here = edges.find((edge) => edge.at === at);
  if (!here) return undefined;
  if (key === 'ArrowUp') return { kind: 'node', id: here.to };
  if (key === 'ArrowDown') return { kind: 'node', id: here.from };
  const siblings = edges.filter((edge) => edge[entered] === here[entered]);
  const place = siblings.findIndex((edge) => edge.at === at);
  const moves: Readonly<Record<string, number>> = {
    ArrowLeft: Math.max(0, place - 1),
    ArrowRight: Math.min(siblings.length - 1, place + 1),
    Home: 0,
    End: siblings.length - 1,
  };
  const to = siblings[moves[key] ?? -1];
  return to && { kind: 'edge', at: to.at, entered };
}
