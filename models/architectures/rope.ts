/**
 * Rotary position embedding (arXiv:2104.09864, section 3.2) in every form that configs name.
 *
 * Angles are computed here in float64 and enter the layer graphs as two inputs, cos and sin [positions, dimensions / 2],
 * already multiplied by the attention factor of the form: so each form is one formula here and no graph knows any.
 * Formulas as in transformers 4.57 `modeling_rope_utils` (read 2026-11-24): linear (positions / factor), dynamic (NTK-aware
 * base, r/LocalLLaMA 2023), yarn (arXiv:2309.00071, section 3.4), longrope (arXiv:2402.13753), llama3 (Llama 3.1 release). Of "proportional" (transformers 5, Gemma 4) the first frequencies of the whole
 * head turn and the others are 0.
 */
import { positiveSentence } from '../formats/config/config-reader';
import { factorSentence } from '../formats/config/rope';
import type { Rope } from '../formats/model-description';

export interface RotaryTables {
  /** [positions, dimensions / 2] */
  readonly cos: Float32Array;
  readonly sin: Float32Array;
}

export interface RotaryContext {
  /** `max_position_embeddings`. */
  readonly contextLength?: number | undefined;
  /** Tokens of the whole sequence: dynamic and longrope choose their frequencies by it. */
  readonly sequenceLength: number;
}

export interface RotaryFrequencies {
  /** Radians per position, [dimensions / 2]. */
  readonly frequencies: Float64Array;
  /** Factor on cos and sin (yarn and longrope sharpen attention by it). */
  readonly attentionFactor: number;
}

/** Throws RangeError with a sentence when the form cannot be computed from what the config says. */
export function rotaryFrequencies(rope: Rope, context: RotaryContext): RotaryFrequencies {
  const found = frequenciesOf(rope, context);
  if (Number.isFinite(found.attentionFactor) && found.frequencies.every(Number.isFinite)) return found;
  throw new RangeError(`The numbers of its "${rope.scaling.kind}" form give no finite frequencies of rotation.`);
}

function frequenciesOf(rope: Rope, context: RotaryContext): RotaryFrequencies {
  const half = rope.dimensions / 2;
  if (!Number.isInteger(half) || half <= 0) {
    throw new RangeError(`Rotary embedding needs an even number of dimensions, not ${rope.dimensions}.`);
  }
  const plain = (theta: number): Float64Array =>
    Float64Array.from({ length: half }, (_, i) => theta ** ((-2 * i) / rope.dimensions));
  const base = plain(rope.theta);
  const scaling = rope.scaling;
  switch (scaling.kind) {
    case 'none':
    // Text positions are the same in all three sections of mrope, so the sections change nothing for them.
    case 'mrope':
      return { frequencies: base, attentionFactor: 1 };
    case 'linear': {
      const factor = need(scaling.factor, 'linear', 'factor');
      return { frequencies: base.map((frequency) => frequency / factor), attentionFactor: 1 };
    }
    case 'dynamic': {
      const exponent = rope.dimensions / (rope.dimensions - 2);
      if (scaling.alpha !== undefined) {
        return { frequencies: plain(rope.theta * scaling.alpha ** exponent), attentionFactor: 1 };
      }
      const factor = need(scaling.factor, 'dynamic', 'factor');
      const trained = need(context.contextLength, 'dynamic', 'max_position_embeddings');
      if (context.sequenceLength <= trained) return { frequencies: base, attentionFactor: 1 };
      const stretch = (factor * context.sequenceLength) / trained - (factor - 1);
      return { frequencies: plain(rope.theta * stretch ** exponent), attentionFactor: 1 };
    }
    case 'yarn':
      return yarn(rope, scaling, base, context);
    case 'longrope': {
      const original = need(
        scaling.originalLength ?? context.contextLength,
        'longrope',
        'original_max_position_embeddings',
      );
      const factors = context.sequenceLength > original ? scaling.longFactor : scaling.shortFactor;
      if (factors.length !== half) {
        throw new RangeError(
          `The longrope factor list has ${factors.length} numbers, but the rotary width ${rope.dimensions} needs ${half}.`,
        );
      }
      const stretch = scaling.factor ?? (context.contextLength ?? original) / original;
      const attentionFactor =
        scaling.attentionFactor ?? (stretch <= 1 ? 1 : Math.sqrt(1 + Math.log(stretch) / Math.log(original)));
      return { frequencies: base.map((frequency, i) => frequency / (factors[i] ?? 1)), attentionFactor };
    }
    case 'llama3': {
      const factor = need(scaling.factor, 'llama3', 'factor');
      const low = need(scaling.lowFreqFactor, 'llama3', 'low_freq_factor');
      const high = need(scaling.highFreqFactor, 'llama3', 'high_freq_factor');
      const original = need(scaling.originalLength, 'llama3', 'original_max_position_embeddings');
      const frequencies = base.map((frequency) => {
        const wavelength = (2 * Math.PI) / frequency;
        if (wavelength < original / high) return frequency;
        if (wavelength > original / low) return frequency / factor;
        const smooth = (original / wavelength - low) / (high - low);
        return ((1 - smooth) * frequency) / factor + smooth * frequency;
      });
      return { frequencies, attentionFactor: 1 };
    }
    case 'proportional': {
      const turned = Math.floor((scaling.partialRotaryFactor ?? 1) * half);
      return { frequencies: base.map((frequency, i) => (i < turned ? frequency : 0)), attentionFactor: 1 };
    }
    case 'unknown':
      throw new RangeError(`Rotary embedding of the form "${scaling.name}" is not known.`);
  }
}

