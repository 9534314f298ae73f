/** Variants and the key groups that a request names, checked against the model and the prompt. */
import { variantProblem, type Variant } from '../../../../models/instrument/changes/changes';
import { allSizes } from '../../../../models/architectures/layer-sizes';
import type { ModelSpec } from '../../../../models/architectures/model-spec';
import { refusal } from '../../../../protocol/wire/failures';
import { groupProblem, type KeyGroup } from '../../../../diagnostics/model-runner/sequence';

/** The variant, where the model has what it names and the prompt of `length` tokens has the keys of the groups. */
export function checkedVariant(
  model: ModelSpec,
  variant: Variant,
  groups: readonly KeyGroup[] = [],
  length = 0,
): Variant {
  const names = groups.map(({ name }) => name);
  const problem = groupProblem(groups, length) ?? variantProblem(allSizes(model), variant, names);
  if (problem !== undefined) throw refusal(problem);
  return variant;
}
