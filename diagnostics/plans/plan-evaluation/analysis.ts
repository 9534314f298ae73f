/** The analysis `plan-evaluation`: a cache plan against the full cache, a uniform plan of the same bytes, and random plans. */
import type { Analysis } from '../../analysis';
import { compare } from './compare';
import { comparedPlans } from './plans';
import { finding, offers } from './finding';
import { parameters, supports, type PlanEvaluationParameters } from './parameters';
import { planEvaluationResult, type PlanEvaluationResult } from './result';
import { runPlanEvaluation } from './run';
import { sections } from './sections';

export const planEvaluation: Analysis<PlanEvaluationParameters, PlanEvaluationResult> = {
  id: 'plan-evaluation',
  title: 'Evaluation of a cache plan',
  question: 'What does a cache plan cost, and is it better than spending the same bytes alike in all heads?',
  group: 'plans',
  source: {
    reference: 'arXiv:2410.10819, section 3 (Xiao et al. 2024: plans against baselines of the same budget)',
    trust: 'medium',
    note: 'Uniform and random plans of the same bytes at every length, paired intervals, and the curve over bytes are ours.',
  },
  inputs: ['task', 'corpus', 'prompt'],
  usualTask: { task: 'passkey', samples: 40 },
  parameters,
  result: planEvaluationResult,
  supports,
  estimate(facts, { task, corpus, prompts }, { windows, random, budgets }) {
    const units = task?.samples.length ?? (corpus ? windows : prompts.length);
    // The estimate is for plans where each head keeps its own positions.
    const plans = comparedPlans(
      facts.blocks.map(({ kvHeads }) =>
        Array.from({ length: kvHeads }, () => ({ kind: 'recent', sinks: 1, recent: 1 }) as const),
      ),
      facts,
      { random, budgets, sinks: 0, seed: 0, mode: 'spans' },
    ).length;
    return { passes: units * plans, bytes: units * plans * 16 };
  },
  run: runPlanEvaluation,
  finding,
  sections,
  compare,
  offers,
};
