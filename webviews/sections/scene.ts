/** A drawing as a list of marks: painted on a canvas for the screen, written as SVG for a file, so that both show the same. */

export type Mark =
  | {
      readonly kind: 'rect';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly fill?: string;
      readonly stroke?: string;
      readonly lineWidth?: number;
      readonly opacity?: number;
    }
  /** `d`: SVG path data, moved to (x, y) and enlarged by `scale`. */
  | {
      readonly kind: 'path';
      readonly d: string;
      readonly x?: number;
      readonly y?: number;
      readonly scale?: number;
      readonly fill?: string;
      readonly stroke?: string;
      readonly lineWidth?: number;
      readonly dash?: readonly number[];
      readonly opacity?: number;
    }
  | {
      readonly kind: 'text';
      readonly text: string;
      readonly x: number;
      /** The baseline. */
      readonly y: number;
      readonly size: number;
      readonly fill: string;
      readonly font: string;
      readonly weight?: number;
      readonly anchor?: 'start' | 'middle' | 'end';
      /** Degrees, clockwise about (x, y). */
      readonly turn?: number;
      /** Drawn around the letters, so that they can be read on lines. */
      readonly halo?: string;
    }
  /** A raster of columns x rows, one texel a cell, without smoothing. */
  | {
      readonly kind: 'pixels';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly columns: number;
      readonly rows: number;
      readonly rgba: Uint8ClampedArray<ArrayBuffer>;
    }
  | {
      readonly kind: 'picture';
      readonly x: number;
      readonly y: number;
      readonly width: number;
      readonly height: number;
      readonly picture: LoadedPicture;
      /** The part of it that is seen, in shares of its sides; absent: all. */
      readonly part?: Box;
      /** Enlarged so far that its pixels are squares. */
      readonly sharp?: true;
    }
  /** Pieces of one raster, each at a place of its own; a piece is `side` x `side` texels from (`column`, `row`). */
  | {
      readonly kind: 'pieces';
      readonly x?: number;
      readonly y?: number;
      readonly columns: number;
      readonly rows: number;
      readonly rgba: Uint8ClampedArray<ArrayBuffer>;
      readonly side: number;
      readonly pieces: readonly (Box & { readonly column: number; readonly row: number })[];
    }
  /** Marks of which only what lies in the box is seen; (x, y) moves them and the box. */
  | {
      readonly kind: 'clipped';
      readonly x?: number;
      readonly y?: number;
      readonly box: Box;
      readonly marks: readonly Mark[];
    }
  /** A finished SVG document inside this one; files only. */
  | { readonly kind: 'svg'; readonly x: number; readonly y: number; readonly svg: string };

export interface LoadedPicture {
  readonly image: ImageBitmap;
  /** `data:` address of its bytes as they are in the file: for files that leave, and for SVG on the page. */
  readonly address: string;
}

export interface Scene {
  readonly width: number;
  readonly height: number;
  readonly marks: readonly Mark[];
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export const moved = (mark: Mark, x: number, y: number): Mark => ({
  ...mark,
  x: (mark.x ?? 0) + x,
  y: (mark.y ?? 0) + y,
});

/** Scenes under each other. */
export function stacked(scenes: readonly Scene[], gap: number): Scene {
  const marks: Mark[] = [];
  let [width, y] = [0, 0];
  for (const scene of scenes) {
    if (y > 0) y += gap;
    for (const mark of scene.marks) marks.push(moved(mark, 0, y));
    y += scene.height;
    width = Math.max(width, scene.width);
  }
  return { width, height: y, marks };
}

const point = (value: number): string => String(Math.round(value * 100) / 100);

/** Path data of a line through points. */
export const lineThrough = (points: readonly (readonly [x: number, y: number])[]): string =>
  points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${point(x)} ${point(y)}`).join('');

/** Diagonal lines over a box: what is left out of a scale, shown without a colour. */
export function hatchMark({ x, y, width, height }: Box, stroke: string, gap = 5): Mark {
  let d = '';
  for (let at = gap - height; at < width; at += gap) {
    const [left, right] = [Math.max(0, at), Math.min(width, at + height)];
    d += `M${point(left)} ${point(height - (left - at))}L${point(right)} ${point(height - (right - at))}`;
  }
  return { kind: 'path', d, x, y, stroke, lineWidth: 1 };
}
