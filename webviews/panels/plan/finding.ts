/** What a plan keeps and takes, in one sentence. */
import type { Plan } from '../../../protocol/plans/plan-file';
import { fullWords } from '../../../protocol/plans/plan-words';
import { bytes, count, percent } from '../../ui/numbers';
import { bytesAt } from './sections';
import { headsOf, lengthOf, usualLength, type State } from './state';

export function finding(state: State, plan: Plan): string {
  const heads = headsOf(state);
  const length = lengthOf(state) ?? usualLength(state);
  const { plan: held, full } = bytesAt(plan, heads, length);
  const { contextLength = Infinity } = plan.model;
  const beyond = length > contextLength ? ` The model reads no more than ${count(contextLength)} tokens.` : '';
  return `${fullWords(heads)}: at ${count(length)} tokens the cache takes ${bytes(held)} of ${bytes(full)} (${percent(held / full)}).${beyond}`;
}
