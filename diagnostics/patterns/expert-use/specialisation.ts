/**
 * What the experts of layers have to do with the classes of tokens, against classes that are dealt anew (sorted-tokens.ts).
 *
 * For a layer with O_ce tokens of class c that take expert e, over n counted tokens with k experts each:
 * - information I = sum_ce O_ce / (n k) ln(O_ce n k / (O_c O_e)), O_c and O_e the sums over experts and classes, in nats;
 * - deviation z_ce = (O_ce - n_c q_e) / sqrt(n_c q_e (1 - q_e) (n - n_c) / (n - 1)), n_c tokens of the class, q_e = O_e / n: how many
 *   standard deviations of a draw without replacement.
 *
 * The same deal is laid over all layers at once, and what is compared is the largest of them: p is the chance that the largest deal of
 * any layer (of any class and expert) reaches what was seen, (1 + deals that do) / (1 + deals) (Westfall and Young 1993, single step;
 * Phipson and Smyth 2010). Information of layers is compared in standard deviations of the layer's own deals.
 */
import { mean, standardDeviation } from 'simple-statistics';
import { random, seedFor } from '../../../kernels/tensors/random';
import type { Preference, Test } from './result';
import type { SortedTokens } from './sorted-tokens';

export interface Choices {
  readonly layer: number;
  readonly experts: number;
  readonly perToken: number;
  /** [tokens][perToken], of all documents one behind the other. */
  readonly chosen: Int16Array;
}

/** Specialisation in one layer and one way to sort tokens. */
interface Seen {
  readonly information: number;
  readonly largest: number;
}

/** What all deals of a layer keep. */
interface Margins {
  readonly tokens: number;
  /** n_c */
  readonly ofClass: Float64Array;
  /** O_e */
  readonly ofExpert: Float64Array;
  /** 1 / sqrt of the two factors of the variance of O_ce. */
  readonly classScale: Float64Array;
  readonly expertScale: Float64Array;
}

export interface Specialisation {
  /** By layer. */
  readonly tests: readonly Test[];
  readonly preferences: readonly Preference[];
}

/** Yields the share that is done after each deal. */
export function* specialisation(
  layers: readonly Choices[],
  sorted: SortedTokens,
  deals: number,
  seed: number,
  most: number,
): Generator<number, Specialisation> {
  const margins = layers.map((choices) => marginsOf(choices, sorted));
  const tables = layers.map((choices) => new Float64Array(sorted.names.length * choices.experts));
  const look = (at: number, classes: Int32Array): Seen => {
    const [choices, of, table] = [layers[at], margins[at], tables[at]];
    if (!choices || !of || !table) throw new RangeError(`there is no layer ${at}`);
    fill(table, choices, classes);
    return { information: informationOf(table, choices, of), largest: largestOf(table, choices, of) };
  };
  const seen = layers.map((_, at) => look(at, sorted.classes));
  const dealt: Seen[][] = [];
  for (let deal = 0; deal < deals; deal++) {
    const classes = sorted.dealt(random(seedFor(seed, `deal ${deal} by ${sorted.by}`)));
    dealt.push(layers.map((_, at) => look(at, classes)));
    yield (deal + 1) / deals;
  }
  const nulls = layers.map((_, at) => {
    const all = dealt.map((row) => row[at]?.information ?? 0);
    return { mean: mean(all), sd: standardDeviation(all) };
  });
  /** Rounding apart, a layer that every deal leaves as it is says nothing. */
  const standard = (at: number, information: number): number => {
    const { mean: centre, sd } = nulls[at] ?? { mean: 0, sd: 0 };
    return sd > 1e-12 ? (information - centre) / sd : 0;
  };
  const largest = dealt.map((row) => ({
    information: Math.max(...row.map(({ information }, at) => standard(at, information))),
    deviation: Math.max(...row.map((one) => one.largest)),
  }));
  const chance = (reach: (deal: (typeof largest)[number]) => boolean): number =>
    (1 + largest.filter(reach).length) / (1 + deals);
  const tests = layers.map((choices, at): Test => {
    const { information } = seen[at] ?? { information: 0 };
    const { mean: nullMean, sd: nullSd } = nulls[at] ?? { mean: 0, sd: 0 };
    const own = standard(at, information);
    const spread = entropyOf(margins[at]?.ofExpert ?? new Float64Array(choices.experts));
    return {
      by: sorted.by,
      ...{ information, nullMean, nullSd },
      share: spread > 0 ? (information - nullMean) / spread : 0,
      p: own > 0 ? chance((deal) => deal.information >= own) : 1,
    };
  });
  const found = layers.flatMap((choices, at) => {
    const [of, table] = [margins[at], tables[at]];
    if (!of || !table) return [];
    fill(table, choices, sorted.classes);
    return cellsOf(table, choices, of).map((cell) => ({ layer: choices.layer, ...cell }));
  });
  const preferences = found
    .sort((a, b) => b.deviation - a.deviation)
    .slice(0, 4 * most)
    .map(({ class: kind, deviation, ...cell }): Preference => ({
      by: sorted.by,
      name: sorted.names[kind] ?? '',
      ...{ ...cell, deviation, p: chance((deal) => deal.deviation >= deviation) },
    }))
    .filter(({ p }) => p <= 0.05)
    .slice(0, most);
  return { tests, preferences };
}

