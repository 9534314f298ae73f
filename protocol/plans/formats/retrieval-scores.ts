/**
 * Scores of retrieval heads (protocol/plans/formats/head-scores.ts) as a plan: the key/value heads that score highest keep everything, the
 * others sinks and recents. Settings: `keep` (`25%`, `8` or `>0.1`), `sinks`, `recent`.
 */
import { meanScores, parseHeadScores } from './head-scores';
import type { Checked } from '../../schema/check';
import type { Plan } from '../plan-file';
import { keepMostOf, keepProblem, keyValueScores, planOfScores } from '../plan-of-scores';
import { importedPlan, type ImportTarget, type PlanFormat } from './format';

const usual = { keep: '25%', sinks: 4, recent: 64 } as const;

function readScores(text: string, target: ImportTarget): Checked<Plan> {
  const { keep, sinks, recent, ...others } = { ...usual, ...target.settings };
  const [stranger] = Object.keys(others);
  if (stranger !== undefined) {
    return { ok: false, why: `There is no setting "${stranger.slice(0, 40)}". Choose from keep, sinks and recent.` };
  }
  const most = keepMostOf(String(keep));
  if (!most) return { ok: false, why: keepProblem(String(keep)) };
  const read = parseHeadScores(text);
  if (!read.ok) return read;
  const { layers, kvHeads, model } = target;
  const scores = meanScores(
    read.result,
    Array.from({ length: layers }, () => ({ heads: model.heads })),
  );
  if (scores.flat().every(Number.isNaN)) {
    return {
      ok: false,
      why: `The file has scores of none of the heads of ${model.name}. Its keys are to be layer-head.`,
    };
  }
  const ofHeads = keyValueScores(
    scores,
    scores.map(() => kvHeads),
  );
  const otherwise = { kind: 'recent', sinks: Number(sinks), recent: Number(recent) } as const;
  return importedPlan(planOfScores(ofHeads, { keep: most, otherwise }), target, { keep, sinks, recent }, ofHeads);
}

export const retrievalScores: PlanFormat = {
  id: 'retrieval-scores',
  title: 'Retrieval scores (JSON)',
  extension: '.json',
  import: readScores,
};
