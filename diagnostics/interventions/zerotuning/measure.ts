/** Gammas on the first token as variants of the model, and how prompts are answered under them. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import { answered as answeredUnder, type Answered, type Question } from '../../shared/labelled-heads/questions';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { KeyGroup } from '../../model-runner/sequence';
import { biasOf } from './lever';

/** Name of the key group of token 0. */
const first = 'zerotuning first token';

export const firstTokenGroup: KeyGroup = { name: first, positions: [0] };

/** The groups of a prompt with that of token 0. */
export const groupsOf = ({ groups = [] }: { readonly groups?: readonly KeyGroup[] }): readonly KeyGroup[] => [
  ...groups,
  firstTokenGroup,
];

/** The person's variant with gammas on top: the same objects in front, so that what is in common is run once. */
export function tuned(variant: Variant, heads: readonly HeadPlace[], gamma: number): Variant {
  const value = biasOf(gamma);
  return [...variant, ...heads.map(({ layer, head }) => ({ kind: 'bias' as const, layer, head, group: first, value }))];
}

/** One for each variant. */
export const answered = (
  model: ModelRunner,
  question: Question,
  variants: readonly Variant[],
): Promise<readonly Answered[]> => answeredUnder(model, question, variants, [firstTokenGroup]);
