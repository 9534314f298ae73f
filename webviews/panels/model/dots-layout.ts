/**
 * Where each query head of a part lies in the picture: a row a layer, a dot a head; heads that share a key/value head stand
 * together in a capsule. Pixels, without a screen: canvas, SVG, pointer and tests read the same numbers.
 */
import type { LayerFacts, ModelPartFacts } from '../../../protocol/language/requests';
import { identify, type Identities, type Identity } from '../../charts/palette';
import { queryHeads, sharingOf } from './layers';

/** `cross`: attention to another part instead of the layer's own. */
export type LayerKind = LayerFacts['kind'] | 'cross';

export const markOf = ({ kind, cross }: LayerFacts): LayerKind => (kind === 'none' && cross === true ? 'cross' : kind);

/** Fixed order: a kind looks the same in every model. */
const kinds: readonly { readonly id: LayerKind; readonly title: string }[] = [
  { id: 'full', title: 'Full' },
  { id: 'window', title: 'Window' },
  { id: 'chunked', title: 'Chunked' },
  { id: 'linear', title: 'Linear' },
  { id: 'none', title: 'None' },
  { id: 'cross', title: 'Cross' },
];
const identities: Identities = identify(kinds);
export const identityOf = (kind: LayerKind): Identity => identities.get(kind) as Identity;

interface Capsule {
  readonly x: number;
  readonly width: number;
  /** First and last query head inside. */
  readonly first: number;
  readonly last: number;
}

export interface Row {
  readonly layer: number;
  readonly kind: LayerKind;
  /** Middle of the row. */
  readonly y: number;
  /** Middles of the heads; one mark where a layer has no heads. */
  readonly xs: readonly number[];
  /** False: the mark of `xs` stands for the layer. */
  readonly hasHeads: boolean;
  readonly capsules: readonly Capsule[];
  /** Written at the left; neighbours of written rows stay bare when rows are narrow. */
  readonly label?: string;
}

export interface DotsLayout {
  readonly width: number;
  readonly height: number;
  /** Diameter of a mark. */
  readonly mark: number;
  readonly pitch: number;
  readonly rowHeight: number;
  readonly rows: readonly Row[];
}

const gutter = 30;
const narrowest = 4;
const widest = 16;
const gapShare = 0.5;
/** Height that a written layer number needs. */
const labelHeight = 14;

interface Span {
  readonly heads: number;
  readonly gaps: number;
}

const spanOf = (layer: LayerFacts, part: ModelPartFacts): Span => {
  const { groupSize, groups } = sharingOf(layer, part);
  return { heads: Math.max(1, queryHeads(layer)), gaps: groupSize > 1 ? Math.max(0, groups - 1) : 0 };
};

/** The widest spacing of heads at which every row of these parts fits; pictures beside each other share it. */
export function fittingPitch(parts: readonly ModelPartFacts[], width: number): number {
  const fits = parts.flatMap((part) =>
    part.layers.map((layer) => {
      const { heads, gaps } = spanOf(layer, part);
      return (width - gutter - 4) / (heads + gaps * gapShare);
    }),
  );
  const pitch = Math.min(widest, ...fits);
  return Math.max(narrowest, Math.floor(pitch * 2) / 2);
}

export function layoutDots(part: ModelPartFacts, pitch: number): DotsLayout {
  const rowHeight = Math.min(14, Math.max(6, pitch + 1));
  const every = labelStep(rowHeight);
  const rows = part.layers.map((layer, index): Row => {
    const { groupSize, groups } = sharingOf(layer, part);
    const y = (index + 0.5) * rowHeight + 1;
    const heads = queryHeads(layer);
    const hasHeads = heads > 0;
    const gap = groupSize > 1 ? pitch * gapShare : 0;
    const xs = Array.from(
      { length: Math.max(1, heads) },
      (_, head) => gutter + (head + 0.5) * pitch + Math.floor(head / groupSize) * gap,
    );
    const capsules =
      !hasHeads || groupSize <= 1
        ? []
        : Array.from({ length: groups }, (_, group): Capsule => {
            const first = group * groupSize;
            const last = first + groupSize - 1;
            const x = (xs[first] ?? 0) - pitch / 2 - 0.5;
            return { x, width: (xs[last] ?? 0) + pitch / 2 + 0.5 - x, first, last };
          });
    return {
      layer: index,
      kind: markOf(layer),
      y,
      xs,
      hasHeads,
      capsules,
      ...(index % every === 0 ? { label: String(index) } : {}),
    };
  });
  const right = Math.max(gutter, ...rows.map(({ xs }) => (xs.at(-1) ?? gutter) + pitch / 2));
  return {
    width: Math.ceil(right) + 2,
    height: Math.ceil(rows.length * rowHeight) + 2,
    mark: Math.max(3, 0.72 * Math.min(pitch, rowHeight)),
    pitch,
    rowHeight,
    rows,
  };
}

/** 1, 2, 4, 5, 8, 10 …: as dense as the numbers stay apart. */
function labelStep(rowHeight: number): number {
  return [1, 2, 4, 5, 8, 10, 20].find((step) => step * rowHeight >= labelHeight) ?? 20;
}

export interface Cell {
  readonly layer: number;
  /** Absent on a layer without heads. */
  readonly head?: number;
}

/** The head at a point of the picture, or the nearest of its row. */
export function cellAt(layout: DotsLayout, x: number, y: number): Cell | undefined {
  const row = layout.rows[Math.floor((y - 1) / layout.rowHeight)];
  if (row === undefined || x < 0 || y < 0 || x > layout.width) return undefined;
  if (!row.hasHeads) return { layer: row.layer };
  let nearest = 0;
  row.xs.forEach((at, head) => {
    if (Math.abs(at - x) < Math.abs((row.xs[nearest] ?? 0) - x)) nearest = head;
  });
  return { layer: row.layer, head: nearest };
}

/** Where a key leads: arrows by one, Page by eight layers, Home and End to the ends of a row, with Ctrl to the corners. */
export function moved(layout: DotsLayout, from: Cell, key: string, control: boolean): Cell | undefined {
  const lastLayer = layout.rows.length - 1;
  const headsOf = (layer: number): number => {
    const row = layout.rows[layer];
    return row?.hasHeads === true ? row.xs.length : 0;
  };
  const cell = (layer: number, head: number): Cell => {
    const at = Math.min(lastLayer, Math.max(0, layer));
    const heads = headsOf(at);
    return heads === 0 ? { layer: at } : { layer: at, head: Math.min(heads - 1, Math.max(0, head)) };
  };
  const head = from.head ?? 0;
  switch (key) {
    case 'ArrowUp':
      return cell(from.layer - 1, head);
    case 'ArrowDown':
      return cell(from.layer + 1, head);
    case 'ArrowLeft':
      return cell(from.layer, head - 1);
    case 'ArrowRight':
      return cell(from.layer, head + 1);
    case 'PageUp':
      return cell(from.layer - 8, head);
    case 'PageDown':
      return cell(from.layer + 8, head);
    case 'Home':
      return control ? cell(0, 0) : cell(from.layer, 0);
    case 'End':
      return control ? cell(lastLayer, Infinity) : cell(from.layer, Infinity);
    default:
      return undefined;
  }
}
