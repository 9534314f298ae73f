import type { ParameterTable } from '../../../protocol/analysis/parameters';
import * as field from '../../../kernels/parameters';

export const targets = ['labels', 'entropy'] as const;
const scopes = ['all', 'shallow', 'middle', 'deep'] as const;
export const methods = ['runs', 'gradient'] as const;
const directions = ['auto', 'up', 'down'] as const;

export type ZeroTuningParameters = {
  readonly target: string;
  readonly layers: string;
  readonly direction: string;
  readonly gamma: number;
  readonly share: number;
  readonly method: string;
};

export const parameters: ParameterTable<ZeroTuningParameters> = {
  target: field.choice(
    'Target',
    'labels: probability of the right answers, then accuracy. entropy: least mean entropy of the next token, without reading the answers.',
    { options: targets, default: 'labels' },
  ),
  layers: field.choice('Layers', 'Whose heads may be changed: all, or the first, second or last third of the layers.', {
    options: scopes,
    default: 'all',
  }),
  direction: field.choice(
    'Heads to tune',
    'up: heads that a larger gamma helps; down: those that a smaller one helps; auto: the type whose gains are larger in all.',
    { options: directions, default: 'auto' },
  ),
  gamma: field.number('Gamma of the profile', 'Each head alone is tried with this gamma and with its reciprocal.', {
    min: 1.05,
    max: 100,
    default: 2,
  }),
  share: field.number('Share of heads', 'How many of the heads of the chosen type are tuned together, best first.', {
    min: 0.01,
    max: 1,
    default: 0.4,
  }),
  method: field.choice(
    'Profile by',
    'runs: two runs for each head and calibration prompt. gradient: one gradient for each prompt, whose slope at gamma 1 stands for all heads.',
    { options: methods, default: 'runs' },
  ),
};
