/**
 * A dictionary of features: a sparse autoencoder of what a model computes at one place, or a transcoder from one place to another.
 * Features f [m] of an input x [w], and what they give back, y [v]:
 *   u = x - b_dec where the encoder asks for it (`subtracts`), else x
 *   f = act(u W_enc + b_enc),  y = f W_dec + b_dec (+ W_skip x)
 * - `relu`: f_i = max(0, z_i), z the argument
 * - `jumprelu` (arXiv:2407.14435): f_i = max(0, z_i) where z_i > θ_i, else 0; a BatchTopK dictionary is one after its training
 * - `topk` (arXiv:2406.04093): f_i = max(0, z_i) of the k largest z, else 0; of equal ones the lower index comes first
 * - `gated` (arXiv:2404.16014): f_i = max(0, e^(r_i) (u W_enc)_i + b_mag,i) where (u W_enc)_i + b_gate,i > 0, else 0
 */
import type { Hook } from './hook';

export type DictionaryKind = 'relu' | 'jumprelu' | 'topk' | 'gated';

/**
 * What is done to x before, and undone on y, as SAELens does it at each position:
 * - `constant-norm`: x √w / |x|, and y |x| / √w
 * - `layer-norm`: (x - mean) / (sd + 1e-5) with sd over w - 1, and y sd + mean
 */
export type DictionaryScale = 'none' | 'constant-norm' | 'layer-norm';

export interface Dictionary {
  readonly kind: DictionaryKind;
  /** Where x is read. */
  readonly reads: Hook;
  /** Where y belongs: the same place, or that of a transcoder. */
  readonly writes: Hook;
  /** w, v and m. */
  readonly inputs: number;
  readonly outputs: number;
  readonly features: number;
  /** W_enc [w, m] and W_dec [m, v]. */
  readonly encoder: Float32Array;
  readonly decoder: Float32Array;
  /** b_enc, or b_mag of `gated`, [m]. */
  readonly bias: Float32Array;
  /** b_dec [v] */
  readonly decoderBias: Float32Array;
  readonly subtracts: boolean;
  /** θ [m], of `jumprelu`. */
  readonly threshold?: Float32Array;
  /** Of `topk`. */
  readonly k?: number;
  /** r and b_gate [m], of `gated`. */
  readonly gate?: { readonly logScale: Float32Array; readonly bias: Float32Array };
  /** W_skip [v, w] of a transcoder that has one. */
  readonly skip?: Float32Array;
  readonly scale: DictionaryScale;
  /** The model that it was trained on had its writing weights centred: x is read less its mean over the w numbers. */
  readonly centred: boolean;
}

/** How x is brought to what the encoder reads: (x - centre) / divisor; and y to x: y factor + centre, the centre where it is given back. */
interface Scaling {
  readonly centre: number;
  readonly divisor: number;
  readonly factor: number;
  readonly back: number;
}

/** Of a position whose numbers are all 0 `constant-norm` leaves what is read, and gives back 0. */
function scalingOf({ scale, centred }: Pick<Dictionary, 'scale' | 'centred'>, x: ArrayLike<number>): Scaling {
  const values = Float64Array.from(x);
  const { length } = values;
  const mean = values.reduce((sum, value) => sum + value, 0) / length;
  const centre = centred || scale === 'layer-norm' ? mean : 0;
  const norm = Math.hypot(...values.map((value) => value - centre));
  switch (scale) {
    case 'none':
      return { centre, divisor: 1, factor: 1, back: 0 };
    case 'constant-norm': {
      const factor = norm / Math.sqrt(length);
      return { centre, divisor: factor > 0 ? factor : 1, factor, back: 0 };
    }
    case 'layer-norm': {
      const deviation = norm / Math.sqrt(Math.max(1, length - 1));
      return { centre, divisor: deviation + 1e-5, factor: deviation, back: centred ? 0 : centre };
    }
  }
}

