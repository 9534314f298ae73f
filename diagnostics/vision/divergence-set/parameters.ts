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
import { decimal } from '../../../protocol/schema/written-form';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelFacts } from '../../model-runner/model-runner';
import * as field from '../../../kernels/parameters';

// A type and no interface: values are a record.
export type SetParameters = CommonParameters & {
  readonly truth: string;
  readonly lexicon: string;
  readonly tokens: number;
  readonly captions: string;
  readonly factors: string;
  readonly controls: string;
  readonly references: string;
  readonly first: number;
};

type Control = Partial<Pick<Reinforcement, 'heads' | 'normMatched'>>;
const controlNames = ['random', 'all', 'norm-matched'] as const;
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
  factors: field.text(
    'Several alphas',
    'A caption for each of these factors, such as 1.5,2, in place of the one of alpha; empty: alpha alone.',
  ),
  controls: field.text(
    'Controls',
    `Beside each reinforced caption: ${controlNames.join(', ')}, separated by commas; empty: none but those of Captions.`,
  ),
  references: field.file('References', 'JSON file of captions by people, whose objects count as true; empty: none.'),
  first: field.integer('First pictures', 'So many pictures, the first by name, in place of a sample; 0: a sample.', {
    min: 0,
    max: 2 ** 24,
    default: 0,
  }),
};

/** The captions that are made of each picture beside the plain one. */
export function reinforcementsIn(facts: ModelFacts, parameters: SetParameters, seed: number): readonly Reinforcement[] {
  const { captions, alpha, factors } = parameters;
  if (captions === 'plain') return [];
  const kinds: readonly Control[] = [{}, ...controlsIn(parameters)];
  const alphas = factors.trim() === '' ? [alpha] : factors.split(',').map(factorIn);
  return alphas.flatMap((each) =>
    kinds.map((control) => reinforcementIn(facts, { ...parameters, alpha: each }, { seed, ...control })),
  );
}

function controlsIn({ captions, controls }: SetParameters): readonly Control[] {
  const named = controls.trim() === '' ? [] : controls.split(',').map((name) => name.trim());
  const names = captions === 'controls' && named.length === 0 ? ['random', 'norm-matched'] : named;
  return names.map((name) => {
    const known = controlNames.find((one) => one === name);
    if (known === undefined) throw refusal(`"${name}" is no control. Write ${controlNames.join(', ')}.`);
    return known === 'norm-matched' ? { normMatched: true } : { heads: known };
  });
}

function factorIn(text: string): number {
  const value = decimal(text);
  if (value !== undefined && Number.isFinite(value)) return value;
  throw refusal(
    `"${text.trim()}" is no factor. Write numbers separated by commas; 1 changes nothing, 2 is the paper’s.`,
  );
}
