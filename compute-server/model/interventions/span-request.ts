/** Checks of requests about a span, and what follows from the model alone: a setup, a chunk. */
import { setupOf, readsTextAlone, resolvedReinforcement } from '../../../diagnostics/shared/divergence/reinforcement';
import { requireRest } from '../../../diagnostics/shared/divergence/span-pair';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import type { PromptInput } from '../../../protocol/inputs/prompt';
import type { Reinforcement, ReinforcementRequest } from '../../../protocol/interventions/reinforcement';
import { FailureError, refusal } from '../../../protocol/wire/failures';
import type { LoadedModel } from '../checkpoint/loaded-model';
import { promptForPictures } from '../prompt/prompt';
import { chunkThatFits } from '../run/stream/budget';

export { setupOf };

/** Says what is missing, and what can be done with a model that reads text alone. */
export function requireVision(model: LoadedModel): void {
  if (model.vision) {
    throw refusal(
      'The request names no image. Give one (--image on the command line), or a span of the text that is to be left out (--span).',
    );
  }
  throw refusal(readsTextAlone);
}

/** What is wrong with all pictures is reported before the first one is read. */
export function requireCaptions(model: LoadedModel, prompt: PromptInput): ReturnType<typeof promptForPictures> {
  requireHead(model);
  if (!model.vision) {
    const { unread } = model.summary;
    throw refusal(
      unread
        ? `${unread} Choose a vision-language model whose pictures are read.`
        : 'The model reads text alone: it has no vision encoder, so it cannot caption pictures. Choose a vision-language model.',
    );
  }
  const placed = promptForPictures(model, prompt);
  requireRest(placed.span, placed.ids.length, 'image');
  return placed;
}

/** Two caches are held. The whole prompt in one chunk where it fits: layers that choose gains then run once. */
export function chunkFor(
  model: LoadedModel,
  { ids: { length }, prefix, source }: Sequence,
  further: number,
  limit: number,
  whole = false,
): number {
  const shape = { length, batch: 2, keepCache: true, further, logits: 'last', prefix, source } as const;
  if (!whole) return chunkThatFits(model, shape, limit);
  try {
    return chunkThatFits(model, shape, limit, length);
  } catch (error) {
    if (!(error instanceof FailureError) || error.failure.code !== 'out-of-memory') throw error;
    return chunkThatFits(model, shape, limit);
  }
}

/** Checked, with layers resolved. */
export const reinforcementOf = (
  model: LoadedModel,
  measure: Pick<Reinforcement, 'distance' | 'positions'>,
  request: ReinforcementRequest,
): Reinforcement => resolvedReinforcement(model.spec.blocks.length, measure, request);

export function requireHead(model: LoadedModel): void {
  if (!model.spec.head.vocabulary) {
    throw new FailureError({
      code: 'unsupported',
      detail: 'The model has no language head, so it predicts no tokens. Choose one that generates text.',
    });
  }
  if (!model.summary.causal) {
    throw new FailureError({
      code: 'unsupported',
      detail:
        'The model reads in both directions and predicts masked tokens, not the next one. Choose one that generates text.',
    });
  }
}