/** What the dictionary is to give back, as it reads it: x, less its mean where the dictionary is centred. */
export function comparable({ centred }: Pick<Dictionary, 'centred'>, x: ArrayLike<number>): Float64Array {
  const read = Float64Array.from(x);
  const mean = centred ? read.reduce((sum, value) => sum + value, 0) / read.length : 0;
  return read.map((value) => value - mean);
}

/** u W_enc, [m]. */
function products({ encoder, features, inputs }: Dictionary, u: Float64Array): Float64Array {
  const sums = new Float64Array(features);
  for (let row = 0; row < inputs; row++) {
    const value = u[row] ?? 0;
    if (value === 0) continue;
    const start = row * features;
    for (let i = 0; i < features; i++) sums[i] = (sums[i] ?? 0) + value * (encoder[start + i] ?? 0);
  }
  return sums;
}

/** Features above 0 of an input, by rising index. */
export interface Active {
  readonly indices: readonly number[];
  readonly values: readonly number[];
}

export interface Encoded {
  readonly active: Active;
  /** What x is divided by before it is encoded, and what features are multiplied with behind the decoder: both 1 without a scale. */
  readonly divisor: number;
  readonly factor: number;
  /** y of these features, [v]. */
  readonly decode: () => Float64Array;
}

/** Features of one position in float64. */
export function encode(dictionary: Dictionary, x: ArrayLike<number>): Encoded {
  const { subtracts, decoderBias } = dictionary;
  const { centre, divisor, factor, back } = scalingOf(dictionary, x);
  const read = Float64Array.from(x, (value) => (value - centre) / divisor);
  const u = subtracts ? read.map((value, at) => value - (decoderBias[at] ?? 0)) : read;
  const active = activeOf(dictionary, products(dictionary, u));
  return {
    ...{ active, divisor, factor },
    decode() {
      const y = decoded(dictionary, active);
      addSkip(dictionary, read, y);
      return y.map((value) => value * factor + back);
    },
  };
}

/** f of u W_enc. */
function activeOf({ kind, bias, threshold, k, gate }: Dictionary, sums: Float64Array): Active {
  const indices: number[] = [];
  const values: number[] = [];
  const allowed = kind === 'topk' ? largest(sums, bias, k ?? 0) : undefined;
  sums.forEach((sum, i) => {
    const value = sum * (gate ? Math.exp(gate.logScale[i] ?? 0) : 1) + (bias[i] ?? 0);
    if (!(value > 0)) return;
    if (kind === 'jumprelu' && !(value > (threshold?.[i] ?? 0))) return;
    if (gate && !(sum + (gate.bias[i] ?? 0) > 0)) return;
    if (allowed && !allowed.has(i)) return;
    indices.push(i);
    values.push(value);
  });
  return { indices, values };
}

/** Indices of the k largest numbers. */
function largest(sums: Float64Array, bias: Float32Array, k: number): ReadonlySet<number> {
  const of = (i: number): number => (sums[i] ?? 0) + (bias[i] ?? 0);
  const order = Array.from(sums, (_, i) => i).sort((a, b) => of(b) - of(a) || a - b);
  return new Set(order.slice(0, k));
}

function decoded({ decoder, decoderBias, outputs }: Dictionary, { indices, values }: Active): Float64Array {
  const y = Float64Array.from(decoderBias);
  indices.forEach((feature, at) => {
    const value = values[at] ?? 0;
    for (let j = 0; j < outputs; j++) y[j] = (y[j] ?? 0) + value * (decoder[feature * outputs + j] ?? 0);
  });
  return y;
}

function addSkip({ skip, inputs, outputs }: Dictionary, x: Float64Array, y: Float64Array): void {
  if (!skip) return;
  for (let j = 0; j < outputs; j++) {
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += (skip[j * inputs + i] ?? 0) * (x[i] ?? 0);
    y[j] = (y[j] ?? 0) + sum;
  }
}

