/** The parameters of the analysis `relevance`. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are records.
export type RelevanceParameters = {
  readonly tokens: number;
  readonly answer: string;
  readonly span: string;
  readonly side: number;
  readonly region: string;
  readonly curves: number;
  readonly draws: number;
};

export const relevanceParameters: ParameterTable<RelevanceParameters> = {
  tokens: field.integer('Most tokens', 'How many tokens of the answer are looked at, at most.', {
    min: 1,
    max: 256,
    default: 12,
  }),
  answer: field.text(
    'Answer',
    'Text behind the prompt whose tokens are looked at, with the space before it. Empty: what the model writes.',
  ),
  span: field.text(
    'Document span',
    'What is hidden instead of the picture: positions (3-9) or rows x columns of patches (0-3x2-5), joined by commas. Empty: the picture; of a prompt without one the first half of the text, without its first token.',
  ),
  side: field.integer(
    'Patches a side',
    'Width of the square that is hidden at a time, or number of tokens in a text. 0: the smallest with at most 100 squares.',
    { min: 0, max: 64, default: 0 },
  ),
  region: {
    kind: 'regions',
    title: 'Part of the picture',
    description:
      'Patches such as 0-1x2-4, or positions, that are hidden together to see which tokens of the answer need them. Empty: none.',
    least: 1,
    most: 1,
    default: '',
  },
  curves: field.integer(
    'Deletion curves',
    'How many tokens of the answer get a deletion curve: those that need the picture most. 0: none.',
    { min: 0, max: 64, default: 4 },
  ),
  draws: field.integer('Random draws', 'Orders in which squares are hidden at random, to compare.', {
    min: 1,
    max: 64,
    default: 5,
  }),
};
