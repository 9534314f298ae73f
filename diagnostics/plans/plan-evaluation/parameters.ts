import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { plan as planKind } from '../../../protocol/interventions/plan';
import type { Support } from '../../analysis';
import type { ModelFacts } from '../../model-runner/model-runner';
import * as field from '../../../kernels/parameters';

/** `context`: the context is read in full and compressed where the question begins. `spans`: all of the prompt is read under the plan. */
export const startModes = ['context', 'spans'] as const;
export type StartMode = (typeof startModes)[number];

export type PlanEvaluationParameters = {
  readonly plan: string;
  readonly rules: string;
  readonly from: string;
  readonly question: string;
  readonly random: number;
  readonly budgets: number;
  readonly sinks: number;
  readonly window: number;
  readonly windows: number;
  readonly speed: number;
};

export const parameters: ParameterTable<PlanEvaluationParameters> = {
  plan: field.file('Plan', 'A cache plan (*.headscope-plan.json); empty: the rules below.'),
  rules: field.text(
    'Rules',
    'Without a file: what key/value heads keep, e.g. *.*=4+64/1.*=full (4 first and 64 recent positions, and all in layer 1). The last rule for a head counts; heads without one keep everything.',
    '*.*=4+64',
  ),
  from: field.choice(
    'Prompts are read',
    'context: in full up to the question, where the cache is compressed; spans: under the plan from the first token on.',
    { options: startModes, default: 'context' },
  ),
  question: field.text(
    'Question',
    'The question begins where this text occurs last in a prompt; empty: at its last line break. Without either, the last token alone is the question.',
  ),
  random: field.integer('Random plans', 'The head plans of the plan at heads drawn at random, so many times.', {
    min: 0,
    max: 50,
    default: 5,
  }),
  budgets: field.integer(
    'Budgets',
    'Points of the curve of quality over bytes: what the heads keep that do not keep everything is halved or doubled from one point to the next, the plan in the middle. 1: no curve.',
    { min: 1, max: 15, default: 5 },
  ),
  sinks: field.integer(
    'Sinks of the uniform plan',
    'First positions that each head keeps of the uniform plan of the same bytes.',
    { min: 0, max: 1024, default: 4, unit: 'positions' },
  ),
  window: field.integer(
    'Window',
    'Documents are cut into windows of so many tokens at most; the loss of the second half of each is what counts. A prompt is one window.',
    { min: 8, max: 1_048_576, default: 512, unit: 'tokens' },
  ),
  windows: field.integer('Windows', 'Windows of the documents, at most; drawn at random where there are more.', {
    min: 1,
    max: 10_000,
    default: 40,
  }),
  speed: field.integer(
    'Timed tokens',
    'Tokens that are decoded one by one behind the longest prompt under the full cache, the plan and the uniform plan in turn; 0: nothing is timed.',
    { min: 0, max: 1024, default: 16, unit: 'tokens' },
  ),
};

export function supports({ predicts, blocks }: ModelFacts, { plan, rules }: PlanEvaluationParameters): Support {
  if (!predicts) {
    return {
      ok: false,
      why: 'The model predicts no next token, so nothing shows what a plan costs. Choose a model with a language head.',
    };
  }
  if (blocks.some(({ causal }) => !causal)) {
    return {
      ok: false,
      why: 'The model reads in both directions, so it keeps no cache of the past. Choose a causal one.',
    };
  }
  if (plan === '' && !planKind.parse(rules)) return { ok: false, why: rulesProblem(rules) };
  return { ok: true };
}

export const rulesProblem = (rules: string): string =>
  `"${rules.slice(0, 80)}" are no rules of a plan. Write heads=what they keep, separated by /, e.g. *.*=4+64/1.*=full.`;
