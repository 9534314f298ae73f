/** Which heads and units go, by their scores or at random. */
import type { Variant } from '../../../models/instrument/changes/changes';
import { gainsOf } from '../../../models/instrument/changes/gain';
import { random } from '../../../kernels/tensors/random';
import type { PerHead } from '../../../protocol/results/heads';
import type { KeptParts } from '../../shared/conversions/cut';
import { rangesOf } from '../../shared/conversions/cut';
import type { Counts, PrunedLayer } from './budget';

export interface LayerScores {
  /** Scores of the query heads, [h]. */
  readonly heads: readonly number[];
  /** [u] */
  readonly units: readonly number[];
}

/** Key/value heads and units that go. */
export interface Removed {
  readonly groups: readonly number[];
  readonly units: readonly number[];
}

/** Score of a key/value head: the sum over the query heads that read it. */
export const groupScores = (scores: readonly number[], kvHeads: number): readonly number[] => {
  const each = scores.length / kvHeads;
  return Array.from({ length: kvHeads }, (_, group) =>
    scores.slice(group * each, (group + 1) * each).reduce((sum, score) => sum + score, 0),
  );
};

/** `standard`: the lowest scores go; `reversed`: the highest. Of equal ones the first. */
export function chosenByScore(
  layers: readonly PrunedLayer[],
  scores: readonly LayerScores[],
  counts: readonly Counts[],
  order: 'standard' | 'reversed',
): readonly Removed[] {
  const sign = order === 'standard' ? 1 : -1;
  const first = (values: readonly number[], count: number): readonly number[] =>
    [...values.keys()]
      .sort((a, b) => sign * ((values[a] ?? 0) - (values[b] ?? 0)) || a - b)
      .slice(0, count)
      .sort((a, b) => a - b);
  return layers.map(({ kvHeads }, at) => {
    const { heads = [], units = [] } = scores[at] ?? {};
    const count = counts[at] ?? { groups: 0, units: 0 };
    return { groups: first(groupScores(heads, kvHeads), count.groups), units: first(units, count.units) };
  });
}

/** As many of each layer, drawn by the seed. */
export function chosenAtRandom(
  layers: readonly PrunedLayer[],
  counts: readonly Counts[],
  seed: number,
): readonly Removed[] {
  const draw = random(seed);
  const some = (of: number, count: number): readonly number[] => {
    const all = Array.from({ length: of }, (_, index) => index);
    for (let at = 0; at < count; at++) {
      const other = at + Math.floor(draw.uniform() * (of - at));
      [all[at], all[other]] = [all[other] ?? 0, all[at] ?? 0];
    }
    return all.slice(0, count).sort((a, b) => a - b);
  };
  return layers.map(({ kvHeads, units }, at) => {
    const count = counts[at] ?? { groups: 0, units: 0 };
    return { groups: some(kvHeads, count.groups), units: some(units, count.units) };
  });
}

/** The model with their gains 0: the same function as the checkpoint without them. */
export function withoutParts(layers: readonly PrunedLayer[], removed: readonly Removed[]): Variant {
  return removed.flatMap(({ groups, units }, layer): Variant => [
    ...gainsOf(
      groups.flatMap((group) => queryHeads(layers[layer], group).map((head) => ({ layer, head }))),
      0,
    ),
    ...(units.length === 0
      ? []
      : [
          {
            ...{ kind: 'units' as const, layer, gain: 0 },
            units: rangesOf(units, 1).map(([start, end]) => ({ start, end })),
          },
        ]),
  ]);
}

export function queryHeads(
  layer: Pick<PrunedLayer, 'heads' | 'kvHeads'> | undefined,
  group: number,
): readonly number[] {
  const each = layer ? layer.heads / layer.kvHeads : 1;
  return Array.from({ length: each }, (_, at) => group * each + at);
}

export const keptParts = (layers: readonly PrunedLayer[], removed: readonly Removed[]): readonly KeptParts[] =>
  layers.map(({ kvHeads, units }, at) => {
    const { groups = [], units: gone = [] } = removed[at] ?? {};
    return { groups: others(kvHeads, groups), units: others(units, gone) };
  });

function others(of: number, without: readonly number[]): readonly number[] {
  const gone = new Set(without);
  return Array.from({ length: of }, (_, index) => index).filter((index) => !gone.has(index));
}

/** Each head's share of the sum of its layer. */
export const sharesOfLayer = (scores: PerHead): PerHead =>
  scores.map((layer) => {
    const sum = layer.reduce((total, score) => total + score, 0);
    return layer.map((score) => (sum > 0 ? score / sum : Number.NaN));
  });
