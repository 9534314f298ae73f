/** The numbers of one layer: sinks, what its heads give them, and which rows of which heads look at the picture beside them. */
import { sinkValue } from '../../shared/divergence/sinks';

/** Rows whose state as it enters the layer is massive in one of the dimensions; `state(row)` is that state, without any norm. */
export const massiveRows = (
  rows: number,
  state: (row: number) => ArrayLike<number>,
  dimensions: readonly number[],
  tau: number,
): readonly { readonly row: number; readonly phi: number }[] =>
  Array.from({ length: rows }, (_, row) => ({ row, phi: sinkValue(state(row), dimensions) })).filter(
    ({ phi }) => phi > tau,
  );

export interface Gate {
  readonly least: number;
  /** rho */
  readonly ratio: number;
}

/** What one row of a head gives the picture: all of it, and the part on tokens that are no sinks. */
export interface Looks {
  readonly seen: number;
  readonly beside: number;
}

/** Whether the row is image-centric: at least `least` on the picture, and of that at least rho beside the sinks. */
export const imageCentric = ({ seen, beside }: Looks, { least, ratio }: Gate): boolean =>
  seen >= least && beside >= ratio * seen;

/** Share of image attention that is no sink's; 1 - this is the "portion" of the released code. NaN where nothing is seen. */
export const besideSinks = ({ seen, beside }: Looks): number => (seen > 0 ? beside / seen : Number.NaN);

export interface Places {
  /** Rows of the sequence that show the picture. */
  readonly image: readonly number[];
  /** Those of them that are sinks, and other rows that are. */
  readonly visual: readonly number[];
  readonly text: readonly number[];
  /** The first row behind the picture. */
  readonly behind: number;
}

export interface HeadLooks {
  /** Attention of the last row. */
  readonly last: Looks;
  /** Share of the rows behind the picture that is image-centric; 0 in a layer without a visual sink. */
  readonly centric: number;
  /** Means over the rows behind the picture. */
  readonly onVisual: number;
  readonly onText: number;
  readonly onOthers: number;
  /** By image token. */
  readonly onImage: readonly number[];
  /** By row of the sequence. */
  readonly onKeys: Float64Array;
}

/** `map` [n, n]: probabilities of one head. */
export function headLooks(
  map: ArrayLike<number>,
  n: number,
  { image, visual, text, behind }: Places,
  gate: Gate,
): HeadLooks {
  const sinks = new Set(visual);
  const others = image.filter((row) => !sinks.has(row));
  const sumOver = (row: number, keys: readonly number[]): number =>
    keys.reduce((sum, key) => sum + (map[row * n + key] ?? 0), 0);
  const looks = (row: number): Looks => {
    const beside = sumOver(row, others);
    return { beside, seen: beside + sumOver(row, visual) };
  };
  const onKeys = new Float64Array(n);
  let centric = 0;
  const rows = n - behind;
  for (let row = behind; row < n; row++) {
    for (let key = 0; key < n; key++) onKeys[key] = (onKeys[key] ?? 0) + (map[row * n + key] ?? 0) / rows;
    if (visual.length > 0 && imageCentric(looks(row), gate)) centric++;
  }
  const mean = (keys: readonly number[]): number => keys.reduce((sum, key) => sum + (onKeys[key] ?? 0), 0);
  return {
    last: looks(n - 1),
    centric: centric / rows,
    onVisual: mean(visual),
    onText: mean(text),
    onOthers: mean(others),
    onImage: image.map((row) => onKeys[row] ?? 0),
    onKeys,
  };
}

/** How many times the share of an even row a key must get to be a sink by attention (the alpha of ACT, arXiv:2406.15765). */
export const attentionAlpha = 5;

/** Places in `onImage` above alpha / n, n the rows of the prompt. */
export const sinksByAttention = (onImage: readonly number[], n: number): readonly number[] =>
  onImage.flatMap((value, at) => (value > attentionAlpha / n ? [at] : []));

/** Share of the union of two sets that is in both; NaN for two empty sets. */
export function overlap(a: readonly number[], b: readonly number[]): number {
  const both = a.filter((one) => b.includes(one)).length;
  return both / (a.length + b.length - both);
}
