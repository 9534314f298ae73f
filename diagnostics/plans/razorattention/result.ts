/** The result of the analysis `razorattention`, and its schema. */
import { prefillModes, type Prefill } from '../../../protocol/interventions/plan';
import { headPlanField, type HeadPlan } from '../../../protocol/plans/head-plan';
import type { Schema } from '../../../protocol/schema/check';
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
import type { HeadPlace } from '../../model-runner/variant';
import { bytesAtField, type BytesAt } from '../../shared/plans/bytes-table';
import type { PerHead } from './selection';

/** One row of the ablation grid. */
export interface GridRow {
  /** Shares of key/value heads. */
  readonly induction: number;
  readonly echo: number;
  readonly compensation: boolean;
  /** Key/value heads that keep everything. */
  readonly heads: number;
  /** Bytes of the caches, of those of the full cache, over the prompts. */
  readonly share: number;
  /** Share of prompts whose key is given, all its tokens, with the ends of its 95 % interval. */
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
  /** Mean of -ln of the probability of the first token of the key, nats. */
  readonly loss: number;
}

interface Fields {
  /** K, and the tokens of the probe. */
  readonly period: number;
  readonly tokens: number;
  /** Both scores of a head that reads everything alike. */
  readonly uniform: number;
  /** [layers][query heads] */
  readonly inductionScores: PerHead;
  readonly echoScores: PerHead;
  /** [layers][key/value heads]: the largest of the query heads that share it. */
  readonly induction: PerHead;
  readonly echo: PerHead;
  /** Key/value heads, largest score first. */
  readonly inductionHeads: readonly HeadPlace[];
  readonly echoHeads: readonly HeadPlace[];
  /** Of the union of both, in the order of the table: ranks of the two scores, from 1. */
  readonly retrieval: readonly (HeadPlace & { readonly inductionRank: number; readonly echoRank: number })[];
  readonly plan: readonly (readonly HeadPlan[])[];
  readonly prefill: Prefill;
  readonly bytes: readonly BytesAt[];
  readonly grid?: { readonly prompts: number; readonly full: GridRow; readonly rows: readonly GridRow[] };
  readonly notes: readonly string[];
}

export interface RazorResult extends Fields, Readonly<Record<string, unknown>> {}
type Named = Pick<Fields, keyof Fields>;

const places: Schema<readonly HeadPlace[]> = list(object<HeadPlace>(placeFields()));

const gridRow: Schema<GridRow> = object<GridRow>({
  induction: number,
  echo: number,
  compensation: flag,
  heads: whole,
  share: number,
  accuracy: number,
  low: number,
  high: number,
  loss: figure,
});

export const razorResult: Schema<RazorResult> = object<Named>({
  period: count,
  tokens: count,
  uniform: number,
  inductionScores: figuresPerHead,
  echoScores: figuresPerHead,
  induction: figuresPerHead,
  echo: figuresPerHead,
  inductionHeads: places,
  echoHeads: places,
  retrieval: list(object<Fields['retrieval'][number]>({ ...placeFields(), inductionRank: count, echoRank: count })),
  plan: list(list(headPlanField, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
  prefill: oneOf(prefillModes),
  bytes: list(bytesAtField),
  grid: optional(object<NonNullable<Fields['grid']>>({ prompts: count, full: gridRow, rows: list(gridRow) })),
  notes: texts,
});
