/**
 * What the movers of a task attend to before and after the repair (repair.ts): the mass of the last query on the places of right
 * and of wrong answers in the prompt, a probability, mean over prompts. Movers behind the first repaired layer alone: no other
 * reads what was repaired. Repaired heads have no attention of their own after it.
 */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { Pair } from '../../shared/effects/pairs';
import { answerPlaces, massOn, type HeadRole } from '../../shared/circuits/roles';
import { withReplacements } from '../../shared/effects/parts';
import type { ModelRunner } from '../../model-runner/model-runner';
import { meanInterval } from '../../shared/statistics/proportion';
import { repairs, type BeforeAfter, type MoverAttention } from './repair';

export function moversBehind(roles: readonly HeadRole[], repaired: readonly HeadPlace[]): readonly HeadPlace[] {
  const first = Math.min(...repaired.map(({ layer }) => layer));
  return roles
    .filter(
      ({ role, layer, head }) =>
        (role === 'mover' || role === 'negative mover') &&
        layer > first &&
        !repaired.some((one) => one.layer === layer && one.head === head),
    )
    .map(({ layer, head }) => ({ layer, head }));
}

/** Attention mass of each mover on right and wrong answers of one prompt, before and after. */
export type MoverMasses = readonly {
  readonly right: readonly [before: number, after: number];
  readonly wrong: readonly [before: number, after: number];
}[];

export async function moverMasses(
  model: ModelRunner,
  pair: Pair,
  {
    movers,
    heads,
    positions,
    variant,
  }: {
    readonly movers: readonly HeadPlace[];
    /** Those repaired, and what to. */
    readonly heads: readonly HeadPlace[];
    readonly positions: readonly number[];
    readonly variant: Variant;
  },
): Promise<MoverMasses> {
  const { clean } = pair;
  const { right, wrong } = answerPlaces(model, pair);
  const repaired = withReplacements(variant, await repairs(model, pair, heads, positions, variant));
  const mapsOf = async (own: Variant) =>
    (await model.run({ ...clean, variants: [own], maps: movers, logits: 'none' })).layers;
  const [before, after] = [await mapsOf(variant), await mapsOf(repaired)];
  return movers.map(({ layer, head }) => {
    const masses = (keys: readonly number[]): readonly [number, number] => [
      massOn(before[layer]?.maps.get(head), clean.ids.length, keys),
      massOn(after[layer]?.maps.get(head), clean.ids.length, keys),
    ];
    return { right: masses(right), wrong: masses(wrong) };
  });
}

/** `prompts`: by prompt. */
export function moverAttention(
  movers: readonly HeadPlace[],
  prompts: readonly MoverMasses[],
): readonly MoverAttention[] {
  return movers.map((mover, at): MoverAttention => {
    const own = prompts.flatMap((masses) => masses[at] ?? []);
    const levels = (of: 'right' | 'wrong'): BeforeAfter => [
      meanInterval(own.map((masses) => masses[of][0])),
      meanInterval(own.map((masses) => masses[of][1])),
    ];
    return {
      ...mover,
      right: levels('right'),
      wrong: levels('wrong'),
      change: meanInterval(own.map(({ right: [before, after] }) => after - before)),
    };
  });
}
