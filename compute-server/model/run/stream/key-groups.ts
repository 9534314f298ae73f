/** Variants and the key groups that a request names, checked against the model and the prompt. */
import { variantProblem, type Variant } from '../../../../models/instrument/changes/changes';
import { allSizes } from '../../../../models/architectures/layer-sizes';
import type { ModelSpec } from '../../../../models/architectures/model-spec';
import { refusal } from '../../../../protocol/wire/failures';
import type { KeyGroup } from '../../../../diagnostics/model-runner/sequence';

/** The variant, where the model has what it names and the prompt of `length` tokens has the keys of the groups. */
export function checkedVariant(
  model: ModelSpec,
  variant: Variant,
  groups: readonly KeyGroup[] = [],
  length = 0,
): Variant {
  const names = groups.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw refusal(`Two key groups are called "${twice}". Give each a name of its own.`);
  for (const { name, positions } of groups) {
    const outside = positions.find((position) => position >= length);
    if (outside === undefined) continue;
    throw refusal(`The group "${name}" names position ${outside}, and the prompt has ${length} tokens, from 0.`);
  }
  const problem = variantProblem(allSizes(model), variant, names);
  if (problem !== undefined) throw refusal(problem);
  return variant;
}
