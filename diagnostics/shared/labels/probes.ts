/**
 * Prompts that show what a head does when the structure is known: token ids drawn from a seed, so that no text is needed.
 */

export interface Probe {
  readonly ids: readonly number[];
  /** By position: positions whose token is taken to have occurred before, latest first. */
  readonly earlier: readonly (readonly number[])[];
  /** Positions that count (the second half). */
  readonly counted: readonly number[];
}

export interface ProbeSettings {
  readonly vocabulary: number;
  /** Ids that are never drawn (special tokens). */
  readonly avoid: readonly number[];
  readonly bosId?: number | undefined;
  /** Tokens of one half. */
  readonly period: number;
  readonly seed: number;
}

/** [bos] + s + s with s random and without repeats: the induction probe of Olsson et al. 2022. */
export function repeatedSequence(settings: ProbeSettings): Probe {
  const first = drawDistinct(settings, settings.period);
  return probeOf(settings, [...first, ...first]);
}

/**
 * [bos] + s + t with s and t random and without common tokens: the null model. The positions that held the earlier
 * occurrence in the repeated sequence are measured all the same.
 */
export function unrepeatedSequence(settings: ProbeSettings): Probe {
  return probeOf(settings, drawDistinct(settings, 2 * settings.period));
}

function probeOf(settings: ProbeSettings, body: readonly number[]): Probe {
  const lead = settings.bosId === undefined ? [] : [settings.bosId];
  const ids = [...lead, ...body];
  const second = lead.length + settings.period;
  return {
    ids,
    earlier: ids.map((_, position) => (position >= second ? [position - settings.period] : [])),
    counted: ids.map((_, position) => position).filter((position) => position >= second),
  };
}

const longestPeriod = 64;
/** Fewer repeated tokens say nothing about a head. */
const shortestPeriod = 8;

/** The longest half that the vocabulary and the context allow, at most 64 tokens; undefined when that is less than 8. */
export function probePeriod(vocabulary: number, avoid: number, contextLength: number | undefined): number | undefined {
  const byVocabulary = Math.floor((vocabulary - avoid) / 2);
  const byContext = contextLength === undefined ? longestPeriod : Math.floor((contextLength - 1) / 2);
  const period = Math.min(longestPeriod, byVocabulary, byContext);
  return period < shortestPeriod ? undefined : period;
}

/** Token ids drawn without repeats. */
export function drawDistinct({ vocabulary, avoid, seed }: ProbeSettings, count: number): number[] {
  const random = splitMix(seed);
  const taken = new Set(avoid);
  const drawn: number[] = [];
  if (vocabulary - taken.size < count)
    throw new RangeError(`A vocabulary of ${vocabulary} is too small for ${count} different tokens.`);
  while (drawn.length < count) {
    const id = Math.floor(random() * vocabulary);
    if (taken.has(id)) continue;
    taken.add(id);
    drawn.push(id);
  }
  return drawn;
}

/** SplitMix32: uniform numbers in [0, 1) from a 32-bit seed. */
function splitMix(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 4294967296;
  };
}
