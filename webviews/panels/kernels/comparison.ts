/** The result on show beside the one it is compared with. */
import { changeSentence as sentenceOf } from '../../../protocol/results/benchmark-changes';
import type { BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { differenceSentence, whyNotCompared } from '../../../protocol/results/comparability';
import { rowKey } from '../../charts/rows';
import type { State } from './state';

/** What is on show, as a result; of a run that goes on the plan is all that is known. */
function shown({ result, measuredSetup, compareWith }: State): BenchmarkResult | undefined {
  return result ?? (measuredSetup && compareWith && { ...compareWith.result, plan: measuredSetup });
}

/** The other result where its numbers are of the same work: beside another nothing is drawn, listed or divided. */
export function comparable(state: State): State['compareWith'] {
  const { compareWith } = state;
  const here = shown(state);
  return here && compareWith && whyNotCompared(here, compareWith.result, compareWith.name) === undefined
    ? compareWith
    : undefined;
}

/** Why the two cannot be compared, or what besides the numbers differs. */
export function comparisonWords(state: State): string {
  const { compareWith } = state;
  const here = shown(state);
  if (!here || !compareWith) return '';
  return whyNotCompared(here, compareWith.result, compareWith.name) ?? differenceSentence(here, compareWith.result);
}

/** What changed; nothing beside a result that it cannot be compared with, which the banner says. */
export function changeSentence(state: State, name: (id: string) => string): string {
  const here = shown(state);
  const compareWith = comparable(state);
  if (!here || !compareWith) return '';
  const rows = state.rows.filter((row) => !state.provisional.includes(rowKey(row)));
  return sentenceOf({ here, rows, there: compareWith.result, other: compareWith.name, name });
}
