import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

export type FeatureParameters = {
  readonly dictionary: string;
  readonly listed: number;
  readonly perToken: number;
  readonly token: number;
  readonly skipFirst: boolean;
  readonly attribution: boolean;
  readonly answer: string;
  readonly against: string;
};

export const parameters: ParameterTable<FeatureParameters> = {
  dictionary: field.fileOrFolder(
    'Dictionary',
    'The folder of a sparse autoencoder or transcoder as SAELens or Gemma Scope has it, or its .safetensors or .npz file.',
  ),
  listed: field.integer('Features', 'How many features are listed, the strongest first.', {
    min: 1,
    max: 1000,
    default: 30,
  }),
  perToken: field.integer('Features of a token', 'How many features are listed for each token.', {
    min: 1,
    max: 50,
    default: 5,
  }),
  token: field.integer(
    'Token',
    'The token whose features are taken apart by heads, and whose next token attribution is about, from 0; -1 is the last one.',
    { min: -1, max: 1_000_000, default: -1 },
  ),
  skipFirst: field.flag(
    'Leave out the first token',
    'Leaves the first token out of the explained variance and the mean number of features. Its stream is often many times larger than all others.',
    true,
  ),
  attribution: field.flag(
    'Attribution',
    'Also computes what each feature gives to a logit of the next token, by its gradient. It takes a backward pass.',
    true,
  ),
  answer: {
    ...field.text(
      'Attribution to',
      'The token whose logit attribution is about, as it is shown (␣Paris), or as #17. Empty: the most probable next token.',
    ),
    onlyWith: { attribution: [true] },
  },
  against: {
    ...field.text('Against', 'A second token, whose logit is subtracted. Empty: none.'),
    onlyWith: { attribution: [true] },
  },
};
