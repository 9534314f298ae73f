/** What is asked of a result that is there: a closer look, more of it, and how it differs from another one. */
import type { Analysis } from '../../diagnostics/analysis';
import type { Experiment } from '../../diagnostics/experiment';
import type { AnalysisProgress } from '../../protocol/analysis/analysis';
import type { AnalysisResult, SectionQuestion } from '../../protocol/analysis/schema';
import type { ResultCode } from '../../protocol/compute/analyses';
import type { OwnFilePlace, OwnFileRead } from '../../protocol/inputs/own-file';
import { codeSection } from '../../protocol/results/sections/code-section';
import { withModel } from '../../protocol/results/sections/heads-of-model';
import type { Section } from '../../protocol/sections/section';
import { FailureError, refusal } from '../../protocol/wire/failures';
import type { Job } from '../dispatch/dispatcher';
import { codeOfResult } from '../own-analyses/code-of-result';
import { openOwnAnalysis } from '../own-analyses/own-analysis';
import { openOwnTask } from '../own-analyses/own-task';
import type { RunAnalysis } from '../own-analyses/run-analysis';
import { prepare, withOwn, type AnalysisRun, type ReadRun } from './analysis-job';
import { shown, stage, unkept } from './run-progress';

/** An experiment is asked of the model that it wrote. */
type AskedRun = ReadRun & { readonly analysis: Pick<RunAnalysis, 'ask'> };
type ExtendedRun = Omit<AnalysisRun, 'analysis'> & { readonly analysis: Analysis | Experiment };

export async function answer(
  run: AskedRun,
  result: AnalysisResult,
  question: SectionQuestion,
  taskFile?: OwnFilePlace,
): Promise<Section> {
  const { analysis } = run;
  if (!analysis.ask) throw refusal(`${analysis.title} answers no questions`);
  const { runner, job } = await prepareAgain(run, result, taskFile);
  try {
    const section = await analysis.ask(runner, { ...job, step: (_, act) => act() }, result.result, question);
    return withModel([section], result.model, result.interventions)[0] ?? section;
  } finally {
    await runner.close();
  }
}

export async function* extensionJob(
  run: ExtendedRun,
  result: AnalysisResult,
  question: SectionQuestion,
): Job<AnalysisProgress, AnalysisResult> {
  const { analysis, signal } = run;
  if (!('extend' in analysis) || !analysis.extend) throw refusal(`${analysis.title} cannot be asked for more`);
  yield stage('Reading the input', 0, 0);
  const { runner, job } = await prepareAgain(run, result);
  try {
    const steps = analysis.extend(runner, { ...job, step: (_, act) => act() }, result.result, question);
    const own = {
      finding: (partial: Partial<AnalysisResult['result']>) => analysis.finding(partial),
      sections: (partial: Partial<AnalysisResult['result']>) =>
        withModel(analysis.sections(partial), result.model, result.interventions),
    };
    return await withOwn(analysis, result, yield* shown(own, unkept(steps, signal)));
  } finally {
    await runner.close();
  }
}

/** What gave a result, read again. `taskFile`: where the code of its prompts lies by now. */
function prepareAgain(
  { analysis, ...run }: ReadRun,
  result: AnalysisResult,
  taskFile?: OwnFilePlace,
): ReturnType<typeof prepare> {
  const { opened } = run;
  if (opened.summary.hash !== result.model.hash && opened.encoder?.summary.hash !== result.model.hash) {
    throw new FailureError({
      code: 'model-unusable',
      folder: opened.folder,
      detail: 'Its files are not those that gave this result, so nothing more can be asked of it. Run it again.',
    });
  }
  const { input: given, parameters, interventions, seed, model } = result;
  const input = taskFile && given.kind === 'task' ? { ...given, task: taskFile.file } : given;
  const request = { analysis: analysis.id, folder: model.folder, input, parameters, interventions, seed };
  return prepare({ ...run, analysis }, { ...request, ...(taskFile ? { taskFile } : {}) });
}

/** What answers for a result: its analysis, and where the code of its prompts lies. */
export interface Answering<A> {
  readonly analysis: A | RunAnalysis;
  readonly taskFile?: OwnFilePlace;
}

/** The process of an analysis file ends with `act`. `known`: the analysis of a result that no file gave. */
export async function answering<A, T>(
  { file, taskFile }: Pick<AnalysisResult, 'file' | 'taskFile'>,
  code: ResultCode | undefined,
  signal: AbortSignal,
  known: () => A,
  act: (found: Answering<A>) => Promise<T>,
): Promise<T> {
  const prompts = taskFile && (await taskOf(taskFile, code?.taskFile ?? [], signal));
  const found = prompts ? { taskFile: prompts } : {};
  if (!file) return act({ analysis: known(), ...found });
  const own = await analysisOf(file, code?.file ?? [], signal);
  try {
    return await act({ analysis: own.analysis, ...found });
  } finally {
    own.end();
  }
}

const analysisOf = (read: OwnFileRead, places: readonly OwnFilePlace[], signal: AbortSignal) =>
  codeOfResult(
    read,
    places,
    async (place) => {
      const { analysis, end } = await openOwnAnalysis(place, signal);
      return { analysis, sha256: analysis.sha256, end };
    },
    signal,
  );

/** Its process is ended: the samples are drawn in another one. */
async function taskOf(read: OwnFileRead, places: readonly OwnFilePlace[], signal: AbortSignal): Promise<OwnFilePlace> {
  const { end, place } = await codeOfResult(read, places, (one) => openOwnTask(one, signal), signal);
  end();
  return place;
}

export async function compared(
  analysis: (id: string) => Pick<Analysis | Experiment, 'compare'>,
  [other, own]: readonly [other: AnalysisResult, own: AnalysisResult],
  code: ResultCode | undefined,
  signal: AbortSignal,
): Promise<readonly Section[]> {
  if (own.analysis !== other.analysis) {
    throw refusal(`${own.title} and ${other.title} are two analyses. Choose two results of one.`);
  }
  const sections =
    own.file || other.file
      ? await comparedByFile([other, own], code, signal)
      : (analysis(own.analysis).compare?.(other.result, own.result) ?? []);
  return withModel(sections, own.model, []);
}

/** Where the code cannot say it, a sentence stands in its place: both results are shown without it. */
async function comparedByFile(
  [other, own]: readonly [other: AnalysisResult, own: AnalysisResult],
  code: ResultCode | undefined,
  signal: AbortSignal,
): Promise<readonly Section[]> {
  if (!own.file || own.file.sha256 !== other.file?.sha256) {
    return [
      codeSection(
        `The file of ${own.title} changed between these two results, so it adds nothing to them. Run both with one version of it.`,
      ),
    ];
  }
  try {
    const { analysis, end } = await analysisOf(own.file, code?.file ?? [], signal);
    try {
      return (await analysis.compare?.(other.result, own.result)) ?? [];
    } finally {
      end();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof FailureError) || error.failure.code !== 'kernel-file') throw error;
    return [codeSection(error.message)];
  }
}
