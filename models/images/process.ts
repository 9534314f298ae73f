/** A picture through an image processor: tiles of normalised numbers, and the part of the picture that each shows. */
import type { ImageLayout } from '../architectures/vision-tower';
import { anyresTiles, bestSize, type HeightWidth } from './anyres';
import type { Pixels, Rectangle } from './pixels';
import type { ProcessorSettings, Size } from './processor';
import { resize, resizePart } from './resample';
import { splitPicture } from './splits';

export interface ProcessedPicture {
  /** [3, height, width] each, in the order in which the encoder sees them. */
  readonly tiles: readonly Float32Array[];
  /** Height of every tile. */
  readonly height: number;
  readonly width: number;
  /** Part of the picture that a tile made from the whole of it shows. */
  readonly shown: Rectangle;
  /** LLaVA-NeXT: the canvas that the tiles behind the first were cut from. */
  readonly canvas?: HeightWidth;
  /** Idefics3: lines of tiles before the last one; 0 x 0 where the picture was not split. */
  readonly splits?: { readonly rows: number; readonly columns: number };
}

export function processPicture(picture: Pixels, settings: ProcessorSettings, layout: ImageLayout): ProcessedPicture {
  const whole = { x: 0, y: 0, width: picture.width, height: picture.height };
  if (layout.kind === 'splits' && settings.tile) {
    const { edge, split } = settings.tile;
    const longest = settings.resize?.kind === 'longest-edge' ? settings.resize.edge : undefined;
    const { tiles, rows, columns } = splitPicture(picture, { longest, edge, split, filter: settings.filter });
    return { ...normalised(tiles, settings), shown: whole, splits: { rows, columns } };
  }
  if (layout.kind === 'anyres') {
    const edge = settings.crop?.height ?? edgeOf(settings.resize);
    const canvas = bestSize(picture, layout.pinpoints);
    const base = resize(picture, edge, edge, settings.filter);
    return {
      ...normalised([base, ...anyresTiles(picture, canvas, edge, settings.filter)], settings),
      shown: whole,
      canvas,
    };
  }
  const { width, height } = sizeAfter(settings.resize, picture);
  const cut = settings.crop ? centre({ width, height }, settings.crop) : { x: 0, y: 0, width, height };
  const [across, down] = [picture.width / width, picture.height / height];
  return {
    ...normalised([resizePart(picture, width, height, settings.filter, cut)], settings),
    shown: { x: cut.x * across, y: cut.y * down, width: cut.width * across, height: cut.height * down },
  };
}

/** The size of every tile that the settings make of a picture. */
export function tileSizeOf(
  picture: Pick<Pixels, 'width' | 'height'>,
  settings: ProcessorSettings,
  layout: ImageLayout,
): HeightWidth {
  const fixed = tileSize(settings, layout);
  if (fixed) return fixed;
  const { width, height } = sizeAfter(settings.resize, picture);
  return layout.kind === 'anyres' ? [edgeOf(settings.resize), edgeOf(settings.resize)] : [height, width];
}

/** The size of every tile that the settings lead to, whatever the picture; undefined where it depends on the picture. */
export function tileSize(settings: ProcessorSettings, layout: ImageLayout): HeightWidth | undefined {
  if (layout.kind === 'splits' && settings.tile) return [settings.tile.edge, settings.tile.edge];
  if (settings.crop) return [settings.crop.height, settings.crop.width];
  if (settings.resize?.kind === 'exact') return [settings.resize.height, settings.resize.width];
  return undefined;
}

const edgeOf = (size: Size | undefined): number => (size?.kind === 'exact' ? size.height : (size?.edge ?? 0));

function sizeAfter(
  size: Size | undefined,
  { width, height }: Pick<Pixels, 'width' | 'height'>,
): { width: number; height: number } {
  if (!size) return { width, height };
  if (size.kind === 'exact') return { width: size.width, height: size.height };
  const [short, long] = width <= height ? [width, height] : [height, width];
  const [a, b] =
    size.kind === 'shortest-edge'
      ? [size.edge, Math.trunc((size.edge * long) / short)]
      : [Math.max(1, Math.trunc((size.edge * short) / long)), size.edge];
  return width <= height ? { width: a, height: b } : { width: b, height: a };
}

/** A picture smaller than the crop gets black around it, the odd line above and left. */
function centre(
  { width, height }: Pick<Pixels, 'width' | 'height'>,
  to: { readonly height: number; readonly width: number },
): Rectangle {
  const offset = (side: number, wanted: number): number =>
    wanted <= side ? Math.floor((side - wanted) / 2) : -Math.ceil((wanted - side) / 2);
  return { x: offset(width, to.width), y: offset(height, to.height), width: to.width, height: to.height };
}

function normalised(
  tiles: readonly Pixels[],
  { rescale, normalise }: ProcessorSettings,
): Pick<ProcessedPicture, 'tiles' | 'height' | 'width'> {
  const [{ width, height } = { width: 0, height: 0 }] = tiles;
  const area = width * height;
  return {
    width,
    height,
    tiles: tiles.map(({ data }) => {
      const out = new Float32Array(3 * area);
      for (let channel = 0; channel < 3; channel++) {
        const mean = normalise?.mean[channel] ?? 0;
        const deviation = normalise?.deviation[channel] ?? 1;
        for (let i = 0; i < area; i++) {
          out[channel * area + i] = ((data[i * 3 + channel] ?? 0) * rescale - mean) / deviation;
        }
      }
      return out;
    }),
  };
}
