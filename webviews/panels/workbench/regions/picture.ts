/** The picture with its patches and the rectangles on it, as SVG in pixels of the page. */
import { nothing, svg, type SVGTemplateResult } from 'lit';
import { regionLetter, type Box, type Region } from '../../../../protocol/interventions/regions';
import type { ImageSpan, ImageTile } from '../../../../protocol/schema/parts';
import { pictureScale } from '../../../sections/image/patches';
import type { Box as Rectangle } from '../../../sections/scene';
import { boxWords, isBox, type Cell, type Place } from './edit';

export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Where the patches lie. */
  readonly patches: Rectangle;
  readonly tile: ImageTile;
}

export function layoutOf({ width: across, height: down, tiles: [tile] }: ImageSpan, room: number): Layout | undefined {
  if (!tile || across < 1 || down < 1 || room < 1) return undefined;
  const scale = pictureScale(across, down, room);
  return {
    width: across * scale,
    height: down * scale,
    patches: { x: tile.x * scale, y: tile.y * scale, width: tile.width * scale, height: tile.height * scale },
    tile,
  };
}

/** The patch under a point, or the nearest one. */
export function cellAt({ patches, tile }: Layout, x: number, y: number): Cell {
  const along = (at: number, start: number, length: number, count: number): number =>
    Math.max(0, Math.min(count - 1, Math.floor(((at - start) / length) * count)));
  return {
    row: along(y, patches.y, patches.height, tile.rows),
    column: along(x, patches.x, patches.width, tile.columns),
  };
}

function rectangleOf({ patches, tile }: Layout, { rows, columns }: Box): Rectangle {
  const [width, height] = [patches.width / tile.columns, patches.height / tile.rows];
  return {
    x: patches.x + columns.start * width,
    y: patches.y + rows.start * height,
    width: (columns.end - columns.start) * width,
    height: (rows.end - rows.start) * height,
  };
}

/** Lines closer than this would hide the picture. */
const leastCell = 4;

function gridLines({ patches: { x, y, width, height }, tile: { rows, columns } }: Layout): string {
  if (width / columns < leastCell || height / rows < leastCell) return `M${x} ${y}h${width}v${height}h${-width}z`;
  const lines: string[] = [];
  for (let row = 0; row <= rows; row++) lines.push(`M${x} ${y + (row * height) / rows}h${width}`);
  for (let column = 0; column <= columns; column++) lines.push(`M${x + (column * width) / columns} ${y}v${height}`);
  return lines.join('');
}

export interface Drawing {
  readonly layout: Layout;
  readonly address: string | undefined;
  readonly regions: readonly Region[];
  /** One that is being drawn, and the region that it will be of. */
  readonly drawn: { readonly box: Box; readonly region: number } | undefined;
  readonly onKey: (event: KeyboardEvent, place: Place) => void;
}

export const drawing = ({ layout, address, regions, drawn, onKey }: Drawing): SVGTemplateResult => svg`
  ${
    address === undefined
      ? svg`<rect class="region-no-picture" width=${layout.width} height=${layout.height}></rect>`
      : svg`<image href=${address} width=${layout.width} height=${layout.height} preserveAspectRatio="none"></image>`
  }
  <path class="region-grid under" d=${gridLines(layout)}></path>
  <path class="region-grid" d=${gridLines(layout)}></path>
  ${regions.flatMap((parts, region) =>
    parts.map((part, at) => (isBox(part) ? rectangle(layout, part, { region, part: at }, onKey) : nothing)),
  )}
  ${drawn ? shape(rectangleOf(layout, drawn.box), drawn.region) : nothing}`;

const shape = ({ x, y, width, height }: Rectangle, region: number): SVGTemplateResult => svg`
  <rect class="region-edge" x=${x} y=${y} width=${width} height=${height}></rect>
  <rect class="region-shape region-${region % 8}" x=${x} y=${y} width=${width} height=${height}></rect>
  <text class="region-letter" x=${x + 4} y=${y + 14} aria-hidden="true">${regionLetter(region)}</text>`;

function rectangle(layout: Layout, box: Box, { region, part }: Place, onKey: Drawing['onKey']): SVGTemplateResult {
  const on = rectangleOf(layout, box);
  const side = Math.max(6, Math.min(10, on.width / 2, on.height / 2));
  return svg`<g
    class="region-box"
    tabindex="0"
    role="button"
    aria-roledescription="rectangle"
    aria-label="${boxWords(region, box)}. Arrow keys move it, with Shift they move its lower right corner, Delete takes it out."
    data-region=${region}
    data-part=${part}
    @keydown=${(event: KeyboardEvent) => onKey(event, { region, part })}
  >
    <title>${boxWords(region, box)}</title>
    ${shape(on, region)}
    <rect
      class="region-corner region-${region % 8}"
      data-corner="true"
      x=${on.x + on.width - side}
      y=${on.y + on.height - side}
      width=${side}
      height=${side}
    ></rect>
  </g>`;
}