function fill(table: Float64Array, { chosen, perToken, experts }: Choices, classes: Int32Array): void {
  table.fill(0);
  classes.forEach((kind, token) => {
    if (kind < 0) return;
    for (let slot = 0; slot < perToken; slot++) {
      const at = kind * experts + (chosen[token * perToken + slot] ?? 0);
      table[at] = (table[at] ?? 0) + 1;
    }
  });
}

function marginsOf({ chosen, perToken, experts }: Choices, { classes, names }: SortedTokens): Margins {
  const [ofClass, ofExpert] = [new Float64Array(names.length), new Float64Array(experts)];
  let tokens = 0;
  classes.forEach((kind, token) => {
    if (kind < 0) return;
    tokens++;
    ofClass[kind] = (ofClass[kind] ?? 0) + 1;
    for (let slot = 0; slot < perToken; slot++) {
      const expert = chosen[token * perToken + slot] ?? 0;
      ofExpert[expert] = (ofExpert[expert] ?? 0) + 1;
    }
  });
  const inverse = (variance: number): number => (variance > 0 ? 1 / Math.sqrt(variance) : 0);
  return {
    ...{ tokens, ofClass, ofExpert },
    classScale: ofClass.map((count) => inverse((count * (tokens - count)) / Math.max(1, tokens - 1))),
    expertScale: ofExpert.map((count) => inverse((count / tokens) * (1 - count / tokens))),
  };
}

function informationOf(
  table: Float64Array,
  { perToken, experts }: Choices,
  { tokens, ofClass, ofExpert }: Margins,
): number {
  const all = tokens * perToken;
  let sum = 0;
  for (let kind = 0, at = 0; kind < ofClass.length; kind++) {
    const row = (ofClass[kind] ?? 0) * perToken;
    for (let expert = 0; expert < experts; expert++, at++) {
      const count = table[at] ?? 0;
      if (count > 0) sum += count * Math.log((count * all) / (row * (ofExpert[expert] ?? 1)));
    }
  }
  return all > 0 ? sum / all : 0;
}

function largestOf(table: Float64Array, { experts }: Choices, of: Margins): number {
  let largest = -Infinity;
  for (let kind = 0, at = 0; kind < of.ofClass.length; kind++) {
    const [share, scale] = [(of.ofClass[kind] ?? 0) / of.tokens, of.classScale[kind] ?? 0];
    for (let expert = 0; expert < experts; expert++, at++) {
      const z = ((table[at] ?? 0) - share * (of.ofExpert[expert] ?? 0)) * scale * (of.expertScale[expert] ?? 0);
      if (z > largest) largest = z;
    }
  }
  return largest;
}

function cellsOf(table: Float64Array, { experts }: Choices, of: Margins) {
  const cells: {
    readonly class: number;
    readonly expert: number;
    readonly taken: number;
    readonly of: number;
    readonly expected: number;
    readonly deviation: number;
  }[] = [];
  table.forEach((taken, at) => {
    const [kind, expert] = [Math.floor(at / experts), at % experts];
    const count = of.ofClass[kind] ?? 0;
    const expected = (count / of.tokens) * (of.ofExpert[expert] ?? 0);
    const deviation = (taken - expected) * (of.classScale[kind] ?? 0) * (of.expertScale[expert] ?? 0);
    if (deviation > 0) cells.push({ class: kind, expert, taken, of: count, expected, deviation });
  });
  return cells;
}

function entropyOf(counts: Float64Array): number {
  const sum = counts.reduce((total, count) => total + count, 0);
  return counts.reduce((total, count) => (count > 0 ? total - (count / sum) * Math.log(count / sum) : total), 0);
}
