/** How the heads that read an image or another span are measured, and how they are reinforced (arXiv 2412.13949). */
import * as v from 'valibot';
import type { Output } from '../schema/check';
import { byKind, flag, list, number, object, oneOf, optional, whole, wholeFrom } from '../schema/fields';
import { mostLayers } from '../schema/parts';
import { layerField } from './fields';

/** How far the head's output with the image is from its output without: Euclidean, its square, over the norm without, 1 - cosine. */
export const vhdDistances = ['l2', 'squared', 'relative', 'cosine'] as const;
export type VhdDistance = (typeof vhdDistances)[number];

/** Paper eq. 6; the released code's variant of it; none. */
export const outlierRules = ['paper', 'release', 'off'] as const;
export type OutlierRule = (typeof outlierRules)[number];

/** After the rows are removed: positions run on without a gap (as released), or stay what they were. */
export const removedPositions = ['contiguous', 'original'] as const;
export type RemovedPositions = (typeof removedPositions)[number];

/** `in-graph`: gains computed inside the layer graphs; `progressive`: a run per layer; `one-shot`: all layers at once, approximate. */
export const reinforcementExecutors = ['in-graph', 'progressive', 'one-shot'] as const;
export type ReinforcementExecutor = (typeof reinforcementExecutors)[number];

/**
 * `selected`: equation 7. Controls: `random`, as many heads of each layer, drawn by the seed; `all`, every head of the layer by
 * the one factor that gives the layer's attention output the norm that reinforcing the selected heads gives it.
 */
export const reinforcedHeads = ['selected', 'random', 'all'] as const;

/** What the second pass lacks: the image, or the prompt tokens [start, end). */
export const removedPart = byKind({ image: {}, span: { start: whole, end: whole } });
export type Removed = Output<typeof removedPart>;

export const layerList = list(whole, 'a list of layers', { most: mostLayers });

const reinforcementFields = {
  alpha: number,
  /** Layers from 0, as resolved for the model. */
  layers: layerList,
  distance: oneOf(vhdDistances),
  outliers: oneOf(outlierRules),
  positions: oneOf(removedPositions),
  heads: oneOf(reinforcedHeads),
  /**
   * The layer's attention output is scaled back, by one factor for all its heads, to the norm that it has without
   * reinforcement at the first step, so that its direction alone changes: a control.
   */
  normMatched: flag,
  executor: oneOf(reinforcementExecutors),
  seed: number,
};

/** Heads of each of `layers` scaled by `alpha` before the output projection, chosen at the first step and held. */
export const reinforcement = object(reinforcementFields);
export type Reinforcement = Output<typeof reinforcement>;

/** A reinforcement as it is asked for; distance and positions are those of the measurement that it belongs to. */
export const reinforcementRequest = object({
  // A factor that is not finite is refused where it has words.
  alpha: v.number('a number'),
  outliers: oneOf(outlierRules),
  heads: oneOf(reinforcedHeads),
  normMatched: flag,
  executor: oneOf(reinforcementExecutors),
  seed: wholeFrom(0, 2 ** 32 - 1),
  /** Absent: {1} and the last ceil(14/32 L). */
  layers: optional(list(layerField, 'a list of layers')),
});
export type ReinforcementRequest = Output<typeof reinforcementRequest>;
