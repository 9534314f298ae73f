import { planIntervention } from '../../protocol/interventions/plan';
import type { GivenOffer } from '../analysis';
import { kvNames } from '../plans/places';
import { counted, threeDigits } from '../words';
import type { DuoResult } from './result';

const percent = (share: number): string => `${threeDigits(100 * share)} %`;

const origins = {
  gradient: 'trained on pass keys',
  'first-order': 'by what the distance grows by when each alone streams',
  published: 'from the published file',
} as const;

export function finding(result: Partial<DuoResult>): string {
  const { gates, method, full, plan, threshold, above, checks, done, curve } = result;
  if (!gates || !method || full === undefined || !plan || threshold === undefined || above === undefined)
    return 'No gates are known yet.';
  const heads = gates.flat().length;
  const places = plan.flatMap((row, layer) =>
    row.flatMap(({ kind }, head) => (kind === 'full' ? [{ layer, head }] : [])),
  );
  const names = places.length > 0 ? `: ${kvNames(places)}` : '';
  const chosen = `${counted(full, 'key/value head', 'key/value heads')} of ${heads} ${full === 1 ? 'keeps' : 'keep'} everything${names}`;
  const gate = `Gates ${origins[method]}, from ${threeDigits(threshold)} on`;
  const reported = method === 'first-order' ? '' : `; ${percent(above)} of the gates are above 0.5`;
  if (!done) return `${gate} after ${counted(curve?.length ?? 0, 'step', 'steps')}: ${chosen}${reported}.`;
  const [all, own, uniform] = ['full cache', 'chosen heads', 'uniform window'].map((name) =>
    checks?.rows.find((row) => row.name === name),
  );
  if (!all || !own || !uniform || Number.isNaN(own.accuracy)) return `${gate}: ${chosen}${reported}.`;
  return `${gate}: ${chosen}${reported}. They give ${percent(own.accuracy)} of ${checks?.tokens ?? 0} key tokens, the full cache ${percent(all.accuracy)}, a uniform window of the same bytes ${percent(uniform.accuracy)}.`;
}

export function offers({ plan, full, config, sparsity }: DuoResult): readonly GivenOffer[] {
  const streams = plan.flat().find(({ kind }) => kind === 'recent');
  if (streams?.kind !== 'recent') return [];
  const title = `DuoAttention: ${percent(sparsity)} of the heads stream`;
  return [
    {
      title,
      description: `Keeps everything in the ${counted(full, 'key/value head', 'key/value heads')} with the largest gates, and ${streams.sinks} first and ${streams.recent} recent positions in the others; gates were found with ${config.sink_size} and ${config.recent_size}.`,
      interventions: [planIntervention(plan, 'dense')],
      plan: { title, heads: plan },
    },
  ];
}
