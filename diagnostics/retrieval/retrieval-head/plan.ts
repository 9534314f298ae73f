/** Cache plans by retrieval scores: the key/value heads that score highest keep everything, the others sinks and recents. */
import type { HeadPlan } from '../../../protocol/plans/head-plan';
import { keepMostOf, keyValueScores, planOfScores, type KeepMost } from '../../../protocol/plans/plan-of-scores';
import type { HeadTable } from '../../shared/retrieval/copy-events';
import type { RetrievalParameters } from './parameters';
import type { ScorePlan } from './result';

export interface Planning {
  readonly keep: string;
  readonly most: KeepMost;
  readonly otherwise: HeadPlan;
}

export const planningOf = ({ keep, sinks, recent }: RetrievalParameters): Planning => ({
  keep,
  // Another form is refused before the run.
  most: keepMostOf(keep) ?? { count: 0 },
  otherwise: { kind: 'recent', sinks, recent },
});

export const scorePlans = (
  { keep, most, otherwise }: Planning,
  blocks: readonly { readonly kvHeads: number }[],
  tables: readonly (readonly [of: ScorePlan['of'], scores: HeadTable])[],
): readonly ScorePlan[] =>
  tables.map(([of, scores]) => ({
    of,
    keep,
    heads: planOfScores(
      keyValueScores(
        scores,
        blocks.map(({ kvHeads }) => kvHeads),
      ),
      { keep: most, otherwise },
    ),
  }));
