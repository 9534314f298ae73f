/** What a person can apply elsewhere: heads pruned, one head of a layer kept. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { GivenOffer } from '../../analysis';
import { counted, percent } from '../../../protocol/wire/number-words';
import { ascending, type Importance } from './importance';
import { metricTitles } from './metrics';
import type { VitResult } from './result';

const placesOf = (table: readonly (readonly number[])[]): readonly HeadPlace[] =>
  table.flatMap((row, layer) => row.map((_, head) => ({ layer, head })));

/** The least important heads by the metric that was chosen. */
export function prunedHeads({ importance = [], metric, share = 0 }: Partial<VitResult>): readonly HeadPlace[] {
  const found = importance.find((one) => one.metric === metric);
  if (!found) return [];
  const heads = placesOf(found.values);
  return ascending(heads, found.values.flat()).slice(0, Math.floor(share * heads.length));
}

/** The head without which the classes change most. */
export function mostImportant(
  importance: readonly Importance[],
): (HeadPlace & Record<'value' | 'low' | 'high', number>) | undefined {
  const found = importance.find(({ metric }) => metric === 'divergence');
  if (!found) return undefined;
  const best = ascending(placesOf(found.values), found.values.flat()).at(-1);
  if (!best) return undefined;
  const { layer, head } = best;
  const at = (table: Importance['values']): number => table[layer]?.[head] ?? Number.NaN;
  return { layer, head, value: at(found.values), low: at(found.low), high: at(found.high) };
}

const zero = ({ layer, head }: HeadPlace): Intervention => ({ kind: 'gain', layer, head, gain: 0 });

export function vitOffers(result: VitResult): readonly GivenOffer[] {
  const { importance = [], metric, share } = result;
  const pruned = prunedHeads(result);
  const kept = importance.find((one) => one.metric === 'kept');
  const heads = kept ? placesOf(kept.values) : [];
  const best = kept ? ascending(heads, kept.values.flat()).at(-1) : undefined;
  const others = best ? heads.filter(({ layer, head }) => layer === best.layer && head !== best.head) : [];
  return [
    ...(pruned.length > 0
      ? [
          {
            title: `Prune ${counted(pruned.length, 'head', 'heads')}`,
            description: `The ${percent(share)} of the heads that matter least by ${metricTitles[metric]}.`,
            interventions: pruned.map(zero),
          },
        ]
      : []),
    ...(best && others.length > 0
      ? [
          {
            title: `Keep L${best.layer}H${best.head} alone in its layer`,
            description: `The head with which p(class) stays largest when the ${counted(others.length, 'other head', 'other heads')} of its layer are taken away.`,
            interventions: others.map(zero),
          },
        ]
      : []),
  ];
}
