/** The result of the analysis `razorattention`, and its schema. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Output, Schema } from '../../../protocol/schema/check';
import { prefillModes } from '../../../protocol/interventions/plan';
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
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { figuresPerHead, mostHeads, mostLayers, placeFields } from '../../../protocol/schema/parts';
import { bytesAtField } from '../../shared/plans/bytes-table';

const places: Schema<readonly HeadPlace[]> = list(object(placeFields()));

/** One row of the ablation grid. */
const gridRow = object({
  /** Shares of key/value heads. */
  induction: number,
  echo: number,
  compensation: flag,
  /** Key/value heads that keep everything. */
  heads: whole,
  /** Bytes of the caches, of those of the full cache, over the prompts. */
  share: number,
  /** Share of prompts whose key is given, all its tokens, with the ends of its 95 % interval. */
  accuracy: number,
  low: number,
  high: number,
  /** Mean of -ln of the probability of the first token of the key, nats. */
  loss: figure,
});
export type GridRow = Output<typeof gridRow>;

export const razorResult = object({
  /** K, and the tokens of the probe. */
  period: count,
  tokens: count,
  /** Both scores of a head that reads everything alike. */
  uniform: number,
  /** [layers][query heads] */
  inductionScores: figuresPerHead,
  echoScores: figuresPerHead,
  /** [layers][key/value heads]: the largest of the query heads that share it. */
  induction: figuresPerHead,
  echo: figuresPerHead,
  /** Key/value heads, largest score first. */
  inductionHeads: places,
  echoHeads: places,
  /** The heads of both lists in the order of the table, with their ranks by the two scores, from 1. */
  retrieval: list(object({ ...placeFields(), inductionRank: count, echoRank: count })),
  plan: list(list(headPlanField, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
  prefill: oneOf(prefillModes),
  bytes: list(bytesAtField),
  grid: optional(object({ prompts: count, full: gridRow, rows: list(gridRow) })),
  notes: texts,
});
export type RazorResult = Output<typeof razorResult>;
