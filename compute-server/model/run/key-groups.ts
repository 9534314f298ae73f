/** Key groups that a request names, and the score biases that it puts on keys: what a run is given for them. */
import type { ModelSpec } from '../../../models/architectures/model-spec';
import type { KeyBias } from '../../../protocol/compute/models';
import { FailureError } from '../../../protocol/wire/failures';
import type { KeyGroup } from '../../../diagnostics/model-runner/sequence';
import { variantProblem, type GroupChange, type Variant } from './interventions';
import { range } from './runtime-arrays';

const bad = (detail: string): FailureError => new FailureError({ code: 'bad-request', detail });

export interface BiasedKeys {
  /** One for each range of keys, named `keys 3-9`. */
  readonly groups: readonly KeyGroup[];
  readonly scoreBiases: readonly GroupChange[];
}

export function biasedKeys(biases: readonly KeyBias[]): BiasedKeys {
  const groups = new Map<string, KeyGroup>();
  const scoreBiases = biases.map(({ layer, head, start, end, bias }) => {
    const name = end - start === 1 ? `key ${start}` : `keys ${start}-${end - 1}`;
    groups.set(name, { name, positions: range(start, end - start) });
    return { layer, head, group: name, value: bias };
  });
  return { groups: [...groups.values()], scoreBiases };
}

/** The variant, where the model has what it names and the prompt of `length` tokens has the keys of the groups. */
export function checkedVariant(
  model: ModelSpec,
  variant: Variant,
  groups: readonly KeyGroup[] = [],
  length = 0,
): Variant {
  const names = groups.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw bad(`Two key groups are called "${twice}". Give each a name of its own.`);
  for (const { name, positions } of groups) {
    const outside = positions.find((position) => position >= length);
    if (outside === undefined) continue;
    throw bad(`The group "${name}" names position ${outside}, and the prompt has ${length} tokens, from 0.`);
  }
  const problem = variantProblem(model, variant, names);
  if (problem !== undefined) throw bad(problem);
  return variant;
}
