/**
 * Vision-aware head divergence (VHD) and what follows from it: arXiv 2412.13949 (v3, ACL 2025), equations 4 to 7.
 *
 * A head's output is softmax(q K^T / sqrt(d)) V of one query head, before heads are joined and projected, at the position that
 * predicts the next token. It is computed twice: with the span (an image, a document) and with the span's rows removed.
 * Query heads are what is indexed, under grouped-query attention too.
 */

import { mean, sampleStandardDeviation, standardDeviation } from 'simple-statistics';
import { lowerMedian } from '../../../protocol/results/lower-median';

/** `with` and `without` the span, [heads, headDim] row-major, of one layer. */
export interface HeadOutputs {
  readonly with: Float32Array;
  readonly without: Float32Array;
  readonly heads: number;
}

/**
 * - `l2`: |a - b|, equation 4.
 * - `squared`: |a - b|^2, what the released code computes.
 * - `relative`: |a - b| / |b|, b the output without the span; 0 where a = b.
 * - `cosine`: 1 - cos(a, b); 0 where a = b, 1 where one of them is 0.
 *
 * The last two know no scale: a head is not large because its values are.
 */
export type Distance = 'l2' | 'squared' | 'relative' | 'cosine';

/** Norms are held at least here where something is divided by them. */
const smallestNorm = 1e-6;

/**
 * A difference of at most this share of the larger norm counts as 0: it is what float32 leaves of equal sums (positions that
 * moved round differently). Without it a layer whose window does not reach the span would have half of its heads selected by
 * rounding.
 */
const roundingShare = 1e-5;

interface Sums {
  readonly difference: number;
  readonly withSpan: number;
  readonly without: number;
  readonly product: number;
}

/** Squared norms and the inner product of one head's two outputs, added in float64. */
function sumsOf(outputs: HeadOutputs, head: number): Sums {
  const width = outputs.with.length / outputs.heads;
  let [difference, withSpan, without, product] = [0, 0, 0, 0];
  for (let i = head * width; i < (head + 1) * width; i++) {
    const a = outputs.with[i] ?? 0;
    const b = outputs.without[i] ?? 0;
    difference += (a - b) ** 2;
    withSpan += a * a;
    without += b * b;
    product += a * b;
  }
  const rounding = roundingShare ** 2 * Math.max(withSpan, without);
  return { difference: difference <= rounding ? 0 : difference, withSpan, without, product };
}

/** Divergence of each head of a layer, [heads], in units of the distance. */
export function divergences(outputs: HeadOutputs, distance: Distance): number[] {
  return Array.from({ length: outputs.heads }, (_, head) => {
    const { difference, withSpan, without, product } = sumsOf(outputs, head);
    if (difference === 0) return 0;
    switch (distance) {
      case 'l2':
        return Math.sqrt(difference);
      case 'squared':
        return difference;
      case 'relative':
        return Math.sqrt(difference) / Math.max(Math.sqrt(without), smallestNorm);
      case 'cosine':
        return 1 - product / Math.max(Math.sqrt(withSpan * without), smallestNorm ** 2);
    }
  });
}

/** TA of equation 6: squared norm of each head's output without the span, [heads]. */
export const textEnergies = (outputs: HeadOutputs): number[] =>
  Array.from({ length: outputs.heads }, (_, head) => sumsOf(outputs, head).without);

/**
 * - `paper`, equation 6: VHD > mean + deviation AND TA > mean + deviation, over the heads of the layer, on the distance in use.
 *   The paper names no estimator; the deviation is that of the heads that are there (divided by their number).
 * - `release`, as ports of the released code have it: on squared distances whatever is shown, with the deviation of a sample
 *   (divided by one less), and only where the deviation of the distances is above 1 (a scale of LLaVA-1.5, not of every model).
 * - `off`: none.
 *
 * With the deviation divided by n no head can pass among four of which two are large: the rule needs more heads.
 */
export type OutlierRule = 'paper' | 'release' | 'off';

/** Below this deviation of the squared distances the release tries no head. */
const releaseGuard = 1;

/** True where a head's divergence is a burst in the absence of the span, [heads]. */
export function outliers(outputs: HeadOutputs, distance: Distance, rule: OutlierRule): boolean[] {
  if (rule === 'off' || outputs.heads < 2) return Array<boolean>(outputs.heads).fill(false);
  const deviation = rule === 'release' ? sampleStandardDeviation : standardDeviation;
  const vhd = divergences(outputs, rule === 'release' ? 'squared' : distance);
  const energy = textEnergies(outputs);
  if (rule === 'release' && !(deviation(vhd) > releaseGuard)) return vhd.map(() => false);
  const above = (values: readonly number[]): ((value: number) => boolean) => {
    const limit = mean(values) + deviation(values);
    return (value) => value > limit;
  };
  const [largeDivergence, largeEnergy] = [above(vhd), above(energy)];
  return vhd.map((value, head) => largeDivergence(value) && largeEnergy(energy[head] ?? 0));
}

/** H_l of equation 7: strictly above the lower median of the layer's divergences with outliers set to 0, [heads]. */
export function selectedHeads(vhd: readonly number[], outlier: readonly boolean[]): boolean[] {
  const kept = vhd.map((value, head) => (outlier[head] ? 0 : value));
  const middle = lowerMedian(kept);
  return kept.map((value) => value > middle);
}

/** One layer at one step. */
export interface LayerDivergence {
  readonly vhd: readonly number[];
  readonly textEnergy: readonly number[];
  readonly outlier: readonly boolean[];
  readonly selected: readonly boolean[];
}

export function layerDivergence(outputs: HeadOutputs, distance: Distance, rule: OutlierRule): LayerDivergence {
  const vhd = divergences(outputs, distance);
  const outlier = outliers(outputs, distance, rule);
  return { vhd, textEnergy: textEnergies(outputs), outlier, selected: selectedHeads(vhd, outlier) };
}

/** Heads that T-VHD adds up in each layer by default; the paper names no value. */
export const defaultTopHeads = (heads: number): number => Math.max(1, Math.round(heads / 8));

/** T-VHD of equation 5: sum over all layers of the k largest divergences of the layer, outliers counted. */
export function tokenDivergence(layers: readonly (readonly number[])[], k: number): number {
  return layers.reduce((total, vhd) => {
    const largest = [...vhd].sort((a, b) => b - a).slice(0, k);
    return total + largest.reduce((sum, value) => sum + value, 0);
  }, 0);
}

/**
 * Layers that are reinforced by default: the second, and the last 14 of 32 (LLaVA-1.5); at another depth L the last
 * ceil(14 / 32 L), which is our scaling and not the paper's. A model of one layer has that one.
 */
export function reinforcedLayers(layers: number): number[] {
  const last = Math.ceil((14 / 32) * layers);
  return Array.from({ length: layers }, (_, layer) => layer).filter(
    (layer) => layer === 1 || layer >= layers - last || layers === 1,
  );
}
