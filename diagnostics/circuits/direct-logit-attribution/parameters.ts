import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

export type DirectParameters = {
  readonly token: string;
  readonly against: string;
  readonly position: number;
  readonly from: string;
};

export const parameters: ParameterTable<DirectParameters> = {
  token: field.text(
    'Token',
    'The token whose logit is taken apart, as it is shown (␣Paris), or as #17. Empty: the token that the model predicts. A task uses its right answers.',
  ),
  against: field.text(
    'Against',
    'A second token, whose logit is subtracted. Empty: none. A task uses its wrong answers.',
  ),
  position: field.integer(
    'Position',
    'Token position, from 0, whose next token is predicted; -1 is the last. A task uses its last position.',
    { min: -1, max: 1_000_000, default: -1 },
  ),
  from: field.text(
    'Token that a head reads',
    'When you ask about a head: what it would write if it read the embedding of this token. Empty: left out.',
  ),
};
