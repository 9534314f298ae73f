/** What the analysis `divergence` saves: its types and their schema. */
import {
  captionToken,
  imageSinks,
  reinforcementFields,
  removedPart,
} from '../../../protocol/results/hallucination-schema';
import type { CaptionToken, FlagPerHead, ImageSinks } from '../../../protocol/results/hallucination';
import {
  outlierRules,
  removedPositions,
  vhdDistances,
  type OutlierRule,
  type Reinforcement,
  type Removed,
  type RemovedPositions,
  type VhdDistance,
} from '../../../protocol/results/reinforcement';
import type { HeadGain, PerHead } from '../../../protocol/results/heads';
import type { ImageSpan } from '../../../protocol/results/image';
import type { Schema } from '../../../protocol/schema/check';
import {
  count,
  figure,
  flag,
  list,
  object,
  oneOf,
  optional,
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { headGains, imageSpan, mostHeads, mostLayers } from '../../../protocol/schema/parts';

export interface MeasuredCaption {
  readonly text: string;
  readonly tokens: readonly CaptionToken[];
  /** Cut after so many tokens; absent: it ended by itself. */
  readonly stoppedAt?: number;
  /** What is wrong with the text, as a sentence. */
  readonly broken?: string;
}

/** T-VHD of its tokens is that of the plain model which follows the text. */
export interface ReinforcedCaption extends MeasuredCaption {
  readonly reinforcement: Reinforcement;
  /** False in layers that are not reinforced. */
  readonly heads: FlagPerHead;
  readonly gains: readonly HeadGain[];
}

// A type and no interface: results are records.
export type DivergenceResult = {
  readonly removed: Removed;
  readonly distance: VhdDistance;
  readonly outliers: OutlierRule;
  readonly positions: RemovedPositions;
  /** Heads of each layer that T-VHD adds up. */
  readonly k: number;
  /** Absent where a span of text is removed. */
  readonly image?: ImageSpan;
  /** Tokens of the span; absent for a picture. */
  readonly span?: readonly string[];
  /** The five tables of the first step, as in a saved hallucination result. */
  readonly vhd: PerHead;
  readonly textEnergy: PerHead;
  readonly visualAttention: PerHead;
  readonly outlier: FlagPerHead;
  readonly selected: FlagPerHead;
  readonly sinks?: ImageSinks;
  readonly caption: MeasuredCaption;
  /** At the first step, mean over the selected heads: mass on each image token, or on each token of the span. */
  readonly attention: readonly number[];
  readonly reinforced?: ReinforcedCaption;
};

const table: Schema<PerHead> = list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});
const flags: Schema<FlagPerHead> = list(list(flag, 'a list of heads', { most: mostHeads }), 'a list of layers', {
  most: mostLayers,
});

const captionFields = {
  text,
  tokens: list(captionToken, 'a list of tokens'),
  stoppedAt: optional(whole),
  broken: optional(text),
};

export const divergenceResult: Schema<DivergenceResult> = object<DivergenceResult>({
  removed: removedPart,
  distance: oneOf(vhdDistances),
  outliers: oneOf(outlierRules),
  positions: oneOf(removedPositions),
  k: count,
  image: optional(imageSpan),
  span: optional(texts),
  vhd: table,
  textEnergy: table,
  visualAttention: table,
  outlier: flags,
  selected: flags,
  sinks: optional(imageSinks),
  caption: object<MeasuredCaption>(captionFields),
  attention: list(figure),
  reinforced: optional(
    object<ReinforcedCaption>({
      ...captionFields,
      reinforcement: object<Reinforcement>(reinforcementFields),
      heads: flags,
      gains: headGains(),
    }),
  ),
});
