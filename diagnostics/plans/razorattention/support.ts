import type { Support } from '../../analysis';
import type { ModelFacts } from '../../model-runner/model-runner';
import { leastPeriod, periodOf } from './probe';

export function refusalOf(facts: ModelFacts, period: number): Support {
  if (!facts.summary.causal)
    return { ok: false, why: 'The model reads in both directions and keeps no cache. Choose a causal one.' };
  if (facts.summary.vocabulary === 0)
    return { ok: false, why: 'The model reads pictures alone. Choose a model that reads text.' };
  const room = periodOf(facts, period);
  return room >= leastPeriod
    ? { ok: true }
    : {
        ok: false,
        why: `The context or the vocabulary of the model has room for ${Math.max(0, room)} random tokens said four times, and ${leastPeriod} are needed. Choose a larger model.`,
      };
}
