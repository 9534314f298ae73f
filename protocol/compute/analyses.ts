/** The part of the compute server's interface that runs analyses; joined to ComputeMethods in api.ts. */
import type { AnalysisInfo, AnalysisProgress } from '../analysis/analysis';
import type { AnalysisRequest, AnalysisResult, CorpusRead, TaskRequest, SectionQuestion } from '../analysis/schema';
import type { TaskInfo, TaskProgress, TaskResult } from '../analysis/tasks';
import { ownFile, type OwnFilePlace } from '../inputs/own-file';
import type { Output } from '../schema/check';
import { list, object, optional } from '../schema/fields';
import type { DevicePart } from '../schema/parts';
import type { Section } from '../sections/section';

/** What an analysis needs, before it runs. */
export interface AnalysisEstimate {
  /** True, or the sentence that says why it does not run on this model and input. */
  readonly supported: true | string;
  /** Forward passes of the model. */
  readonly passes?: number;
  /** From earlier runs of the model, or a first guess from its size; absent where no prompt is run. */
  readonly seconds?: number;
  readonly bytes?: number;
  /** What each device holds of the model, where several do. */
  readonly parts?: readonly DevicePart[];
}

/** A result that the compute server made or was sent. */
export interface NamedResult {
  readonly named: string;
}

/** One of two runs of a process differs from the other in one of these. */
export const nameOfResult = ({ analysis, model, created, seed }: AnalysisResult): string =>
  [analysis, model.hash, created, seed].join(' ');

const places = optional(list(ownFile, 'a list of files', { most: 64 }));
/**
 * Where the code of a saved result may lie by now, as far as the person lets it run: its analysis file, and the task file of its
 * prompts. The one whose text is that of the result answers.
 */
export const resultCode = object({ file: places, taskFile: places });
export type ResultCode = Output<typeof resultCode>;

export interface AnalysisMethods {
  analyses: { args: []; result: readonly AnalysisInfo[]; progress: never };
  /** Runs an analysis file, in a process of its own, as far as it says what it is. */
  analysisOfFile: { args: [file: OwnFilePlace]; result: AnalysisInfo; progress: never };
  estimateAnalysis: { args: [request: AnalysisRequest]; result: AnalysisEstimate; progress: never };
  analysis: { args: [request: AnalysisRequest]; result: AnalysisResult; progress: AnalysisProgress };
  /**
   * Looks closer at one thing of a result; the model must still be the one that gave it. The result goes by its name while the
   * server has it, and whole where the answer is that it does not.
   */
  askAnalysis: {
    args: [
      result: AnalysisResult | NamedResult,
      question: SectionQuestion,
      device?: string | undefined,
      code?: ResultCode | undefined,
    ];
    result: Section | { readonly kind: 'unknown-result' };
    progress: never;
  };
  /** Asks for more that becomes a part of the result, which comes back whole: its run is still the same one. */
  extendAnalysis: {
    args: [result: AnalysisResult, question: SectionQuestion, device?: string];
    result: AnalysisResult;
    progress: AnalysisProgress;
  };
  /**
   * Two results of one analysis side by side: changes are `own`, the result on show, less `other`. Where the code of a file cannot
   * say them, a section says why.
   */
  compareAnalyses: {
    args: [other: AnalysisResult, own: AnalysisResult, code?: ResultCode | undefined];
    result: readonly Section[];
    progress: never;
  };
  /** The same of a task file. `checks`: one prompt is drawn and scored too, without a model; a fault of either has its line. */
  taskOfFile: { args: [file: OwnFilePlace, checks?: boolean]; result: TaskInfo; progress: never };
  /** What the documents of a file or folder are now. */
  corpusOf: { args: [file: string]; result: CorpusRead; progress: never };
  tasks: { args: []; result: readonly TaskInfo[]; progress: never };
  /** Samples of a task; with a model also how it does on them. */
  task: { args: [request: TaskRequest]; result: TaskResult; progress: TaskProgress };
}