/** How a position is read and written back: with s = share |x|, or share |x - mean of x| of `centred`, x / (s + epsilon) and y s. */
export interface FeatureScale {
  readonly centred: boolean;
  readonly share: number;
  readonly epsilon: number;
}

/** All features of a TopK dictionary, z = read^T x + bias with x as the dictionary scales it. */
export interface Rivals {
  /** [w, m] and [m] */
  readonly read: Float32Array;
  readonly bias: Float32Array;
  readonly k: number;
}

/**
 * One feature as numbers on x itself: with p = x · read, divided by s + epsilon where there is a scale, f = max(0, gain p + bias) where
 * p + gate > 0, else 0. In a TopK dictionary it is 0 too where the feature is not among the k largest of its `rivals`. `write` is its row
 * of W_dec; what the feature adds to y is f write, times s where there is a scale.
 */
export interface FeatureForm {
  readonly read: Float32Array;
  readonly gain: number;
  readonly bias: number;
  readonly gate: number;
  readonly write: Float32Array;
  readonly scale?: FeatureScale;
  readonly rivals?: Rivals;
  /** Its index among the rivals. */
  readonly index: number;
}

/** A slider asks with every move, and the rivals of a dictionary are as large as it. */
const rivalsOf = new WeakMap<Dictionary, Rivals>();

export function featureForm(dictionary: Dictionary, feature: number): FeatureForm {
  const { kind, encoder, features, inputs, outputs, decoder, bias, threshold, gate } = dictionary;
  const scale = featureScale(dictionary);
  const column = Float64Array.from({ length: inputs }, (_, row) => encoder[row * features + feature] ?? 0);
  const mean = readsCentred(dictionary) ? column.reduce((sum, value) => sum + value, 0) / inputs : 0;
  const shift = shiftOf(dictionary, feature);
  const gain = gate ? Math.exp(gate.logScale[feature] ?? 0) : 1;
  const own = bias[feature] ?? 0;
  const rivals = kind === 'topk' ? (rivalsOf.get(dictionary) ?? allFeatures(dictionary)) : undefined;
  return {
    read: Float32Array.from(column, (value) => value - mean),
    gain,
    bias: own - gain * shift,
    gate: (gate ? (gate.bias[feature] ?? 0) : own - (threshold?.[feature] ?? 0)) - shift,
    write: decoder.slice(feature * outputs, (feature + 1) * outputs),
    index: feature,
    ...(scale ? { scale } : {}),
    ...(rivals ? { rivals } : {}),
  };
}

const readsCentred = ({ centred, scale }: Dictionary): boolean => centred || scale === 'layer-norm';

function featureScale({ scale, centred, inputs }: Dictionary): FeatureScale | undefined {
  switch (scale) {
    case 'none':
      return undefined;
    case 'constant-norm':
      return { centred, share: 1 / Math.sqrt(inputs), epsilon: 0 };
    case 'layer-norm':
      return { centred: true, share: 1 / Math.sqrt(Math.max(1, inputs - 1)), epsilon: 1e-5 };
  }
}

/** b_dec · W_enc,i where it is taken from x. */
function shiftOf({ subtracts, encoder, decoderBias, features, inputs }: Dictionary, feature: number): number {
  let sum = 0;
  if (subtracts) {
    for (let row = 0; row < inputs; row++) sum += (decoderBias[row] ?? 0) * (encoder[row * features + feature] ?? 0);
  }
  return sum;
}

function allFeatures(dictionary: Dictionary): Rivals {
  const { encoder, features, inputs, bias, k = features } = dictionary;
  const means = new Float64Array(features);
  if (readsCentred(dictionary))
    encoder.forEach((value, at) => (means[at % features] = (means[at % features] ?? 0) + value / inputs));
  const rivals: Rivals = {
    read: readsCentred(dictionary) ? encoder.map((value, at) => value - (means[at % features] ?? 0)) : encoder,
    bias: bias.map((value, feature) => value - shiftOf(dictionary, feature)),
    k,
  };
  rivalsOf.set(dictionary, rivals);
  return rivals;
}
