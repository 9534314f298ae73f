/**
 * Rotary frequencies in float64, written from the forms' definitions and from nothing of the product: positions divided by the
 * factor (linear), NTK-aware base by length (dynamic), YaRN (arXiv:2309.00071, with the ramp over dimension indices of the
 * authors' code), LongRoPE (arXiv:2402.13753), Llama 3.1's bands of wavelengths.
 */

export interface RopeScalingConfig {
  readonly rope_type?: string;
  readonly type?: string;
  readonly factor?: number;
  readonly original_max_position_embeddings?: number;
  readonly beta_fast?: number;
  readonly beta_slow?: number;
  readonly attention_factor?: number;
  readonly mscale?: number;
  readonly mscale_all_dim?: number;
  readonly short_factor?: readonly number[];
  readonly long_factor?: readonly number[];
  readonly low_freq_factor?: number;
  readonly high_freq_factor?: number;
}

export interface RopeReferenceConfig {
  readonly theta: number;
  /** Rotated width of a head. */
  readonly width: number;
  readonly scaling: RopeScalingConfig | undefined;
  readonly max_position_embeddings: number;
  readonly original_max_position_embeddings?: number | undefined;
  /** Largest position of the sequence and one. */
  readonly length: number;
}

/** Radians that pair i turns per position, and what cos and sin are multiplied by. */
export interface Rotation {
  readonly radians: readonly number[];
  readonly amplitude: number;
}

export function rotationOf(config: RopeReferenceConfig): Rotation {
  const { theta, width, scaling = {}, max_position_embeddings: longest, length } = config;
  const pairs = Array.from({ length: width / 2 }, (_, i) => i);
  const wavelength = (i: number, base = theta): number => 2 * Math.PI * Math.pow(base, (2 * i) / width);
  const turns = (i: number, base = theta): number => (2 * Math.PI) / wavelength(i, base);
  const form = scaling.rope_type ?? scaling.type ?? 'default';
  const s = scaling.factor ?? 1;
  const original = scaling.original_max_position_embeddings ?? config.original_max_position_embeddings ?? longest;
  if (form === 'default' || form === 'mrope') return { radians: pairs.map((i) => turns(i)), amplitude: 1 };
  if (form === 'linear') return { radians: pairs.map((i) => turns(i) / s), amplitude: 1 };
  if (form === 'dynamic') {
    const over = Math.max(length, longest) / longest;
    const base = theta * Math.pow(s * over - (s - 1), width / (width - 2));
    return { radians: pairs.map((i) => turns(i, base)), amplitude: 1 };
  }
  if (form === 'longrope' || form === 'su') {
    const list = (length > original ? scaling.long_factor : scaling.short_factor) ?? [];
    const stretch = scaling.factor ?? longest / original;
    const amplitude = scaling.attention_factor ?? Math.sqrt(1 + Math.max(0, Math.log(stretch)) / Math.log(original));
    return { radians: pairs.map((i) => turns(i) / (list[i] ?? Number.NaN)), amplitude };
  }
  if (form === 'llama3') {
    const low = original / (scaling.low_freq_factor ?? Number.NaN);
    const high = original / (scaling.high_freq_factor ?? Number.NaN);
    const radians = pairs.map((i) => {
      const wave = wavelength(i);
      if (wave < high) return turns(i);
      if (wave > low) return turns(i) / s;
      const share = (original / wave - original / low) / (original / high - original / low);
      return turns(i) * (share + (1 - share) / s);
    });
    return { radians, amplitude: 1 };
  }
  if (form === 'yarn') {
    // Index at which a pair turns `count` times within the original length.
    const index = (count: number): number =>
      (width / 2) * (Math.log(original / (2 * Math.PI * count)) / Math.log(theta));
    const from = Math.max(0, Math.floor(index(scaling.beta_fast ?? 32)));
    const to = Math.min(width - 1, Math.ceil(index(scaling.beta_slow ?? 1)));
    const radians = pairs.map((i) => {
      const slow = to === from ? (i > from ? 1 : 0) : Math.max(0, Math.min(1, (i - from) / (to - from)));
      return turns(i) * (1 - slow + slow / s);
    });
    const sharpened = (weight: number): number => (s > 1 ? 1 + 0.1 * weight * Math.log(s) : 1);
    const { mscale, mscale_all_dim: all } = scaling;
    const amplitude = scaling.attention_factor ?? (mscale && all ? sharpened(mscale) / sharpened(all) : sharpened(1));
    return { radians, amplitude };
  }
  throw new Error(`there is no definition of "${form}" here`);
}
