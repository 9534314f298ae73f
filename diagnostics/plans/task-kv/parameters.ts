import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { Setting } from './allocation';
import * as field from '../../../kernels/parameters';

export type TaskKvParameters = {
  readonly budget: number;
  readonly share: number;
  readonly least: number;
  readonly window: number;
  readonly top: number;
  readonly pool: number;
  readonly sinks: number;
  readonly recents: number;
  readonly fit: boolean;
  readonly space: string;
  readonly continuation: string;
  readonly tokens: number;
  readonly random: number;
  readonly keepOnly: number;
  readonly plan: string;
  readonly tasks: string;
};

export const parameters: ParameterTable<TaskKvParameters> = {
  budget: field.number('Budget', 'Share of the keys and values of the prompt that each layer keeps.', {
    min: 0.1,
    max: 1,
    default: 0.5,
  }),
  share: field.number(
    'Heterogeneous heads in the first layer',
    'Share of its key/value heads that keep the whole prompt.',
    { min: 0, max: 1, default: 0.25 },
  ),
  least: field.integer(
    'Heterogeneous heads in the last layer',
    'Number of its key/value heads that keep the whole prompt; layers between follow a line.',
    { min: 0, max: 128, default: 1 },
  ),
  window: field.integer('Observation window', 'Last queries of the prompt whose attention is averaged.', {
    min: 1,
    max: 4096,
    default: 32,
    unit: 'tokens',
  }),
  top: field.integer(
    'Top keys',
    'Keys with the largest mean weight, whose values make the semantic vector of a head.',
    { min: 1, max: 1 << 20, default: 256 },
  ),
  pool: field.integer(
    'Pool',
    'Width of the average over neighbouring keys before the middle positions are chosen; odd.',
    { min: 1, max: 63, default: 7, unit: 'tokens' },
  ),
  sinks: field.integer('Sinks', 'First positions that every head keeps.', {
    min: 0,
    max: 1 << 20,
    default: 16,
    unit: 'tokens',
  }),
  recents: field.integer('Recents', 'Last positions of the prompt that every head keeps.', {
    min: 0,
    max: 1 << 20,
    default: 256,
    unit: 'tokens',
  }),
  fit: field.flag(
    'Fit short prompts',
    'In a prompt of N tokens, sinks take at most N/32 (at least 1), recent positions N/8, the observation window and the top keys N/2.',
    true,
  ),
  space: field.choice(
    'Distances',
    'Where the distances that part the heads are measured. head: coordinates of each head, as published; residual: behind the output projection.',
    { options: ['head', 'residual'], default: 'head' },
  ),
  continuation: field.text(
    'Continuation',
    'Text behind the prompt on which plans are measured; empty: what the model writes, greedily.',
  ),
  tokens: field.integer('Tokens measured', 'Tokens of the continuation at most.', {
    min: 2,
    max: 1024,
    default: 32,
    unit: 'tokens',
  }),
  random: field.integer(
    'Random controls',
    'Plans of the same bytes whose heads with a whole cache are drawn by the seed.',
    { min: 0, max: 20, default: 3 },
  ),
  keepOnly: field.integer(
    'Only these heads',
    'Far and near heads that are compared when a layer keeps only them, at most half of its heads; 0: not measured.',
    { min: 0, max: 64, default: 3 },
  ),
  plan: field.file(
    'Plan to compare with',
    'A cache plan (*.headscope-plan.json) for the same model, e.g. of duoattention or razorattention.',
  ),
  tasks: field.text(
    'Further tasks',
    'With a task as input: ids of more tasks, separated by commas, whose far heads are compared with those of the first.',
  ),
};

export interface Fitted extends Setting {
  readonly window: number;
  readonly top: number;
}

/** The settings for a prompt of so many tokens. */
export function fitted({ window, top, sinks, recents, fit }: TaskKvParameters, tokens: number): Fitted {
  const most = (value: number, part: number): number =>
    Math.min(value, fit ? Math.max(1, Math.floor(tokens / part)) : tokens);
  const first = most(sinks, 32);
  return {
    tokens,
    sinks: first,
    recents: Math.min(most(recents, 8), tokens - first),
    window: most(window, 2),
    top: most(top, 2),
  };
}
