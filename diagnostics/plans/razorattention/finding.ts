import { planIntervention } from '../../../protocol/interventions/plan';
import type { GivenOffer } from '../../analysis';
import { headPlanText } from '../../../protocol/plans/head-plan';
import { kvNames } from '../../shared/plans/places';
import { counted, percent, threeDigits } from '../../../protocol/wire/number-words';
import type { RazorResult } from './result';

export function finding({
  retrieval,
  induction,
  bytes,
  grid,
  inductionHeads,
  echoHeads,
}: Partial<RazorResult>): string {
  if (!retrieval || !induction || !bytes || !inductionHeads || !echoHeads) return 'The probe has not been read yet.';
  const heads = induction.flat().length;
  if (retrieval.length === 0) return `All ${heads} key/value heads are cut: the shares of both lists are 0.`;
  const last = bytes.at(-1);
  const lists = `${inductionHeads.length} for induction, ${echoHeads.length} for echo`;
  const kept = `${counted(retrieval.length, 'key/value head', 'key/value heads')} of ${heads} ${retrieval.length === 1 ? 'keeps' : 'keep'} everything (${lists}): ${kvNames(retrieval)}.`;
  const saved = last ? ` The caches shrink by a factor of ${threeDigits(last.ratio)} at ${last.tokens} tokens.` : '';
  if (!grid) return kept + saved;
  const best = grid.rows.reduce((most, row) => (row.accuracy > most.accuracy ? row : most));
  const most = `${percent(best.accuracy)} of ${grid.prompts} pass keys are found with ${counted(best.heads, 'full head', 'full heads')}`;
  return `${kept}${saved} ${most}, ${percent(grid.full.accuracy)} with the full cache.`;
}

export function offers({ retrieval, plan, prefill }: RazorResult): readonly GivenOffer[] {
  const cut = plan.flat().find(({ kind }) => kind !== 'full');
  if (!cut) return [];
  const others = `the others ${headPlanText(cut)}`;
  const title = 'RazorAttention: retrieval heads keep everything';
  return [
    {
      title,
      description: `Keeps everything in ${counted(retrieval.length, 'key/value head', 'key/value heads')} with the largest induction and echo scores, and in ${others}.`,
      interventions: [planIntervention(plan, prefill)],
      plan: { title, heads: plan },
    },
  ];
}
