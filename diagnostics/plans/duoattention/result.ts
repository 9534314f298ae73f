/** The result of the analysis `duoattention`, and its schema. */
import type { Output } from '../../../protocol/schema/check';
import { headPlanField } from '../../../protocol/plans/head-plan';
import {
  count,
  figure,
  flag,
  list,
  number,
  object,
  oneOf,
  optional,
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import { bytesAtField } from '../../shared/plans/bytes-table';
import { methods } from './parameters';

/** One step of the training, before its update. */
const gatePoint = object({
  /** From 1. */
  step: count,
  /** Mean over the labelled rows and the channels of the step's prompt of the squared difference behind the final norm. */
  distance: figure,
  /** Mean of the gates. */
  mean: number,
});
export type GatePoint = Output<typeof gatePoint>;

/** What one choice of heads does on the check prompts, with the sizes of the training. */
const checkRow = object({
  name: text,
  /** Heads that keep everything. */
  heads: whole,
  /** Bytes of the caches over those of the full cache. */
  share: number,
  distance: figure,
  /** Over the tokens of the keys: the share whose token is the most probable one, and their mean loss in nats. */
  accuracy: figure,
  loss: figure,
  /** Mean over prompts, behind the first token of the last key, of the divergence from the full model in nats. */
  divergence: figure,
});
export type CheckRow = Output<typeof checkRow>;

export const duoResult = object({
  method: oneOf(methods),
  /** [layers][key/value heads]: 0 to 1, or for first-order gates the distance when the head alone streams. */
  gates: list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
  curve: list(gatePoint),
  /** False while gates are still being found. */
  done: flag,
  rule: text,
  /** Gates from here on keep everything. */
  threshold: figure,
  /** Heads that keep everything, and share of those that do not. */
  full: whole,
  sparsity: number,
  /** Share of gates above 0.5. */
  above: number,
  plan: list(list(headPlanField, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
  bytes: list(bytesAtField),
  /** What streaming heads keep under the plan. */
  deployed: object({ sinks: whole, recent: whole }),
  /** Sizes of streaming heads while gates were found. */
  windows: object({ trainSinks: whole, trainRecent: count }),
  /** `deployed` as the release reads it from a `config.json` beside the gates. Its own files have the sizes of the training there. */
  config: object({ sink_size: whole, recent_size: whole }),
  checks: optional(
    object({
      prompts: count,
      tokens: whole,
      rows: list(checkRow),
    }),
  ),
  notes: texts,
});
export type DuoResult = Output<typeof duoResult>;
