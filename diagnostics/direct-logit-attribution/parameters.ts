import type { ParameterTable } from '../../protocol/analysis/parameters';

export type DirectParameters = {
  readonly token: string;
  readonly against: string;
  readonly position: number;
  readonly from: string;
};

export const parameters: ParameterTable<DirectParameters> = {
  token: {
    kind: 'text',
    title: 'Token',
    description:
      'Whose logit is taken apart: a text of one token with its space, or an id such as #17. Empty: the token that the model predicts. A task uses its right answers.',
    default: '',
  },
  against: {
    kind: 'text',
    title: 'Against',
    description:
      'A second token, whose logit is subtracted, written alike. Empty: none. A task uses its wrong answers.',
    default: '',
  },
  position: {
    kind: 'integer',
    title: 'Position',
    description:
      'Token position, from 0, whose next token is predicted; -1 is the last. A task uses its last position.',
    min: -1,
    max: 1_000_000,
    default: -1,
  },
  from: {
    kind: 'text',
    title: 'Token that a head reads',
    description:
      'When a head is asked for: what it would write if it read the embedding of this token (written as above). Empty: left out.',
    default: '',
  },
};
