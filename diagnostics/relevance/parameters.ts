/** The parameters of the analysis `relevance`. */
import type { ParameterTable } from '../../protocol/analysis/parameters';

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
  tokens: {
    kind: 'integer',
    title: 'Most tokens',
    description: 'Of the answer.',
    min: 1,
    max: 256,
    default: 12,
  },
  answer: {
    kind: 'text',
    title: 'Answer',
    description:
      'Text behind the prompt whose tokens are looked at, with the space before it. Empty: what the model writes.',
    default: '',
  },
  span: {
    kind: 'text',
    title: 'Document span',
    description:
      'In the place of the picture: positions (3-9) or rows x columns of patches (0-3x2-5), joined by commas. Empty: the picture; of a prompt without one the first half of the text, without its first token.',
    default: '',
  },
  side: {
    kind: 'integer',
    title: 'Patches a side',
    description:
      'Of a square that is hidden at a time; of a text so many tokens. 0: the smallest with which there are at most 100 squares.',
    min: 0,
    max: 64,
    default: 0,
  },
  region: {
    kind: 'regions',
    title: 'Part of the picture',
    description:
      'Patches such as 0-1x2-4, or positions: how much each token of the answer needs them together. Empty: none.',
    least: 1,
    most: 1,
    default: '',
  },
  curves: {
    kind: 'integer',
    title: 'Deletion curves',
    description: 'Of so many tokens, those that lose most without the picture; 0 draws none.',
    min: 0,
    max: 64,
    default: 4,
  },
  draws: {
    kind: 'integer',
    title: 'Random draws',
    description: 'Orders in which squares are hidden at random, to compare.',
    min: 1,
    max: 64,
    default: 5,
  },
};
