import { planIntervention } from '../../../protocol/interventions/plan';
import { chooseByGates } from '../../../protocol/plans/gates';
import { fullPlan, type HeadPlan } from '../../../protocol/plans/head-plan';
import type { GivenOffer } from '../../analysis';
import { kvNames } from '../../shared/plans/places';
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import type { DuoResult } from './result';

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

/** Shares of streaming heads that are offered beside the one that was asked for. */
const sparsities = [0.25, 0.5, 0.75] as const;

export function offers(result: DuoResult): readonly GivenOffer[] {
  const { gates, plan, full, deployed, windows } = result;
  const streams: HeadPlan = { kind: 'recent', ...deployed };
  const others = sparsities.map((share) => {
    const { full: kept, count } = chooseByGates(gates, { sparsity: share });
    return { plan: kept.map((row) => row.map((is) => (is ? fullPlan : streams))), full: count };
  });
  const all = [{ plan, full }, ...others].filter(
    (each, at, list) => each.full < gates.flat().length && list.findIndex((other) => other.full === each.full) === at,
  );
  return all.map(({ plan: heads, full: count }) => {
    const share = 1 - count / gates.flat().length;
    const title = `DuoAttention: ${percent(share)} of the heads stream`;
    return {
      title,
      description: `Keeps everything in the ${counted(count, 'key/value head', 'key/value heads')} with the largest gates, and ${deployed.sinks} first and ${deployed.recent} recent positions in the others; gates were found with ${windows.trainSinks} and ${windows.trainRecent}.`,
      interventions: [planIntervention(heads, 'dense')],
      plan: { title, heads, scores: gates },
    };
  });
}
