/** Where the cells of the heads stand: layers down, heads across; a layer with more heads than fit takes several lines. */
import type { Box } from '../scene';

export interface HeadsLayout {
  readonly width: number;
  readonly height: number;
  /** Where the cells begin. */
  readonly left: number;
  readonly top: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  /** Heads on one line. */
  readonly perLine: number;
  /** First line of each layer, and one entry more for the end. */
  readonly lines: readonly number[];
  /** Between the layers, where a layer takes several lines. */
  readonly layerGap: number;
  /** Cells are large enough for their number. */
  readonly written: boolean;
  /** Query heads that share a key/value head, and the room behind each group of them. */
  readonly share: number;
  readonly groupGap: number;
}

export interface HeadsRoom {
  /** Cells are squares: they hold pictures. */
  readonly squares?: boolean;
  readonly share?: number;
}

const least = 3;
const tallest = 560;
const largestSquare = 64;

/** `heads`: of each layer. */
export function layOutHeads(
  heads: readonly number[],
  width: number,
  gutter: number,
  top: number,
  { squares = false, share = 1 }: HeadsRoom = {},
): HeadsLayout {
  const most = Math.max(1, ...heads);
  const groupGap = share > 1 ? 3 : 0;
  const room = Math.max(least, width - gutter - groupGap * Math.max(0, Math.ceil(most / share) - 1));
  const perLine = Math.max(1, Math.min(most, Math.floor(room / least)));
  const written = !squares && perLine === most && room / most >= 46 && heads.length * 26 <= tallest;
  const cellWidth = squares
    ? Math.max(least, Math.min(largestSquare, Math.floor(room / perLine)))
    : Math.min(written ? 64 : 26, room / perLine);
  const lines = [0];
  for (const count of heads) lines.push((lines.at(-1) ?? 0) + Math.max(1, Math.ceil(count / perLine)));
  const all = lines.at(-1) ?? 0;
  const folded = all > heads.length;
  const layerGap = folded ? 3 : 0;
  const cellHeight = squares
    ? cellWidth
    : written
      ? 26
      : Math.max(least, Math.min(Math.max(cellWidth, 8), 26, tallest / Math.max(1, all)));
  return {
    width,
    left: gutter,
    top,
    cellWidth,
    cellHeight,
    perLine,
    lines,
    layerGap,
    written,
    share,
    groupGap,
    height: top + all * cellHeight + Math.max(0, heads.length - 1) * layerGap,
  };
}

export function headBox(at: HeadsLayout, layer: number, head: number): Box {
  const line = (at.lines[layer] ?? 0) + Math.floor(head / at.perLine);
  return {
    x: at.left + (head % at.perLine) * at.cellWidth + Math.floor((head % at.perLine) / at.share) * at.groupGap,
    y: at.top + line * at.cellHeight + layer * at.layerGap,
    width: at.cellWidth,
    height: at.cellHeight,
  };
}

/** The layer and head under a point; they may be beyond the heads of the layer. */
export function headAt(at: HeadsLayout, x: number, y: number): { layer: number; head: number } | undefined {
  const group = at.share * at.cellWidth + at.groupGap;
  const before = at.groupGap === 0 ? 0 : Math.max(0, Math.floor((x - at.left) / group));
  const column = Math.floor((x - at.left - before * at.groupGap) / at.cellWidth);
  if (column < 0 || column >= at.perLine || y < at.top) return undefined;
  for (let layer = 0; layer + 1 < at.lines.length; layer += 1) {
    const from = at.top + (at.lines[layer] ?? 0) * at.cellHeight + layer * at.layerGap;
    const to = at.top + (at.lines[layer + 1] ?? 0) * at.cellHeight + layer * at.layerGap;
    if (y < from || y >= to) continue;
    return { layer, head: Math.floor((y - from) / at.cellHeight) * at.perLine + column };
  }
  return undefined;
}
