import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { Setting } from './allocation';

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
  budget: {
    kind: 'number',
    title: 'Budget',
    description: 'Share of the keys and values of the prompt that each layer keeps.',
    min: 0.1,
    max: 1,
    default: 0.5,
  },
  share: {
    kind: 'number',
    title: 'Heterogeneous heads in the first layer',
    description: 'Share of its key/value heads that keep the whole prompt.',
    min: 0,
    max: 1,
    default: 0.25,
  },
  least: {
    kind: 'integer',
    title: 'Heterogeneous heads in the last layer',
    description: 'Number of its key/value heads that keep the whole prompt; layers between follow a line.',
    min: 0,
    max: 128,
    default: 1,
  },
  window: {
    kind: 'integer',
    title: 'Observation window',
    unit: 'tokens',
    description: 'Last queries of the prompt whose attention is averaged.',
    min: 1,
    max: 4096,
    default: 32,
  },
  top: {
    kind: 'integer',
    title: 'Top keys',
    description: 'Keys with the largest mean weight, whose values make the semantic vector of a head.',
    min: 1,
    max: 1 << 20,
    default: 256,
  },
  pool: {
    kind: 'integer',
    title: 'Pool',
    unit: 'tokens',
    description: 'Width of the average over neighbouring keys before the middle positions are chosen; odd.',
    min: 1,
    max: 63,
    default: 7,
  },
  sinks: {
    kind: 'integer',
    title: 'Sinks',
    unit: 'tokens',
    description: 'First positions that every head keeps.',
    min: 0,
    max: 1 << 20,
    default: 16,
  },
  recents: {
    kind: 'integer',
    title: 'Recents',
    unit: 'tokens',
    description: 'Last positions of the prompt that every head keeps.',
    min: 0,
    max: 1 << 20,
    default: 256,
  },
  fit: {
    kind: 'boolean',
    title: 'Fit short prompts',
    description:
      'Of a prompt of N tokens sinks take at most N/32 (1 or more), recents N/8, the observation window and the top keys N/2.',
    default: true,
  },
  space: {
    kind: 'choice',
    title: 'Distances',
    description:
      'Where the distances that part the heads are measured. head: coordinates of each head, as published; residual: behind the output projection.',
    options: ['head', 'residual'],
    default: 'head',
  },
  continuation: {
    kind: 'text',
    title: 'Continuation',
    description: 'Text behind the prompt on which plans are measured; empty: what the model writes, greedily.',
    default: '',
  },
  tokens: {
    kind: 'integer',
    title: 'Tokens measured',
    unit: 'tokens',
    description: 'Tokens of the continuation at most.',
    min: 2,
    max: 1024,
    default: 32,
  },
  random: {
    kind: 'integer',
    title: 'Random controls',
    description: 'Plans of the same bytes whose heads with a whole cache are drawn by the seed.',
    min: 0,
    max: 20,
    default: 3,
  },
  keepOnly: {
    kind: 'integer',
    title: 'Only these heads',
    description:
      'Far and near heads that are compared when a layer keeps only them, at most half of its heads; 0: not measured.',
    min: 0,
    max: 64,
    default: 3,
  },
  plan: {
    kind: 'file',
    title: 'Plan to compare with',
    description: 'A cache plan (*.headscope-plan.json) for the same model, e.g. of duoattention or razorattention.',
    default: '',
  },
  tasks: {
    kind: 'text',
    title: 'Further tasks',
    description:
      'With a task as input: ids of more tasks, separated by commas, whose far heads are compared with those of the first.',
    default: '',
  },
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
