/** The parameters of the analysis `pope`. */
import * as field from '../../../kernels/parameters';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { Reinforcement } from '../../../protocol/interventions/reinforcement';
import { popeReadings, popeSplits, type PopeReading, type PopeSplit } from '../../../protocol/results/pope';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelFacts } from '../../model-runner/model-runner';
import { truthParameters } from '../../shared/captions/truth-parameters';
import {
  measureParameters,
  reinforcementIn,
  reinforcementParameters,
  type CommonParameters,
} from '../../shared/divergence/parameters';

// A type and no interface: values are a record.
export type PopeParameters = Omit<CommonParameters, 'k'> & {
  readonly truth: string;
  readonly splits: string;
  readonly readBy: string;
  readonly tokens: number;
  readonly reinforce: boolean;
  readonly first: number;
};

const { distance, outliers, positions } = measureParameters;

export const popeParameters: ParameterTable<PopeParameters> = {
  truth: truthParameters.truth,
  splits: field.text(
    'Splits',
    `Which absent objects are asked for: ${popeSplits.join(', ')}, separated by commas.`,
    popeSplits.join(),
  ),
  readBy: field.choice(
    'Read by',
    'text: the published rule on the greedy answer; logits: the more probable first token of yes and no.',
    { options: popeReadings, default: 'text' satisfies PopeReading },
  ),
  tokens: field.integer('Most tokens', 'An answer is cut after so many tokens.', { min: 1, max: 2 ** 16, default: 16 }),
  reinforce: field.flag('Reinforce', 'Ask again with the heads scaled by alpha that read the picture.', false),
  ...reinforcementParameters,
  ...{ distance, outliers, positions },
  first: field.integer('First pictures', 'So many pictures, the first by name, in place of a sample; 0: a sample.', {
    min: 0,
    max: 2 ** 24,
    default: 0,
  }),
};

export interface PopeSettings {
  readonly splits: readonly PopeSplit[];
  readonly readBy: PopeReading;
  readonly maxNewTokens: number;
  readonly reinforcement?: Reinforcement;
}

/** Fails with a sentence where the model does not have what a parameter names. */
export function settingsOf(facts: ModelFacts, parameters: PopeParameters, seed: number): PopeSettings {
  const { splits, readBy, tokens, reinforce } = parameters;
  return {
    splits: [...new Set(splits.split(',').map(splitIn))],
    // The table allows no other.
    readBy: readBy as PopeReading,
    maxNewTokens: tokens,
    ...(reinforce ? { reinforcement: reinforcementIn(facts, { ...parameters, k: 0 }, { seed }) } : {}),
  };
}

function splitIn(name: string): PopeSplit {
  const known = popeSplits.find((split) => split === name.trim());
  if (known === undefined) throw refusal(`"${name.trim()}" is no split of POPE. Write ${popeSplits.join(', ')}.`);
  return known;
}
