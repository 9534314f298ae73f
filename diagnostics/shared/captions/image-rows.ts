import type { ModelFacts } from '../../model-runner/model-runner';

/** Image tokens of a picture as LLaVA-1.5 has them, where the encoder does not say more. */
const usualRows = 576;

/** Image tokens that are expected before a picture is read: one a patch; a model that cuts pictures into tiles has more. */
export function imageRows({ summary: { vision } }: ModelFacts): number {
  return vision ? Math.max(1, Math.round(vision.imageSize / vision.patchSize)) ** 2 : usualRows;
}
