/** The parameters of the analysis `expert-use`. */
import * as field from '../../../kernels/parameters';
import type { ParameterTable } from '../../../protocol/analysis/parameters';

// A type and no interface: values are a record.
export type ExpertUseParameters = {
  readonly permutations: number;
  readonly tokens: number;
  readonly documents: number;
  readonly least: number;
};

export const expertUseParameters: ParameterTable<ExpertUseParameters> = {
  permutations: field.integer(
    'Permutations',
    'Random permutations of the tokens that results are compared with. The smallest p is 1 over one more than their number.',
    { min: 19, max: 9999, default: 199 },
  ),
  tokens: field.integer('Tokens of a document', 'The most tokens of a document that are read.', {
    min: 8,
    max: 8192,
    default: 512,
  }),
  documents: field.integer('Documents', 'Documents of a corpus that are read, at most; drawn at random.', {
    min: 1,
    max: 2000,
    default: 64,
  }),
  least: field.integer(
    'Occurrences',
    'A token must occur this often in all documents together to be tested as a kind of token.',
    {
      min: 2,
      max: 1000,
      default: 4,
    },
  ),
};
