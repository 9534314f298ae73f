/** What a request about a span is turned into before anything runs: two sequences, a measure, a plan, all checked. */
import { defaultTopHeads, reinforcedLayers } from '../../../diagnostics/hallucination/divergence';
import type { DivergenceRequest, ReinforcementRequest } from '../../../protocol/compute/hallucination';
import type { Reinforcement } from '../../../protocol/results/hallucination';
import { FailureError } from '../../../protocol/wire/failures';
import type { Surroundings } from '../../surroundings';
import { planChunk } from '../run/budget';
import type { DivergenceMeasure } from './divergence-run';
import type { LoadedModel } from '../checkpoint/loaded-model';
import { promptForPictures, sequenceOf } from '../prompt/prompt';
import type { ReinforcementPlan } from '../generation/reinforcement';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import { requireRest, spanPair, type SpanPair } from './span-pair';

const bad = (detail: string): FailureError => new FailureError({ code: 'bad-request', detail });

/** What the two passes of a request read, and how they are measured. */
export interface Prepared {
  readonly sequence: Sequence;
  readonly pair: SpanPair;
  readonly measure: DivergenceMeasure;
  readonly chunk: number;
}

export async function prepare(
  model: LoadedModel,
  request: DivergenceRequest,
  further: number,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<Prepared> {
  requireHead(model);
  const { memoryLimit } = surroundings;
  if (request.removed.kind === 'image' && (request.prompt.image === undefined || !model.vision)) requireVision(model);
  const sequence = await sequenceOf(model, request.prompt, { memoryLimit, signal });
  const pair = spanPair(sequence, request.removed, request.positions);
  const { distance, outliers, k } = request;
  return {
    sequence,
    pair,
    measure: { distance, outliers, k: topHeads(model, k) },
    chunk: chunkFor(model, sequence, further, memoryLimit),
  };
}

/** Says what is missing, and what can be done with a model that reads text alone. */
export function requireVision(model: LoadedModel): void {
  if (model.vision) {
    throw bad(
      'The request names no image. Give one (--image on the command line), or a span of the text that is to be left out (--span).',
    );
  }
  throw bad(
    'The model reads text alone: it has no vision encoder, so there is no image to leave out. Choose a vision-language model, or a span of the prompt (a document, a system prompt; --span on the command line): heads that read it are found in the same way.',
  );
}

/** What is wrong with every picture alike is said before the first one is read. */
export function requireCaptions(
  model: LoadedModel,
  { prompt, k }: Pick<DivergenceRequest, 'prompt' | 'k'>,
): ReturnType<typeof promptForPictures> {
  requireHead(model);
  if (!model.vision) {
    throw bad(
      'The model reads text alone: it has no vision encoder, so it cannot caption pictures. Choose a vision-language model.',
    );
  }
  topHeads(model, k);
  const placed = promptForPictures(model, prompt);
  requireRest(placed.span, placed.ids.length, 'image');
  return placed;
}

function topHeads({ summary: { heads } }: LoadedModel, k = defaultTopHeads(heads)): number {
  if (k > heads) throw bad(`T-VHD cannot add up ${k} heads of a layer, which has ${heads}. Choose at most ${heads}.`);
  return k;
}

/** Two caches are held. The whole prompt in one chunk where it fits: layers that choose gains then run once. */
export function chunkFor(
  model: LoadedModel,
  { ids: { length }, prefix }: Sequence,
  further: number,
  limit: number,
  whole = false,
): number {
  const shape = { length, batch: 2, keepCache: true, further, logits: 'last', prefix } as const;
  if (!whole) return planChunk(model.spec, shape, limit);
  try {
    return planChunk(model.spec, shape, limit, length);
  } catch (error) {
    if (!(error instanceof FailureError) || error.failure.code !== 'out-of-memory') throw error;
    return planChunk(model.spec, shape, limit);
  }
}

/** Checked, with layers resolved. */
export function reinforcementOf(
  model: LoadedModel,
  { distance, positions }: Pick<DivergenceRequest, 'distance' | 'positions'>,
  request: ReinforcementRequest,
): Reinforcement {
  const count = model.spec.blocks.length;
  const { layers: wanted, ...rest } = request;
  const layers = [...new Set(wanted ?? reinforcedLayers(count))].sort((a, b) => a - b);
  if (!Number.isFinite(request.alpha)) {
    throw bad(`The factor alpha is ${request.alpha}. Give a finite number; 1 changes nothing, 2 is the paper's.`);
  }
  if (layers.length === 0)
    throw bad('No layer is named to be reinforced. Name at least one, or leave the choice to auto.');
  const outside = layers.find((layer) => !Number.isInteger(layer) || layer < 0 || layer >= count);
  if (outside !== undefined) throw bad(`There is no layer ${outside}: the model has ${count}, from 0.`);
  if (request.normMatched && request.heads === 'all') {
    throw bad('All heads scaled and then scaled back is the plain model. Choose one of the two controls.');
  }
  return { ...rest, layers, distance, positions };
}

export const planOf = ({ positions: _, ...plan }: Reinforcement): ReinforcementPlan => plan;

export function requireHead(model: LoadedModel): void {
  if (!model.spec.head.vocabulary) {
    throw new FailureError({
      code: 'model-unusable',
      folder: model.folder,
      detail: 'It has no language head, so it predicts no tokens. Its heads can still be inspected.',
    });
  }
  if (!model.summary.causal) {
    throw new FailureError({
      code: 'model-unusable',
      folder: model.folder,
      detail:
        'It reads in both directions and predicts masked tokens, not the next one. Its heads can still be inspected.',
    });
  }
}
