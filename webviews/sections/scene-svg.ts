/** Writes a scene as SVG. */
import { escapeXml } from '../../protocol/wire/escape-xml';
import type { Box, Mark, Scene } from './scene';
import { paintScene, rasterOf } from './scene-canvas';

/** `name`: in front of the ids of documents inside, so that those of several scenes in one file do not meet. */
export const sceneSvg = (scene: Scene, name = 's'): string =>
  scene.marks.map((mark, at) => markSvg(mark, `${name}-${at}`)).join('\n');

const attributes = (values: Readonly<Record<string, string | number | undefined>>): string =>
  Object.entries(values)
    .filter((entry): entry is [string, string | number] => entry[1] !== undefined)
    .map(([name, value]) => ` ${name}="${typeof value === 'number' ? round(value) : escapeXml(value)}"`)
    .join('');

const round = (value: number): number => Math.round(value * 100) / 100;

const pixelated = 'image-rendering: pixelated';

function around(boxes: readonly Box[]): Box {
  const [left, top] = [Math.min(...boxes.map(({ x }) => x)), Math.min(...boxes.map(({ y }) => y))];
  const right = Math.max(...boxes.map(({ x, width }) => x + width));
  const bottom = Math.max(...boxes.map(({ y, height }) => y + height));
  return { x: left, y: top, width: right - left, height: bottom - top };
}

function markSvg(mark: Mark, name: string): string {
  switch (mark.kind) {
    case 'rect': {
      const { x, y, width, height, fill, stroke, lineWidth, opacity } = mark;
      return `<rect${attributes({ x, y, width, height, fill: fill ?? 'none', stroke, 'stroke-width': lineWidth, opacity })}/>`;
    }
    case 'path': {
      const { d, x = 0, y = 0, scale = 1, fill, stroke, lineWidth = 1, dash, opacity } = mark;
      const place =
        x === 0 && y === 0 && scale === 1 ? undefined : `translate(${round(x)} ${round(y)}) scale(${scale})`;
      return `<path${attributes({ d, transform: place, fill: fill ?? 'none', stroke, 'stroke-width': stroke === undefined ? undefined : lineWidth / scale, 'stroke-dasharray': dash?.join(' '), opacity })}/>`;
    }
    case 'text': {
      const { x, y, size, fill, font, weight, anchor, turn, halo } = mark;
      return `<text${attributes({
        x,
        y,
        'font-size': size,
        'font-family': font,
        'font-weight': weight,
        'text-anchor': anchor,
        transform: turn === undefined ? undefined : `rotate(${turn} ${round(x)} ${round(y)})`,
        fill,
        stroke: halo,
        'stroke-width': halo === undefined ? undefined : 3,
        'paint-order': halo === undefined ? undefined : 'stroke',
        'xml:space': 'preserve',
      })}>${escapeXml(withoutControls(mark.text))}</text>`;
    }
    case 'pixels': {
      const { x, y, width, height } = mark;
      if (mark.columns === 0 || mark.rows === 0) return '';
      const href = rasterOf(mark).toDataURL('image/png');
      return `<image${attributes({ x, y, width, height, href, preserveAspectRatio: 'none', style: pixelated })}/>`;
    }
    case 'pieces': {
      if (mark.columns === 0 || mark.rows === 0 || mark.pieces.length === 0) return '';
      const box = around(mark.pieces);
      // At twice the size, as on a fine screen: what is drawn there is drawn here.
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [Math.ceil(box.width * 2), Math.ceil(box.height * 2)];
      const context = canvas.getContext('2d');
      context?.scale(2, 2);
      if (context) paintScene(context, { ...box, marks: [{ ...mark, x: -box.x, y: -box.y }] });
      const place = {
        x: box.x + (mark.x ?? 0),
        y: box.y + (mark.y ?? 0),
        width: canvas.width / 2,
        height: canvas.height / 2,
      };
      return `<image${attributes({ ...place, href: canvas.toDataURL('image/png'), preserveAspectRatio: 'none', style: pixelated })}/>`;
    }
    case 'clipped': {
      const { x, y, width, height } = mark.box;
      const marks = mark.marks.map((one, at) => markSvg(one, `${name}-${at}`)).join('');
      const place = { x: x + (mark.x ?? 0), y: y + (mark.y ?? 0), width, height };
      return `<svg${attributes({ ...place, viewBox: `${round(x)} ${round(y)} ${round(width)} ${round(height)}`, overflow: 'hidden' })}>${marks}</svg>`;
    }
    case 'picture': {
      const { x, y, width, height, picture, sharp, part } = mark;
      const look = { href: picture.address, preserveAspectRatio: 'none', style: sharp && pixelated };
      if (!part) return `<image${attributes({ x, y, width, height, ...look })}/>`;
      const viewBox = [part.x, part.y, part.width, part.height].join(' ');
      return `<svg${attributes({ x, y, width, height, viewBox, preserveAspectRatio: 'none' })}><image${attributes({ width: 1, height: 1, ...look })}/></svg>`;
    }
    case 'svg':
      return mark.svg
        .replace(/<svg /, `<svg x="${round(mark.x)}" y="${round(mark.y)}" `)
        .replaceAll(/\bid="([^"]+)"/g, `id="${name}-$1"`)
        .replaceAll(/url\(#([^)]+)\)/g, `url(#${name}-$1)`)
        .replaceAll(/href="#([^"]+)"/g, `href="#${name}-$1"`);
  }
}

/** Characters that XML 1.0 has no place for, not even escaped. */
const withoutControls = (text: string): string =>
  text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '\ufffd');
