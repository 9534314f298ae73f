/** From the rows that leave the last block of a vision encoder to probabilities of classes. */
import type { ClassifierRows } from '../../../models/architectures/vision-tower';
import type { EncoderHead, HeadMap, NormWeights } from '../../model-runner/weights';

/** What names classes: the checkpoint's classifier, or a linear probe over standardised features. */
export interface Reader {
  readonly kind: 'classifier' | 'probe';
  readonly classes: readonly string[];
  readonly linear: HeadMap;
  /** Scaling of the probe: subtracted from the features, which are then multiplied by `scale`. */
  readonly scaling?: { readonly mean: readonly number[]; readonly scale: readonly number[] };
}

/** Which rows become the features, and through which norm. */
export interface Pooling {
  readonly reads: ClassifierRows;
  readonly norm?: NormWeights;
  readonly leading: number;
}

/** The pooling of the checkpoint's classifier; of a probe the row that it reads, the mean of the patches where there is no class row. */
export function poolingOf(
  { norm, classifier }: EncoderHead,
  leading: number,
  byClassifier: boolean,
  probed: 'class' | 'patches' = 'class',
): Pooling {
  if (byClassifier && classifier) {
    return { reads: classifier.reads, leading, ...(classifier.normed ? { norm } : {}) };
  }
  return { reads: leading > 0 ? probed : 'patches', leading, norm };
}

/** `stream`: [rows, width], what leaves the last block. */
export function featuresOf(stream: ArrayLike<number>, width: number, { reads, norm, leading }: Pooling): number[] {
  const rows = stream.length / width;
  const row = (at: number): number[] => {
    const values = Array.from({ length: width }, (_, i) => stream[at * width + i] ?? 0);
    return norm ? normed(values, norm) : values;
  };
  const first = (): number[] => row(0);
  const patches = (): number[] => {
    const sum = new Array<number>(width).fill(0);
    for (let at = leading; at < rows; at++) row(at).forEach((value, i) => (sum[i]! += value / (rows - leading)));
    return sum;
  };
  switch (reads) {
    case 'class':
      return first();
    case 'patches':
      return patches();
    case 'class and patches':
      return [...first(), ...patches()];
  }
}

function normed(values: readonly number[], { kind, gain, bias, epsilon }: NormWeights): number[] {
  const { length } = values;
  const mean = kind === 'rms' ? 0 : values.reduce((sum, value) => sum + value, 0) / length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / length;
  const scale = 1 / Math.sqrt(variance + epsilon);
  return values.map((value, i) => (value - mean) * scale * (gain[i] ?? 1) + (bias?.[i] ?? 0));
}

/** Softmax of the logits of the features. */
export function probabilitiesOf({ linear, scaling }: Reader, features: readonly number[]): number[] {
  const read = scaling
    ? features.map((value, i) => (value - (scaling.mean[i] ?? 0)) * (scaling.scale[i] ?? 1))
    : features;
  const { data, rows, columns, bias } = linear;
  const logits = Array.from({ length: rows }, (_, of) => {
    let sum = bias?.[of] ?? 0;
    for (let i = 0; i < columns; i++) sum += (data[of * columns + i] ?? 0) * (read[i] ?? 0);
    return sum;
  });
  const most = Math.max(...logits);
  const weights = logits.map((value) => Math.exp(value - most));
  const all = weights.reduce((sum, value) => sum + value, 0);
  return weights.map((value) => value / all);
}

/** The first of the most probable classes. */
export const predicted = (probabilities: readonly number[]): number =>
  probabilities.indexOf(Math.max(...probabilities));
