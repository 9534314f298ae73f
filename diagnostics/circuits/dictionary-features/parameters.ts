import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

export type FeatureParameters = {
  readonly dictionary: string;
  readonly listed: number;
  readonly perToken: number;
  readonly token: number;
  readonly skipFirst: boolean;
  readonly attribution: boolean;
};

export const parameters: ParameterTable<FeatureParameters> = {
  dictionary: field.file(
    'Dictionary',
    'The folder of a sparse autoencoder or transcoder as SAELens saves it, or its .safetensors or .npz file with cfg.json beside it.',
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
    'Also computes what each feature gives to the logit of the most probable next token, by its gradient. It takes a backward pass.',
    true,
  ),
};
