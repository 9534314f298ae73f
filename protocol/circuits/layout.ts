/** Where nodes stand that nobody has moved: a row for each layer, the embedding below, the logits above. Pure. */
import type { Circuit, CircuitNode } from './circuit-file';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface LayerLine {
  readonly layer: number;
  /** `embed`, `L3` or `logits`. */
  readonly name: string;
  readonly y: number;
}

export interface Layout {
  /** By id. */
  readonly places: ReadonlyMap<string, Point>;
  readonly lines: readonly LayerLine[];
}

/** Units between neighbours of a layer, and between layers. */
const across = 72;
const down = 64;
/** More columns than this are not aligned over all layers: each layer fills rows of its own. */
const mostColumns = 32;

const isEnd = ({ kind }: CircuitNode): boolean => kind === 'embedding' || kind === 'logits';

export function layOut({ nodes }: Pick<Circuit, 'nodes'>): Layout {
  const columns = [...new Set(nodes.filter((node) => !isEnd(node)).map(({ column }) => column))].sort((a, b) => a - b);
  const columnOf = new Map(columns.map((column, at) => [column, at]));
  const aligned = columns.length <= mostColumns;
  const layers = new Map<number, CircuitNode[]>();
  for (const node of nodes) {
    const fellows = layers.get(node.layer);
    if (fellows) fellows.push(node);
    else layers.set(node.layer, [node]);
  }
  const places = new Map<string, Point>();
  const lines: LayerLine[] = [];
  let y = 0;
  for (const layer of [...layers.keys()].sort((a, b) => a - b)) {
    const fellows = (layers.get(layer) ?? []).sort((a, b) => a.column - b.column);
    lines.push({ layer, name: layerName(layer, fellows), y });
    let top = y;
    const taken = new Set<string>();
    fellows.forEach((node, at) => {
      const row = aligned ? 0 : Math.floor(at / mostColumns);
      const inRow = Math.min(mostColumns, fellows.length - row * mostColumns);
      const middle = (count: number, place: number): number => Math.round((place - (count - 1) / 2) * across);
      let x = aligned
        ? isEnd(node)
          ? middle(fellows.length, at)
          : middle(columns.length, columnOf.get(node.column) ?? 0)
        : middle(inRow, at % mostColumns);
      // Two nodes of one column: features of a head, or a file that was written by hand.
      while (taken.has(`${x} ${row}`)) x += across / 2;
      taken.add(`${x} ${row}`);
      const place = { x, y: y - row * down };
      top = place.y;
      places.set(node.id, place);
    });
    y = top - down;
  }
  return { places, lines };
}

function layerName(layer: number, nodes: readonly CircuitNode[]): string {
  if (nodes.every(({ kind }) => kind === 'embedding')) return 'embed';
  return nodes.every(({ kind }) => kind === 'logits') ? 'logits' : `L${layer}`;
}
