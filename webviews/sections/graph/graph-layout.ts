/** Where the nodes of a circuit stand: a row for each layer, the embedding below, the logits above. */
import type { GraphNode, GraphSection } from '../../../protocol/sections/graph';

export interface NodePlace {
  readonly node: GraphNode;
  readonly x: number;
  readonly y: number;
}

export interface GraphLayout {
  readonly height: number;
  readonly left: number;
  readonly places: ReadonlyMap<string, NodePlace>;
  readonly layers: readonly { readonly layer: number; readonly y: number }[];
  /** Largest radius at which neighbours do not touch. */
  readonly radius: number;
}

export function layOutGraph({ nodes }: GraphSection, width: number, left: number): GraphLayout {
  const layers = [...new Set(nodes.map(({ layer }) => layer))].sort((a, b) => a - b);
  const pitch = Math.max(18, Math.min(58, 640 / Math.max(1, layers.length)));
  const columns = [...new Set(nodes.filter(spread).map(({ column }) => column))].sort((a, b) => a - b);
  const room = width - left - 24;
  const step = columns.length > 1 ? Math.min(64, room / (columns.length - 1)) : 0;
  const used = step * Math.max(0, columns.length - 1);
  const from = left + 12 + (room - used) / 2;
  const places = new Map<string, NodePlace>();
  const top = 14;
  layers.forEach((layer, at) => {
    const y = top + (layers.length - 1 - at) * pitch;
    for (const node of nodes) {
      if (node.layer !== layer) continue;
      const x = spread(node) ? from + columns.indexOf(node.column) * step : from + used / 2;
      places.set(node.id, { node, x, y });
    }
  });
  return {
    height: top + Math.max(0, layers.length - 1) * pitch + 14,
    left,
    places,
    layers: layers.map((layer, at) => ({ layer, y: top + (layers.length - 1 - at) * pitch })),
    radius: Math.max(2, Math.min(7, pitch / 3, step === 0 ? 7 : step / 2.4)),
  };
}

/** The ends stand in the middle of their row. */
const spread = ({ kind }: GraphNode): boolean => kind !== 'embedding' && kind !== 'logits';
