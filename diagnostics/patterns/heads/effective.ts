/** What a run of the analysis `heads` measures of the recurrences of a model. */
import type { EffectiveHeads, HeadsMeasured } from '../../../protocol/results/labelled-heads';
import { writtenThumbnails } from '../../../protocol/results/thumbnails';
import type { StateKind } from '../../../models/architectures/state-spec';
import type { EffectiveNumbers } from '../../model-runner/head-numbers';
import type { ModelFacts } from '../../model-runner/model-runner';

/**
 * Tokens of a prompt up to which E is measured. It is made of n^2 numbers for each of the heads that a kind computes, and kinds that
 * have no heads compute one for each of some thousands of channels.
 */
const mostMeasured: Readonly<Record<StateKind, number>> = {
  'gated-delta': 1024,
  gla: 1024,
  mamba2: 1024,
  wkv6: 1024,
  lightning: 1024,
  'short-convolution': 1024,
  mamba: 256,
  'rg-lru': 256,
  wkv: 256,
};

const tokensMeasured = (facts: ModelFacts): number =>
  Math.min(...facts.blocks.flatMap(({ state }) => (state ? [mostMeasured[state.kind]] : [])));

/** Whether there are recurrences, and the prompt is not too long for what they do to it. */
export const measuresEffective = (facts: ModelFacts, tokens: number): boolean =>
  facts.blocks.some(({ state }) => state) && tokens <= tokensMeasured(facts);

/** Layers that are not measured yet have no numbers. */
export function effectiveOf(
  layers: readonly { readonly effective?: EffectiveNumbers }[],
  facts: ModelFacts,
  tokens: number,
): Pick<HeadsMeasured, 'effective'> {
  const { blocks } = facts;
  if (!blocks.some(({ state }) => state)) return {};
  const table = (name: 'sum' | 'size' | 'negative' | 'distance') =>
    blocks.map(({ state }, layer) => [
      ...(layers[layer]?.effective?.[name] ?? new Array<number>(state?.heads ?? 0).fill(Number.NaN)),
    ]);
  const most = tokensMeasured(facts);
  return {
    effective: {
      recurrences: blocks.map(({ state }) => state?.kind ?? null),
      beside: blocks.map(({ heads, state }) => state !== undefined && heads > 0),
      ...{ sum: table('sum'), size: table('size'), negative: table('negative'), distance: table('distance') },
      ...picturesOf(layers, facts),
      ...(tokens > most ? { why: `It is measured of prompts of up to ${most} tokens; this one has ${tokens}.` } : {}),
    },
  };
}

/** Layers with fewer heads than others, or none, have empty pictures behind theirs. */
function picturesOf(
  layers: readonly { readonly effective?: EffectiveNumbers }[],
  { blocks }: ModelFacts,
): Pick<EffectiveHeads, 'thumbnails'> {
  const heads = Math.max(...blocks.map(({ state }) => state?.heads ?? 0));
  const first = layers.find(({ effective }) => effective?.thumbnail)?.effective;
  if (!first?.thumbnail) return {};
  const size = Math.round(Math.sqrt(first.thumbnail.length / first.sum.length));
  const each = heads * size * size;
  const data = new Float32Array(layers.length * each);
  layers.forEach(({ effective }, layer) => data.set(effective?.thumbnail ?? [], layer * each));
  return { thumbnails: writtenThumbnails({ size, layers: layers.length, heads, data }) };
}
