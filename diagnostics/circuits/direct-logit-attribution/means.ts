/** What single prompts give as one result: their means, with intervals. */
import { meanInterval } from '../../shared/statistics/proportion';
import type { DirectEffects } from '../../model-runner/direct-paths';
import type { Contributions, DirectResult, DirectTarget, LensLayer } from './result';

/** What was measured on one prompt. */
export interface Attributed {
  readonly effects: DirectEffects;
  /** Relative error, as in `DirectResult.check`. */
  readonly error: number;
  /** The target behind soft capping, where the model has it. */
  readonly capped?: number;
  readonly lens?: readonly LensLayer[];
}

export function resultOf(
  words: DirectTarget,
  measured: readonly Attributed[],
  further: Pick<DirectResult, 'position' | 'positionToken' | 'cap'>,
): DirectResult {
  const all = measured.map(({ effects }) => effects);
  const mean = combined(all, (values) => meanInterval(values).mean);
  const attention = mean.heads.map((_, layer) => mixedBy(mean, layer));
  const capped = measured.flatMap((one) => (one.capped === undefined ? [] : [one.capped]));
  const running: number[] = [mean.embedding];
  const add = (value: number): void => void running.push((running.at(-1) ?? 0) + value);
  attention.forEach((value, layer) => {
    add(value);
    add(mean.mlp[layer] ?? 0);
  });
  add(mean.rest);
  return {
    ...mean,
    target: words,
    prompts: measured.length,
    ...further,
    attention,
    running,
    ...(measured.length > 1
      ? {
          low: combined(all, (values) => meanInterval(values).low),
          high: combined(all, (values) => meanInterval(values).high),
          ...attentionEnds(all),
        }
      : {}),
    check: { sum: running.at(-1) ?? Number.NaN, error: Math.max(...measured.map(({ error }) => error)) },
    ...(capped.length > 0 ? { capped: meanInterval(capped).mean } : {}),
    ...lensOfAll(measured),
  };
}

/** What the heads of a layer add together, and a recurrence beside them. */
const mixedBy = (
  { heads, cross, recurrent }: Pick<Contributions, 'heads' | 'cross' | 'recurrent'>,
  layer: number,
): number =>
  [...(heads[layer] ?? []), ...(cross?.[layer] ?? [])].reduce((sum, value) => sum + value, recurrent?.[layer] ?? 0);

/** Intervals of these sums. */
function attentionEnds(all: readonly DirectEffects[]): Pick<DirectResult, 'attentionLow' | 'attentionHigh'> {
  const ends = (all[0]?.heads ?? []).map((_, layer) => meanInterval(all.map((one) => mixedBy(one, layer))));
  return { attentionLow: ends.map(({ low }) => low), attentionHigh: ends.map(({ high }) => high) };
}

function combined(all: readonly DirectEffects[], of: (values: readonly number[]) => number): Contributions {
  const [first] = all;
  const over = (give: (one: DirectEffects) => number | undefined): number =>
    of(all.map((one) => give(one) ?? Number.NaN));
  return {
    heads: (first?.heads ?? []).map((row, layer) => row.map((_, head) => over((one) => one.heads[layer]?.[head]))),
    ...(first?.cross
      ? { cross: first.cross.map((row, layer) => row.map((_, head) => over((one) => one.cross?.[layer]?.[head]))) }
      : {}),
    ...(first?.recurrent
      ? { recurrent: first.recurrent.map((_, layer) => over((one) => one.recurrent?.[layer])) }
      : {}),
    mlp: (first?.mlp ?? []).map((_, layer) => over((one) => one.mlp[layer])),
    embedding: over((one) => one.embedding),
    rest: over((one) => one.rest),
    logit: over((one) => one.logit),
  };
}

function lensOfAll(measured: readonly Attributed[]): Pick<DirectResult, 'lens' | 'lensLow' | 'lensHigh'> {
  const lenses = measured.flatMap(({ lens }) => (lens ? [lens] : []));
  const [first] = lenses;
  if (!first) return {};
  if (lenses.length === 1) return { lens: first };
  const at = (layer: number, give: (one: LensLayer) => number | undefined) =>
    meanInterval(
      lenses.map((lens) => {
        const one = lens[layer];
        return (one && give(one)) ?? Number.NaN;
      }),
    );
  return {
    lens: first.map(({ against }, layer) => ({
      probability: at(layer, ({ probability }) => probability).mean,
      rank: at(layer, ({ rank }) => rank).mean,
      ...(against === undefined ? {} : { against: at(layer, (one) => one.against).mean }),
    })),
    lensLow: first.map((_, layer) => at(layer, ({ probability }) => probability).low),
    lensHigh: first.map((_, layer) => at(layer, ({ probability }) => probability).high),
  };
}
