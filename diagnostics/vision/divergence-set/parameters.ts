/** The parameters of the analysis `divergence-set`. */
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { Reinforcement } from '../../../protocol/interventions/reinforcement';
import {
  type CommonParameters,
  measureParameters,
  reinforcementIn,
  reinforcementParameters,
} from '../../shared/divergence/parameters';
import { captionTokens, truthParameters } from '../../shared/captions/truth-parameters';
import type { ModelFacts } from '../../model-runner/model-runner';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are a record.
export type SetParameters = CommonParameters & {
  readonly truth: string;
  readonly lexicon: string;
  readonly tokens: number;
  readonly captions: string;
};

const captionChoices = ['plain', 'reinforced', 'controls'] as const;

export const setParameters: ParameterTable<SetParameters> = {
  ...truthParameters,
  ...measureParameters,
  tokens: captionTokens,
  captions: field.choice(
    'Captions',
    'Captions of each picture: the plain one, also one with the selected heads scaled, or these and two controls (random heads, and the norm kept).',
    { options: captionChoices, default: 'reinforced' },
  ),
  ...reinforcementParameters,
};

/** The captions that are made of each picture beside the plain one. */
export function reinforcementsIn(facts: ModelFacts, parameters: SetParameters, seed: number): readonly Reinforcement[] {
  if (parameters.captions === 'plain') return [];
  const chosen = reinforcementIn(facts, parameters, { seed });
  if (parameters.captions === 'reinforced') return [chosen];
  return [
    chosen,
    reinforcementIn(facts, parameters, { seed, heads: 'random' }),
    reinforcementIn(facts, parameters, { seed, normMatched: true }),
  ];
}
