/** The parameters of the analysis `divergence`, and what they mean for a model. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { RemovedPositions, Reinforcement, Removed } from '../../../protocol/interventions/reinforcement';
import type { ModelFacts } from '../../model-runner/model-runner';
import type { DivergenceMeasure } from '../../shared/divergence/divergence-run';
import {
  type CommonParameters,
  measureParameters,
  reinforcementParameters,
  measureIn,
  reinforcementIn,
} from '../../shared/divergence/parameters';
import { truthParameters } from '../../shared/captions/truth-parameters';
import * as field from '../../../kernels/parameters';

export type DivergenceParameters = CommonParameters & {
  readonly removed: string;
  readonly start: number;
  readonly end: number;
  readonly tokens: number;
  readonly reinforce: boolean;
  readonly objects: string;
  readonly truth: string;
  readonly lexicon: string;
  readonly allSteps: boolean;
};

const mostRows = 2 ** 24;
const ofPicture = { removed: ['image'] };

export const divergenceParameters: ParameterTable<DivergenceParameters> = {
  removed: field.choice('Removed', 'What the second pass lacks: the image of the prompt, or a span of its tokens.', {
    options: ['image', 'span'] satisfies readonly Removed['kind'][],
    default: 'image',
    names: {
      image: { title: 'The picture', definition: 'Heads whose output changes look at it.' },
      span: { title: 'A part of the text', definition: 'Heads whose output changes depend on it.' },
    },
  }),
  start: field.integer('Span start', 'First token of the span, counted from 0; only for a span.', {
    min: 0,
    max: mostRows,
    default: 0,
    spanTo: 'end',
    onlyWith: { removed: ['span'] },
  }),
  end: field.integer('Span end', 'The token after the last one of the span; only for a span.', {
    min: 0,
    max: mostRows,
    default: 0,
    onlyWith: { removed: ['span'] },
  }),
  objects: {
    ...field.text(
      'Objects',
      'What is in the picture, separated by commas: words of the caption are judged by it; empty: what Truth says.',
    ),
    beside: 'objects',
    whenEmpty: 'dog, ball',
    onlyWith: ofPicture,
  },
  tokens: field.integer('Most tokens', 'The caption is cut after so many tokens; a word takes one or more.', {
    min: 1,
    max: 2 ** 16,
    default: 48,
  }),
  ...measureParameters,
  truth: {
    ...field.file(
      'Truth',
      'JSON file of what pictures hold, such as truth.json beside them; of its row of this picture, captions by people count too. Without objects and truth, words are marked and not judged.',
    ),
    beside: 'truth',
    onlyWith: ofPicture,
  },
  lexicon: truthParameters.lexicon,
  reinforce: field.flag(
    'Reinforce',
    'Write a second caption with the selected heads scaled by alpha from the prompt on.',
    false,
  ),
  alpha: { ...reinforcementParameters.alpha, onlyWith: { reinforce: [true] } },
  layers: { ...reinforcementParameters.layers, onlyWith: { reinforce: [true] } },
  reinforcedOutliers: { ...reinforcementParameters.reinforcedOutliers, onlyWith: { reinforce: [true] } },
  allSteps: field.flag('All steps', 'Keep the tables of every step of the caption, not of the first alone.', false),
};

export interface DivergenceSettings {
  readonly removed: Removed;
  readonly positions: RemovedPositions;
  readonly measure: DivergenceMeasure;
  readonly maxNewTokens: number;
  readonly allSteps: boolean;
  readonly reinforcement?: Reinforcement;
}

/** Fails with a sentence where the model does not have what a parameter names. */
export function settingsOf(facts: ModelFacts, parameters: DivergenceParameters): DivergenceSettings {
  const { removed, start, end, tokens, reinforce, allSteps } = parameters;
  return {
    removed: removed === 'span' ? { kind: 'span', start, end } : { kind: 'image' },
    ...measureIn(facts, parameters),
    maxNewTokens: tokens,
    allSteps,
    ...(reinforce ? { reinforcement: reinforcementIn(facts, parameters) } : {}),
  };
}
