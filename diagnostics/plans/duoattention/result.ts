/** The result of the analysis `duoattention`, and its schema. */
import type { Gates } from '../../../protocol/plans/gates';
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
  text,
  texts,
  whole,
} from '../../../protocol/schema/fields';
import { mostHeads, mostLayers } from '../../../protocol/schema/parts';
import { bytesAtField, type BytesAt } from '../../shared/plans/bytes-table';
import { methods, type Method } from './parameters';

/** One step of the training, before its update. */
export interface GatePoint {
  /** From 1. */
  readonly step: number;
  /** Of the prompt of the step: mean over labelled rows and channels of the squared difference behind the final norm. */
  readonly distance: number;
  /** Mean of the gates. */
  readonly mean: number;
}

/** What one choice of heads does on the check prompts, with the sizes of the training. */
export interface CheckRow {
  readonly name: string;
  /** Heads that keep everything. */
  readonly heads: number;
  /** Bytes of the caches over those of the full cache. */
  readonly share: number;
  readonly distance: number;
  /** Of the tokens of the keys: share whose token is the most probable one, and their mean loss in nats. */
  readonly accuracy: number;
  readonly loss: number;
  /** Mean over prompts, behind the first token of the last key, of the divergence from the full model in nats. */
  readonly divergence: number;
}

interface Fields {
  readonly method: Method;
  /** [layers][key/value heads]: 0 to 1, or for first-order gates the distance when the head alone streams. */
  readonly gates: Gates;
  readonly curve: readonly GatePoint[];
  /** False while gates are still being found. */
  readonly done: boolean;
  readonly rule: string;
  /** Gates from here on keep everything. */
  readonly threshold: number;
  /** Heads that keep everything, and share of those that do not. */
  readonly full: number;
  readonly sparsity: number;
  /** Share of gates above 0.5. */
  readonly above: number;
  readonly plan: readonly (readonly HeadPlan[])[];
  readonly bytes: readonly BytesAt[];
  /** What streaming heads keep under the plan. */
  readonly deployed: { readonly sinks: number; readonly recent: number };
  /** Sizes of streaming heads while gates were found. */
  readonly windows: { readonly trainSinks: number; readonly trainRecent: number };
  /** `deployed` as the release reads it from a `config.json` beside the gates. Its own files have the sizes of the training there. */
  readonly config: { readonly sink_size: number; readonly recent_size: number };
  readonly checks?: { readonly prompts: number; readonly tokens: number; readonly rows: readonly CheckRow[] };
  readonly notes: readonly string[];
}

export interface DuoResult extends Fields, Readonly<Record<string, unknown>> {}
type Named = Pick<Fields, keyof Fields>;

export const duoResult: Schema<DuoResult> = object<Named>({
  method: oneOf(methods),
  gates: list(list(figure, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
  curve: list(object<GatePoint>({ step: count, distance: figure, mean: number })),
  done: flag,
  rule: text,
  threshold: figure,
  full: whole,
  sparsity: number,
  above: number,
  plan: list(list(headPlanField, 'a list of heads', { most: mostHeads }), 'a list of layers', { most: mostLayers }),
  bytes: list(bytesAtField),
  deployed: object<Fields['deployed']>({ sinks: whole, recent: whole }),
  windows: object<Fields['windows']>({ trainSinks: whole, trainRecent: count }),
  config: object<Fields['config']>({ sink_size: whole, recent_size: whole }),
  checks: optional(
    object<NonNullable<Fields['checks']>>({
      prompts: count,
      tokens: whole,
      rows: list(
        object<CheckRow>({
          name: text,
          heads: whole,
          share: number,
          distance: figure,
          accuracy: figure,
          loss: figure,
          divergence: figure,
        }),
      ),
    }),
  ),
  notes: texts,
});
