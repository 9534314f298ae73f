/** Colours of the probabilities of one head, on screen and in files alike. */
import { cividisTable, type Rgb } from '../../charts/colour-map';
import type { LoadedTile } from '../../charts/tiles';

export interface MatrixLook {
  /** Three decades below `high`; linear from 0 otherwise. */
  readonly logarithmic: boolean;
  /** Key 0, or the texel that holds it, is left in the colour of the ground. */
  readonly hideSink: boolean;
  /** The probability at the end of the scale. */
  readonly high: number;
  readonly ground: Rgb;
}

/** The largest probability that is shown, 1 where there is none. */
export function largestOf({ data, outColumns }: LoadedTile, hideSink: boolean): number {
  let high = 0;
  data.forEach((value, at) => {
    if (value > high && !(hideSink && at % outColumns === 0)) high = value;
  });
  return high > 0 ? high : 1;
}

/** Writes the tile as RGBA. */
export function colourTile(tile: LoadedTile, look: MatrixLook, rgba: Uint8ClampedArray): void {
  const sink = look.hideSink && tile.address.column === 0;
  for (let at = 0; at < tile.data.length; at += 1) {
    const hidden = sink && at % tile.outColumns === 0;
    const colour = Math.round(255 * shareOf(tile.data[at] ?? 0, look)) * 3;
    for (let channel = 0; channel < 3; channel += 1)
      rgba[at * 4 + channel] = hidden ? look.ground[channel as 0 | 1 | 2] : (cividisTable[colour + channel] ?? 0);
    rgba[at * 4 + 3] = 255;
  }
}

/** Place of a value on the colour scale, 0..1. */
function shareOf(value: number, { logarithmic, high }: MatrixLook): number {
  if (!(value > 0)) return 0;
  const share = logarithmic ? 1 + Math.log10(value / high) / 3 : value / high;
  return Math.min(1, Math.max(0, share));
}
