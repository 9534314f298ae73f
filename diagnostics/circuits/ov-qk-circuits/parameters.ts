import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

export type CircuitParameters = {
  readonly layers: string;
  readonly rotations: number;
};

export const parameters: ParameterTable<CircuitParameters> = {
  layers: field.text('Layers', 'Which layers are compared, e.g. 0-5,8. Empty: all.'),
  rotations: field.integer(
    'Random rotations',
    'How often what a head writes is turned at random before another reads it: the composition that comes by chance. p is at least 1 / (rotations + 1).',
    { min: 19, max: 9999, default: 199 },
  ),
};