function yarn(
  rope: Rope,
  scaling: Extract<Rope['scaling'], { kind: 'yarn' }>,
  base: Float64Array,
  context: RotaryContext,
): RotaryFrequencies {
  const original = need(scaling.originalLength ?? context.contextLength, 'yarn', 'original_max_position_embeddings');
  const factor = need(scaling.factor ?? (context.contextLength ?? original) / original, 'yarn', 'factor');
  const magnitude = (scale: number, weight = 1): number => (scale <= 1 ? 1 : 0.1 * weight * Math.log(scale) + 1);
  const attentionFactor =
    scaling.attentionFactor ??
    (scaling.mscale && scaling.mscaleAllDim
      ? magnitude(factor, scaling.mscale) / magnitude(factor, scaling.mscaleAllDim)
      : magnitude(factor));
  /** The dimension that turns `rotations` times over the original length. */
  const dimensionOf = (rotations: number): number =>
    (rope.dimensions * Math.log(original / (rotations * 2 * Math.PI))) / (2 * Math.log(rope.theta));
  const [first, last] = [dimensionOf(scaling.betaFast), dimensionOf(scaling.betaSlow)];
  const rounded = scaling.truncate !== false;
  const low = Math.max(rounded ? Math.floor(first) : first, 0);
  const high = Math.min(rounded ? Math.ceil(last) : last, rope.dimensions - 1);
  const width = high === low ? 0.001 : high - low;
  const frequencies = base.map((frequency, i) => {
    const interpolated = Math.min(Math.max((i - low) / width, 0), 1);
    return (frequency / factor) * interpolated + frequency * (1 - interpolated);
  });
  return { frequencies, attentionFactor };
}

/** cos and sin of every position, times the attention factor; positions may be any integers. */
export function rotaryTables(rope: Rope, positions: ArrayLike<number>, context: RotaryContext): RotaryTables {
  const { frequencies, attentionFactor } = rotaryFrequencies(rope, context);
  const half = frequencies.length;
  const cos = new Float32Array(positions.length * half);
  const sin = new Float32Array(positions.length * half);
  for (let row = 0; row < positions.length; row++) {
    for (let i = 0; i < half; i++) {
      const angle = (positions[row] ?? 0) * (frequencies[i] ?? 0);
      cos[row * half + i] = Math.cos(angle) * attentionFactor;
      sin[row * half + i] = (rope.backwards ? -1 : 1) * Math.sin(angle) * attentionFactor;
    }
  }
  return { cos, sin };
}

function need(value: number | undefined, form: string, field: string): number {
  if (value === undefined || !Number.isFinite(value)) {
    throw new RangeError(`Rotary embedding of the form "${form}" needs ${field} in the config.`);
  }
  if (value > 0) return value;
  throw new RangeError(field === 'factor' ? factorSentence(value) : positiveSentence(field, value));
}
