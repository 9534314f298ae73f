/**
 * The kinds of saved results, one row each: what the library, the Models view, the commands, the comparison and the editors of
 * files know of a kind is in its row.
 */
import type { Uri } from 'vscode';
import { type AnalysisResult, analysisText, parseAnalysis } from '../../protocol/analysis/schema';
import { customEditors, items } from '../../protocol/contributions/views';
import type { Compared } from '../../protocol/panels/opened-file';
import { circuitText, parseCircuit, type Circuit } from '../../protocol/circuits/circuit-file';
import { parsePlan, planText, type Plan } from '../../protocol/plans/plan-file';
import { parseScoredTask } from '../../protocol/results/scored-task';
import { earlierKinds } from '../../protocol/results/earlier/earlier';
import type { BenchmarkResult } from '../../protocol/results/benchmark-schema';
import type { ModuleResult } from '../../protocol/results/module-schema';
import { analysisDescription, analysisDetails, analysisFileName, analysisLines } from './analysis-words';
import { benchmarkText, parseBenchmark } from './benchmark-file';
import { mechanismLines, resultDescription, resultDetails, resultFileName } from './benchmark-words';
import type { Checked } from '../../protocol/schema/check';
import { moduleDescription, moduleDetails, moduleFileName, moduleLines, moduleText, parseModule } from './module-words';
import { circuitDescription, circuitDetails, circuitFileName, circuitLines } from './circuit-words';
import { planDescription, planDetails, planFileName, planLines } from './plan-words';
import type { ResultLine } from './result-words';

/** What a file holds, or is read as. */
interface ResultTypes {
  readonly benchmark: BenchmarkResult;
  readonly heads: AnalysisResult;
  readonly hallucination: AnalysisResult;
  readonly analysis: AnalysisResult;
  readonly module: ModuleResult;
  readonly plan: Plan;
  readonly circuit: Circuit;
}

export type Kind = keyof ResultTypes;
export type SavedOf<K extends Kind> = ResultTypes[K];
/** The second result that a panel opens beside the first. */
export type ComparedOf<K extends Kind> = Compared<SavedOf<K>>;

/** Titles of mechanisms, by id; read from disk when first asked for. */
export type Titles = () => ReadonlyMap<string, string>;

/** What is said of a result in lists. */
export interface Listing {
  /** ISO time. */
  readonly created: string;
  readonly description: string;
  /** Plain lines for a tooltip. */
  readonly details: readonly string[];
  readonly icon: string;
  /** What stands under it in the tree. */
  readonly lines: (titles: Titles) => readonly ResultLine[];
}

/** A result that could be read. */
export interface ReadResult<K extends Kind> {
  readonly uri: Uri;
  readonly name: string;
  readonly saved: SavedOf<K>;
  readonly listing: Listing;
}

export interface ResultKind<Saved> {
  /** Suffix of its file, which also says its kind. */
  readonly suffix: string;
  readonly viewType: string;
  /** `viewItem` in the Models view. */
  readonly item: string;
  /** Not ok, with a sentence, when the text is no such result. */
  readonly parse: (text: string) => Checked<Saved>;
  readonly text: (saved: Saved) => string;
  readonly fileName: (saved: Saved) => string;
  /** The model that it is of, by the URI of its config or by its folder: where it lies in a workspace, the result may lie. */
  readonly model: (saved: Saved) => { readonly uri?: string | undefined; readonly folder?: string };
  readonly listing: (saved: Saved) => Listing;
}

/** A task that a model has answered is shown as a result of the analysis that scores prompts. */
function parseAnalysisOrTask(text: string): Checked<AnalysisResult> {
  const read = parseAnalysis(text);
  const task = read.ok ? read : parseScoredTask(text);
  return task.ok ? task : read;
}

const analysis: ResultKind<AnalysisResult> = {
  ...customEditors.analysis,
  item: items.resultOfAnalysis,
  parse: parseAnalysisOrTask,
  text: analysisText,
  fileName: analysisFileName,
  model: ({ model }) => model,
  listing: (result) => ({
    created: result.created,
    description: analysisDescription(result),
    details: analysisDetails(result),
    icon: 'beaker',
    lines: () => analysisLines(result),
  }),
};

export const resultKinds: { readonly [K in Kind]: ResultKind<SavedOf<K>> } = {
  benchmark: {
    ...customEditors.benchmark,
    item: items.result,
    parse: parseBenchmark,
    text: benchmarkText,
    fileName: resultFileName,
    model: ({ plan }) => ({ uri: plan.origin }),
    listing: (result) => ({
      created: result.created,
      description: resultDescription(result),
      details: resultDetails(result),
      icon: ({ done: 'graph-line', cancelled: 'circle-slash', failed: 'error' } as const)[result.state],
      lines: (titles) => mechanismLines(result, titles()),
    }),
  },
  heads: { ...analysis, ...customEditors.heads, item: items.resultOfHeads, parse: earlierKinds.heads },
  hallucination: {
    ...analysis,
    ...customEditors.hallucination,
    item: items.resultOfPictures,
    parse: earlierKinds.hallucination,
  },
  analysis,
  module: {
    ...customEditors.module,
    item: items.resultOfModule,
    parse: parseModule,
    text: moduleText,
    fileName: moduleFileName,
    model: () => ({}),
    listing: (result) => ({
      created: result.created,
      description: moduleDescription(result),
      details: moduleDetails(result),
      icon: result.state === 'cancelled' ? 'circle-slash' : 'symbol-structure',
      lines: () => moduleLines(result),
    }),
  },
  plan: {
    ...customEditors.plan,
    item: items.resultOfPlan,
    parse: parsePlan,
    text: planText,
    fileName: planFileName,
    model: () => ({}),
    listing: (plan) => ({
      created: plan.origin.created,
      description: planDescription(plan),
      details: planDetails(plan),
      icon: 'layers',
      lines: () => planLines(plan),
    }),
  },
  circuit: {
    ...customEditors.circuit,
    item: items.resultOfCircuit,
    parse: parseCircuit,
    text: circuitText,
    fileName: circuitFileName,
    model: ({ origin }) => ({ folder: origin.setup.folder }),
    listing: (circuit) => ({
      created: circuit.origin.created,
      description: circuitDescription(circuit),
      details: circuitDetails(circuit),
      icon: 'type-hierarchy',
      lines: () => circuitLines(circuit),
    }),
  },
};

export const kinds = Object.keys(resultKinds) as readonly Kind[];

/** Files of an earlier version, which are shown, compared and saved again as results of an analysis. */
export const isEarlier = (kind: Kind): boolean => Object.hasOwn(earlierKinds, kind);

/** What a result is compared with. */
export const comparedKind = (kind: Kind): Kind => (isEarlier(kind) ? 'analysis' : kind);

/** By the end of its name; undefined for any other file. */
export const kindOf = (file: string): Kind | undefined => kinds.find((kind) => file.endsWith(resultKinds[kind].suffix));
