/** The result of the analysis `attribution`, and its schema. */
import { part } from '../../shared/effects/parts';
import type { Output, Schema } from '../../../protocol/schema/check';
import { effectMetrics } from '../../../protocol/analysis/tasks';
import {
  ensure,
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
import { mostLayers } from '../../../protocol/schema/parts';
import { edgeInputs, nodeField } from '../../shared/circuits/circuit';
import { baselines, methods } from './parameters';
import { measuredMean } from '../../shared/statistics/proportion';

const cellSites = ['head', 'mlp', 'residual', 'cross-head', 'encoder-head'] as const;
export type CellSite = (typeof cellSites)[number];

/** [layers][heads], [layers][1] of MLPs, [layers][columns] of the residual stream. */
export type Table = readonly (readonly number[])[];

export const agreementGroups = ['parts', 'places', 'edges'] as const;
export const agreementSets = ['largest', 'drawn', 'both'] as const;

const table: Schema<Table> = list(list(figure), 'a list of layers', { least: 1, most: mostLayers });

/** Change of the metric, in its unit, mean over prompts. */
const effects = object({
  estimate: table,
  /** Ends of the 95 % interval of the estimate over prompts (Student's t; NaN where there is one). */
  low: table,
  high: table,
  /** By patching; NaN where that was not done. */
  exact: table,
});
export type Effects = Output<typeof effects>;

/** Mean over prompts, in the unit of the metric. */
const edgeEffect = object({
  /** `embedding`, or a node as `L5H1` or `L5MLP`. */
  from: nodeField,
  /** A node, or `logits`. */
  to: nodeField,
  input: oneOf(edgeInputs),
  /** NaN of edges into the logits: patching them exactly costs no more. */
  estimate: figure,
  /** By path patching with every other head and MLP held; NaN where that was not done. */
  exact: figure,
  largest: flag,
  drawn: flag,
});
export type EdgeEffect = Output<typeof edgeEffect>;

const edges = object({
  /** Prompts. */
  n: count,
  /** Heads and MLPs between which edges are: those with the largest estimates, in that order. */
  nodes: list(part),
  /** Edges that end in one of them. */
  of: whole,
  /** Strongest first, by the exact effect where it is known. */
  edges: list(edgeEffect),
});
export type Edges = Output<typeof edges>;

/** One estimate beside the exact effect, both means over prompts. */
const checked = object({
  site: oneOf(cellSites),
  layer: whole,
  slot: whole,
  estimate: figure,
  exact: figure,
  /** Among the largest estimates. */
  largest: flag,
  /** Drawn at random. */
  drawn: flag,
});
export type Checked = Output<typeof checked>;

/** How estimates and exact effects go together: correlations with 95 % intervals (statistics/correlation.ts). */
const agreement = object({
  /** Heads and MLPs, positions of the residual stream, or edges. */
  group: oneOf(agreementGroups),
  set: oneOf(agreementSets),
  n: count,
  /** All that there are in the group. */
  of: count,
  pearson: measuredMean,
  spearman: measuredMean,
});
export type Agreement = Output<typeof agreement>;

/** Means are over `n` prompts. */
const fields = object({
  metric: oneOf(effectMetrics),
  baseline: oneOf(baselines),
  method: oneOf(methods),
  /** Gradients of one prompt. */
  gradients: count,
  n: count,
  leftOut: optional(whole),
  /** The answers that are compared, of a prompt and its counterpart. */
  answers: optional(object({ right: text, wrong: optional(text) })),
  /** The metric on the prompts, and with their answers on the counterparts. */
  original: measuredMean,
  counterpart: optional(measuredMean),
  /** Labels of the columns of `places`; absent where positions were not asked for. */
  columns: optional(texts),
  heads: effects,
  mlps: effects,
  /** Heads of cross-attention and of the encoder of an encoder-decoder; the other fields describe its decoder. */
  cross: optional(effects),
  encoder: optional(effects),
  places: optional(effects),
  /** Absent where none were asked for, and without counterparts. */
  edges: optional(edges),
  /** Why edges that were asked for were not measured, in a sentence. */
  withoutEdges: optional(text),
  checked: list(checked),
  agreement: list(agreement),
  /** Forward passes of one prompt without edges: of this run, and of patching everything exactly instead. A gradient counts as three. */
  passes: object({ taken: whole, exact: whole }),
});

export const attributionResult = ensure(
  fields,
  ({ heads, mlps, cross, encoder, places, columns = [], checked }) => {
    const shapeOf = (of: Table): string => of.map(({ length }) => length).join();
    const all = [heads, mlps, cross, encoder, places].filter((one) => one !== undefined);
    const tableOf = { head: heads, mlp: mlps, residual: places, 'cross-head': cross, 'encoder-head': encoder } as const;
    return (
      all.every(({ estimate, low, high, exact }) =>
        [low, high, exact].every((one) => shapeOf(one) === shapeOf(estimate)),
      ) &&
      (places === undefined || places.estimate.every(({ length }) => length === columns.length)) &&
      checked.every(({ site, layer, slot }) => tableOf[site]?.estimate[layer]?.[slot] !== undefined)
    );
  },
  'a result whose tables are of one size',
);
export type AttributionResult = Output<typeof attributionResult>;
