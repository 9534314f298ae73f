/** Colours of magnitudes and of signed changes on a canvas. Classes have their hues in `palette.ts`. */
export type Rgb = readonly [red: number, green: number, blue: number];

/**
 * Twelve equal steps of cividis (Nuñez, Anderton and Renslow 2018, doi:10.1371/journal.pone.0199239): lightness grows evenly
 * for normal and for colour-blind eyes.
 */
const cividisSteps = [
  '#00204d',
  '#00306f',
  '#2a406c',
  '#48526b',
  '#5e626e',
  '#727374',
  '#878479',
  '#9e9677',
  '#b6a971',
  '#d0be67',
  '#ead357',
  '#ffea46',
].map(parseColour);

/** 0..1 -> cividis; outside values are clamped, NaN is the lowest. */
export const cividis = (share: number): Rgb => between(cividisSteps, share);

/** 256 RGB triples of cividis, for textures and image data. */
export const cividisTable: Uint8Array = Uint8Array.from(
  Array.from({ length: 256 }, (_, at) => cividis(at / 255)).flat(),
);

/** -1..1 -> blue over the neutral ground of the theme to orange; distinguishable with each kind of dichromacy. */
export function diverging(share: number, dark: boolean): Rgb {
  const neutral = parseColour(dark ? '#3a3a3a' : '#ececec');
  const low = parseColour(dark ? '#5fb0ff' : '#0b5fb3');
  const high = parseColour(dark ? '#ff9d3c' : '#b35300');
  return share < 0 ? mix(neutral, low, -share) : mix(neutral, high, share);
}

export function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const at = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0));
  const part = (channel: 0 | 1 | 2): number => Math.round(from[channel] + (to[channel] - from[channel]) * at);
  return [part(0), part(1), part(2)];
}

function between(steps: readonly Rgb[], share: number): Rgb {
  const at = Math.min(1, Math.max(0, Number.isFinite(share) ? share : 0)) * (steps.length - 1);
  const low = Math.min(steps.length - 2, Math.floor(at));
  return mix(steps[low] ?? [0, 0, 0], steps[low + 1] ?? [0, 0, 0], at - low);
}

/** `#rgb`, `#rrggbb`, `rgb(…)` and `rgba(…)`, as VS Code writes its variables; what cannot be read is mid grey. */
export function parseColour(text: string): Rgb {
  const hex = /^#([0-9a-f]{3,8})$/i.exec(text.trim())?.[1];
  if (hex) {
    const wide = hex.length < 6 ? [...hex].map((digit) => digit + digit).join('') : hex;
    const channel = (at: number): number => Number.parseInt(wide.slice(at, at + 2), 16);
    return [channel(0), channel(2), channel(4)];
  }
  const numbers =
    /^rgba?\(([^)]+)\)$/
      .exec(text.trim())?.[1]
      ?.split(/[\s,/]+/)
      .map(Number) ?? [];
  const [red = 128, green = 128, blue = 128] = numbers;
  return [red, green, blue];
}

export const css = ([red, green, blue]: Rgb, alpha = 1): string =>
  alpha === 1 ? `rgb(${red}, ${green}, ${blue})` : `rgba(${red}, ${green}, ${blue}, ${alpha})`;

/** Black or white, whichever is read better on the colour (relative luminance of WCAG 2.1). */
export function inkOn(colour: Rgb): string {
  const linear = (channel: number): number => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  };
  const luminance = 0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2]);
  return luminance > 0.179 ? '#000000' : '#ffffff';
}

/** Stops of a scale's bar, from low to high: of changes over zero, or of magnitudes. */
export const scaleStops = (changes: boolean, dark: boolean): string[] =>
  Array.from({ length: 13 }, (_, at) => css(changes ? diverging(at / 6 - 1, dark) : cividis(at / 12)));
