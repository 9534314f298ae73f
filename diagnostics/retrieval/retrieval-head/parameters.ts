/** The parameters of the analysis `retrieval-head`. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { Support } from '../../analysis';
import type { ModelFacts } from '../../model-runner/model-runner';
import { countings } from '../../shared/retrieval/copy-events';
import { headList } from '../../shared/retrieval/head-list';
import { maskModes } from '../../shared/retrieval/masking';
import { keepMostOf, keepProblem } from '../../../protocol/plans/plan-of-scores';
import { plannedSets } from './head-sets';
import * as field from '../../../kernels/parameters';

export type RetrievalParameters = {
  readonly needle: string;
  readonly tokens: number;
  readonly counting: string;
  readonly recall: number;
  readonly masked: string;
  readonly mode: string;
  readonly random: number;
  readonly chosen: string;
  readonly published: string;
  readonly keep: string;
  readonly sinks: number;
  readonly recent: number;
};

export const parameters: ParameterTable<RetrievalParameters> = {
  needle: field.text(
    'Needle',
    'Role of the prompts whose tokens are the needle; empty: the one in which a prompt and its counterpart differ.',
  ),
  tokens: field.integer('Most tokens', 'An answer is cut after so many tokens, and ends at a line break.', {
    min: 1,
    max: 1000,
    default: 50,
    unit: 'tokens',
  }),
  counting: field.choice(
    'Score',
    'set: distinct tokens copied / distinct tokens of the needle (the paper); count: copies / tokens of the needle (the authors’ code).',
    { options: countings, default: 'set' },
  ),
  recall: field.number(
    'Recall to pass',
    'An answer passes when more than this share of the words that are right stand in it (ROUGE-1 recall).',
    { min: 0, max: 0.99, default: 0.5 },
  ),
  masked: field.text(
    'Heads masked',
    'The tests are run again without so many heads of the highest scores: numbers or shares, separated by commas; empty: not.',
    '5%, 20%',
  ),
  mode: field.choice(
    'Masking',
    'uniform: the head attends to all its keys equally; zero: it outputs zero; mean: it outputs its mean over the prompts.',
    { options: maskModes, default: 'uniform' },
  ),
  random: field.integer(
    'Random sets',
    'Sets of as many other heads, drawn at random, for each number of heads masked.',
    { min: 0, max: 20, default: 1 },
  ),
  chosen: field.heads('Chosen heads', 'Heads that are masked together once more, e.g. 2.5,3.*; empty: none.'),
  published: field.file(
    'Published scores',
    'Scores to compare with: a file of the authors of the paper (layer-head: list of scores) or a saved result; empty: none.',
  ),
  keep: field.text(
    'Full heads of the plan',
    'Key/value heads that keep everything in the cache plan that is offered: a share of them such as 25%, a number such as 8, or those with a score above a threshold such as >0.1.',
    '25%',
  ),
  sinks: field.integer('Sinks of the plan', 'First positions that its other heads keep.', {
    min: 0,
    max: 65_536,
    default: 4,
    unit: 'positions',
  }),
  recent: field.integer('Recents of the plan', 'Newest positions that its other heads keep.', {
    min: 0,
    max: 1_048_576,
    default: 64,
    unit: 'positions',
  }),
};

export function supports(facts: ModelFacts, { masked, random, chosen, keep }: RetrievalParameters): Support {
  if (!facts.predicts) {
    const why = 'The model predicts no next token, so it gives no answer. Choose a model with a language head.';
    return { ok: false, why };
  }
  const heads = headList(chosen, facts);
  if (!heads.ok) return heads;
  if (!keepMostOf(keep)) return { ok: false, why: keepProblem(keep) };
  const sets = plannedSets(facts, { masked, random, chosen: heads.heads });
  return sets.ok ? { ok: true } : sets;
}
