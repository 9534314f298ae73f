/** The result of the analysis `attribution`, and its schema. */
import * as v from 'valibot';
import { taskMetrics, type TaskMetric } from '../../../protocol/analysis/tasks';
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
import { mostLayers } from '../../../protocol/schema/parts';
import { edgeInputs, nodeField, type CircuitEdge } from '../../shared/circuits/circuit';
import type { Part } from '../../shared/effects/parts';
import { baselines, methods, type Baseline, type Method } from './parameters';

export const cellSites = ['head', 'mlp', 'residual'] as const;
export type CellSite = (typeof cellSites)[number];

/** [layers][heads], [layers][1] of MLPs, [layers][columns] of the residual stream. */
export type Table = readonly (readonly number[])[];

export interface Level {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Change of the metric, in its unit, mean over prompts. */
export interface Effects {
  readonly estimate: Table;
  /** Ends of the 95 % interval of the estimate over prompts (Student's t; NaN where there is one). */
  readonly low: Table;
  readonly high: Table;
  /** By patching; NaN where that was not done. */
  readonly exact: Table;
}

/** One estimate beside the exact effect, both means over prompts. */
export interface Checked {
  readonly site: CellSite;
  readonly layer: number;
  readonly slot: number;
  readonly estimate: number;
  readonly exact: number;
  /** Among the largest estimates. */
  readonly largest: boolean;
  /** Drawn at random. */
  readonly drawn: boolean;
}

export const agreementGroups = ['parts', 'places', 'edges'] as const;
export const agreementSets = ['largest', 'drawn', 'both'] as const;

/** How estimates and exact effects go together: correlations with 95 % intervals (statistics/correlation.ts). */
export interface Agreement {
  /** Heads and MLPs, positions of the residual stream, or edges. */
  readonly group: (typeof agreementGroups)[number];
  readonly set: (typeof agreementSets)[number];
  readonly n: number;
  /** All that there are in the group. */
  readonly of: number;
  readonly pearson: Level;
  readonly spearman: Level;
}

/** Mean over prompts, in the unit of the metric. */
export interface EdgeEffect extends Pick<CircuitEdge, 'from' | 'to' | 'input'> {
  /** NaN of edges into the logits: patching them exactly costs no more. */
  readonly estimate: number;
  /** By path patching with every other head and MLP held; NaN where that was not done. */
  readonly exact: number;
  readonly largest: boolean;
  readonly drawn: boolean;
}

export interface Edges {
  /** Prompts. */
  readonly n: number;
  /** Heads and MLPs between which edges are: those with the largest estimates, in that order. */
  readonly nodes: readonly Part[];
  /** Edges that end in one of them. */
  readonly of: number;
  /** Strongest first, by the exact effect where it is known. */
  readonly edges: readonly EdgeEffect[];
}

/** Means are over `n` prompts. */
interface AttributionFields {
  readonly metric: TaskMetric;
  readonly baseline: Baseline;
  readonly method: Method;
  /** Gradients of one prompt. */
  readonly gradients: number;
  readonly n: number;
  readonly leftOut?: number;
  /** The answers that are compared, of a prompt and its counterpart. */
  readonly answers?: { readonly right: string; readonly wrong?: string };
  /** The metric on the prompts, and with their answers on the counterparts. */
  readonly original: Level;
  readonly counterpart?: Level;
  /** Of the residual stream: one label a column. */
  readonly columns?: readonly string[];
  readonly heads: Effects;
  readonly mlps: Effects;
  readonly places?: Effects;
  /** Absent where none were asked for, and without counterparts. */
  readonly edges?: Edges;
  readonly checked: readonly Checked[];
  readonly agreement: readonly Agreement[];
  /** Forward passes of one prompt without edges: of this run, and of patching everything exactly instead. A gradient counts as three. */
  readonly passes: { readonly taken: number; readonly exact: number };
}

export interface AttributionResult extends AttributionFields, Readonly<Record<string, unknown>> {}

/** The same without the index signature, which hides the names. */
type Named = Pick<AttributionFields, keyof AttributionFields>;

const table: Schema<Table> = list(list(figure), 'a list of layers', { least: 1, most: mostLayers });
const level: Schema<Level> = object<Level>({ mean: figure, low: figure, high: figure });
const effects: Schema<Effects> = object<Effects>({ estimate: table, low: table, high: table, exact: table });

const fields: Schema<Named> = object<Named>({
  metric: oneOf(taskMetrics),
  baseline: oneOf(baselines),
  method: oneOf(methods),
  gradients: count,
  n: count,
  leftOut: optional(whole),
  answers: optional(object<NonNullable<Named['answers']>>({ right: text, wrong: optional(text) })),
  original: level,
  counterpart: optional(level),
  columns: optional(texts),
  heads: effects,
  mlps: effects,
  places: optional(effects),
  edges: optional(
    object<Edges>({
      n: count,
      nodes: list(object<Part>({ layer: whole, head: optional(whole) })),
      of: whole,
      edges: list(
        object<EdgeEffect>({
          from: nodeField,
          to: nodeField,
          input: oneOf(edgeInputs),
          estimate: figure,
          exact: figure,
          largest: flag,
          drawn: flag,
        }),
      ),
    }),
  ),
  checked: list(
    object<Checked>({
      site: oneOf(cellSites),
      layer: whole,
      slot: whole,
      estimate: figure,
      exact: figure,
      largest: flag,
      drawn: flag,
    }),
  ),
  agreement: list(
    object<Agreement>({
      group: oneOf(agreementGroups),
      set: oneOf(agreementSets),
      n: count,
      of: count,
      pearson: level,
      spearman: level,
    }),
  ),
  passes: object<Named['passes']>({ taken: whole, exact: whole }),
});

export const attributionResult: Schema<AttributionResult> = v.pipe(
  fields,
  v.check(({ heads, mlps, places, columns = [], checked }) => {
    const shapeOf = (of: Table): string => of.map(({ length }) => length).join();
    const all = [heads, mlps, ...(places ? [places] : [])];
    const tableOf = { head: heads, mlp: mlps, residual: places } as const;
    return (
      all.every(({ estimate, low, high, exact }) =>
        [low, high, exact].every((one) => shapeOf(one) === shapeOf(estimate)),
      ) &&
      (places === undefined || places.estimate.every(({ length }) => length === columns.length)) &&
      checked.every(({ site, layer, slot }) => tableOf[site]?.estimate[layer]?.[slot] !== undefined)
    );
  }, 'a result whose tables are of one size'),
);
