import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { Support } from '../../analysis';
import { choiceTable, type ChoiceParameters } from '../../shared/choices/parameters';
import type { ModelFacts } from '../../model-runner/model-runner';
import { headList } from '../../shared/retrieval/head-list';
import { bases } from './subspace';
import { items } from './vectors';
import * as field from '../../../kernels/parameters';

export type SubspaceParameters = ChoiceParameters & {
  readonly head: string;
  readonly at: string;
  readonly basis: string;
  readonly rank: number;
  readonly most: number;
  readonly random: number;
};

export const parameters: ParameterTable<SubspaceParameters> = {
  ...choiceTable,
  head: field.heads('Head', 'One head, e.g. 2.5; empty: the one with the largest direct effect on the right label.'),
  at: field.choice(
    'Keys and values',
    'The vectors of the labels, or of all tokens of the options. Most read takes those that the head attends to more.',
    { options: ['most read', ...items], default: 'most read' },
  ),
  basis: field.choice(
    'Directions',
    'class means: in which the means by right label (keys and values: by label) differ, one fewer than labels; all vectors: in which all of them vary most.',
    { options: bases, default: 'class means' },
  ),
  rank: field.integer(
    'Directions kept',
    'How many directions the subspaces of query, key and value have where prompts are changed, and where they are compared with random directions.',
    { min: 1, max: 64, default: 3 },
  ),
  most: field.integer(
    'Most directions',
    'Loss and accuracy are measured from none to so many directions, as far as there are.',
    { min: 1, max: 64, default: 6 },
  ),
  random: field.integer('Random directions', 'Sets of as many directions drawn at random, to compare with.', {
    min: 0,
    max: 50,
    default: 5,
  }),
};

export function supports(facts: ModelFacts, { head }: SubspaceParameters): Support {
  if (!facts.predicts) {
    return {
      ok: false,
      why: 'The model predicts no next token, so it cannot answer a question. Choose a model with a language head.',
    };
  }
  const found = headList(head, facts);
  if (!found.ok) return found;
  return found.heads.length <= 1 ? { ok: true } : { ok: false, why: 'Several heads are named. Name one, such as 2.5.' };
}
