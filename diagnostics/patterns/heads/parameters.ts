/** The parameters of the analysis `heads`. */
import * as field from '../../../kernels/parameters';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import { labelParameters } from '../../shared/labels/label-parameters';
import type { Labelling } from '../../shared/labels/measured-run';

// A type and no interface: values are a record.
export type HeadsParameters = {
  readonly labels: boolean;
  readonly causal: boolean;
  readonly nullSequences: number;
  readonly groups: string;
  readonly pictures: boolean;
  readonly chunk: number;
};

export const headsParameters: ParameterTable<HeadsParameters> = {
  labels: field.flag('Labels', 'Label the heads: random and shuffled sequences are run as null models.', true),
  ...labelParameters,
  groups: field.text(
    'Groups of keys',
    'Mass on these keys is measured too, e.g. needle=3-9 for the keys 3 to 9; semicolons stand between several.',
  ),
  pictures: field.flag('Pictures', 'Keep a small picture of the attention of every head.', true),
  chunk: field.integer('Chunk', 'Queries computed at once; 0: chosen by the memory limit.', {
    min: 0,
    max: 2 ** 16,
    default: 0,
  }),
};

export const labellingIn = ({ labels, causal, nullSequences }: HeadsParameters): Labelling | undefined =>
  labels ? { causal, nullSequences } : undefined;
