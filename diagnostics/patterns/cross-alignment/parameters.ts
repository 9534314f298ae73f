/** The parameters of the analysis `cross-alignment`. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

export type CrossAlignmentParameters = {
  readonly gold: string;
  readonly pairs: string;
  readonly links: string;
  readonly threshold: number;
  readonly unit: string;
  readonly permutations: number;
};

export const parameters: ParameterTable<CrossAlignmentParameters> = {
  gold: field.text(
    'Gold alignment',
    'Of source and target as words: 0-0 1-2 joins word 0 of both, and 1 of the source with 2 of the target; 1p2 where a link is possible and not sure. Empty: heads are ranked without one.',
  ),
  pairs: field.file(
    'More pairs',
    'A JSONL file with a "source", a "target" and an "alignment" in each line; their links count with those of the prompt.',
  ),
  unit: field.choice('Linked', 'What a link joins, and what a gold alignment counts.', {
    options: ['words', 'tokens'],
    default: 'words',
    names: {
      words: { title: 'words', definition: 'What stands between white space; the tokens of a word are merged.' },
      tokens: { title: 'tokens', definition: 'Tokens without those that stand for no text.' },
    },
  }),
  links: field.choice('Links', 'Which places are linked.', {
    options: ['best', 'threshold'],
    default: 'best',
    names: {
      best: { title: 'the best', definition: 'A word of the target with the word of the source that it reads most.' },
      threshold: { title: 'from a share on', definition: 'All pairs whose share is at least the threshold.' },
    },
  }),
  threshold: {
    ...field.number('Threshold', 'Share of the attention from which a pair is a link.', {
      min: 0.001,
      max: 1,
      default: 0.25,
      onlyWith: { links: ['threshold'] },
    }),
  },
  permutations: field.integer(
    'Permutations',
    'How often the words of the source are exchanged at random for the null; 0: no null.',
    { min: 0, max: 10_000, default: 200 },
  ),
};
