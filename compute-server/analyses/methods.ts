/** The methods of the compute server that run analyses. */
import type { Analysis } from '../../diagnostics/analysis';
import { infoOf } from '../../diagnostics/analysis-info';
import type { Experiment } from '../../diagnostics/experiment';
import { taskInfo } from '../../diagnostics/tasks/task';
import { tasks } from '../../diagnostics/tasks/catalogue';
import {
  type AnalysisRequest,
  type AnalysisResult,
  analysisRequest,
  analysisResult,
  sectionQuestion,
  taskRequest,
} from '../../protocol/analysis/schema';
import { ownFile } from '../../protocol/inputs/own-file';
import { isCapture } from '../../protocol/wire/capture-name';
import type { AnalysisProgress } from '../../protocol/analysis/analysis';
import {
  nameOfResult,
  resultCode,
  type AnalysisEstimate,
  type AnalysisMethods,
  type NamedResult,
  type ResultCode,
} from '../../protocol/compute/analyses';
import { fieldsIn, filledText, flag } from '../../protocol/schema/fields';
import { refusal } from '../../protocol/wire/failures';
import { printableLine } from '../../protocol/wire/printable';
import type { CaptureCalls } from '../captures/capture-calls';
import { capturedAnalysis, capturedAnswer, capturedEstimate } from './captured-analysis';
import type { Job, Methods } from '../dispatch/dispatcher';
import { countOf, deviceIn, requested } from '../dispatch/parse';
import type { ModelCalls, ModelNeeds } from '../model-calls/model-calls';
import type { Surroundings } from '../surroundings';
import { taskSurroundings } from '../runner/task-surroundings';
import { corpusReadOf, readCorpusAt } from './corpus-files';
import { answer, answering, compared, extensionJob } from './further-answers';
import { KeptResults } from './kept-results';
import { experimentEstimate, experimentJob } from './experiment-job';
import { analysisJob, estimateOf } from './analysis-job';
import { checkTask } from './task-check';
import { taskJob } from './task-job';
import type { RunAnalysis } from '../own-analyses/run-analysis';
import { openOwnAnalysis } from '../own-analyses/own-analysis';
import { openOwnTask } from '../own-analyses/own-task';

export function analysisMethods(
  surroundings: Surroundings,
  { models: calls, captures }: { readonly models: ModelCalls; readonly captures: CaptureCalls },
  analyses: readonly Analysis[],
  experiments: readonly Experiment[],
): Pick<Methods, keyof AnalysisMethods> {
  const catalogue: readonly (Analysis | Experiment)[] = [...analyses, ...experiments];
  const analysisOf = (id: string): Analysis | Experiment => {
    const found = catalogue.find((analysis) => analysis.id === id);
    if (found) return found;
    const known = catalogue.map((analysis) => analysis.id).join(', ');
    throw refusal(`there is no analysis ${JSON.stringify(printableLine(id).slice(0, 60))}. Known are ${known}`);
  };
  /** The analysis of a request: one of the catalogue, or one of a file, whose process ends with what is done with it. */
  async function* running<P, R>(
    { analysis: id, file }: Pick<AnalysisRequest, 'analysis' | 'file'>,
    signal: AbortSignal,
    act: (analysis: RunAnalysis | Experiment) => AsyncGenerator<P, R, void>,
  ): AsyncGenerator<P, R, void> {
    if (!file) return yield* act(analysisOf(id));
    const own = await openOwnAnalysis(file, signal);
    try {
      return yield* act(own.analysis);
    } finally {
      own.end();
    }
  }
  /** A result whose own part is checked by the schema of its analysis. */
  const ownResult = (value: unknown, what: string): AnalysisResult => {
    const saved = requested(analysisResult, withoutNaN(value), what);
    // Its own part was checked by its file, which need not be there any more.
    if (saved.file) return saved;
    const analysis = analysisOf(saved.analysis);
    return { ...saved, result: requested(analysis.result, withoutNaN(saved.result), `${what}.result`) };
  };
  const results = new KeptResults();
  async function* keeping<P>(run: AsyncGenerator<P, AnalysisResult, void>): AsyncGenerator<P, AnalysisResult, void> {
    const result = yield* run;
    results.keep(nameOfResult(result), result);
    return result;
  }
  return {
    analyses: {
      parse(args) {
        countOf(args, 0, 'analyses');
        return [];
      },
      run: () => Promise.resolve(catalogue.map(infoOf)),
    },
    analysisOfFile: {
      parse(args) {
        countOf(args, 1, 'analysisOfFile');
        return [requested(ownFile, args[0])];
      },
      run: async ([file], signal) => {
        const own = await openOwnAnalysis(file, signal);
        own.end();
        return infoOf(own.analysis);
      },
    },
    estimateAnalysis: {
      parse(args) {
        countOf(args, 1, 'estimateAnalysis');
        return [requested(analysisRequest, args[0])];
      },
      run: ([request], signal) =>
        last(
          running(request, signal, async function* (analysis): AsyncGenerator<never, AnalysisEstimate, void> {
            if ('trains' in analysis) return await experimentEstimate({ experiment: analysis, surroundings }, request);
            const { folder } = request;
            if (isCapture(folder)) {
              return await captures.once(folder, signal, (capture) =>
                capturedEstimate({ capture, analysis, surroundings, signal }, request),
              );
            }
            return await calls.reading(
              { folder: folderOf(request), ...(request.adapter === undefined ? {} : { adapter: request.adapter }) },
              signal,
              (opened) => estimateOf({ opened, analysis, surroundings, signal }, request),
              { weights: request.weights, ...needsOf(analysis) },
            );
          }),
        ),
    },
    analysis: {
      parse(args) {
        countOf(args, 1, 'analysis');
        return [requested(analysisRequest, args[0])];
      },
      run: ([request], signal) =>
        keeping(
          running(request, signal, (analysis): Job<AnalysisProgress, AnalysisResult> => {
            if ('trains' in analysis) {
              const run = { experiment: analysis, surroundings, signal };
              return calls.withoutModel(signal, (open) => experimentJob(run, open, request));
            }
            const { folder } = request;
            if (isCapture(folder)) {
              return captures.job(folder, signal, (capture) =>
                capturedAnalysis({ capture, analysis, surroundings, signal }, request),
              );
            }
            return calls.job(
              { ...request, folder: folderOf(request) },
              signal,
              (opened) => analysisJob({ opened, analysis, surroundings, signal }, request),
              needsOf(analysis),
            );
          }),
        ),
      describe: describeProgress,
    },
    askAnalysis: {
      parse(args) {
        countOf(args, 2, 'askAnalysis', 2);
        return [
          isNamed(args[0]) ? args[0] : ownResult(args[0], 'the result'),
          requested(sectionQuestion, args[1], 'the question'),
          deviceIn(args[2])[0],
          codeIn(args[3]),
        ];
      },
      run: ([given, question, device, code], signal) => {
        if (!isNamed(given)) results.keep(nameOfResult(given), given);
        const result = isNamed(given) ? results.of(given.named, (kept) => ownResult(kept, 'the result')) : given;
        if (result === undefined) return Promise.resolve({ kind: 'unknown-result' as const });
        const { folder } = result.model;
        const known = () => analysisOf(result.analysis);
        return answering(result, code, signal, known, ({ analysis, taskFile }) => {
          if (isCapture(folder) && !('trains' in analysis)) {
            return captures.once(folder, signal, (capture) =>
              capturedAnswer({ capture, analysis, surroundings, signal }, result, question),
            );
          }
          return calls.once(
            { ...filesOf(result), device },
            signal,
            (opened) => answer({ opened, analysis, surroundings, signal }, result, question, taskFile),
            // Those of the result: an answer from other weights would not belong to it.
            { weights: result.weights ?? 'as-stored' },
          );
        });
      },
    },
    extendAnalysis: {
      parse(args) {
        countOf(args, 2, 'extendAnalysis', 1);
        return [
          ownResult(args[0], 'the result'),
          requested(sectionQuestion, args[1], 'the question'),
          ...deviceIn(args[2]),
        ];
      },
      run: ([result, question, device], signal) => {
        if (result.file) throw refusal(`${result.title} is an analysis file, which cannot be asked for more`);
        const analysis = analysisOf(result.analysis);
        return keeping(
          calls.job(
            { ...filesOf(result), device },
            signal,
            (opened) => extensionJob({ opened, analysis, surroundings, signal }, result, question),
            // Those of the result: what is added from other weights would not belong to it.
            { weights: result.weights ?? 'as-stored' },
          ),
        );
      },
      describe: describeProgress,
    },
    compareAnalyses: {
      parse(args) {
        countOf(args, 2, 'compareAnalyses', 1);
        return [ownResult(args[0], 'the first result'), ownResult(args[1], 'the second result'), codeIn(args[2])];
      },
      run: ([other, own, code], signal) => compared(analysisOf, [other, own], code, signal),
    },
    corpusOf: {
      parse(args) {
        countOf(args, 1, 'corpusOf');
        return [requested(filledText, args[0])];
      },
      run: async ([file], signal) => corpusReadOf(await readCorpusAt(file, taskSurroundings(signal))),
    },
    taskOfFile: {
      parse(args) {
        countOf(args, 1, 'taskOfFile', 1);
        return [requested(ownFile, args[0]), args[1] !== undefined && requested(flag, args[1], 'checks')];
      },
      run: async ([file, checks], signal) => {
        const own = await openOwnTask(file, signal);
        try {
          if (checks) await checkTask(own);
        } finally {
          own.end();
        }
        return own.info;
      },
    },
    tasks: {
      parse(args) {
        countOf(args, 0, 'tasks');
        return [];
      },
      run: () => Promise.resolve(tasks.map(taskInfo)),
    },
    task: {
      parse(args) {
        countOf(args, 1, 'task');
        return [requested(taskRequest, args[0])];
      },
      run: ([request], signal) =>
        request.folder === undefined
          ? taskJob({ surroundings, signal }, request)
          : calls.job({ ...request, folder: request.folder }, signal, (opened) =>
              taskJob({ opened, surroundings, signal }, request),
            ),
      describe: () => ({ lane: 'stage', key: 'stage', final: false }),
    },
  };
}

/** The folder of the model. Only for an analysis that needs one. */
function folderOf({ folder }: AnalysisRequest): string {
  if (folder === '') throw refusal('no model is named. Give the folder of one');
  return folder;
}

/** The folder and the adapter of the model that gave a result. */
const filesOf = ({ model: { folder, adapter } }: AnalysisResult) => ({ folder, adapter: adapter ?? null });

/** Sums and differences of an analysis that has to be exact would be those of another model. */
const needsOf = ({ exactWeights, title }: Pick<Analysis, 'exactWeights' | 'title'>): ModelNeeds =>
  exactWeights
    ? {
        weights: 'as-stored',
        why: `${title} needs exact weights, so the model is opened with them and not as it was chosen.`,
      }
    : {};

const describeProgress = ({ kind }: AnalysisProgress) =>
  kind === 'partial'
    ? { lane: 'row' as const, key: 'partial', final: false }
    : { lane: 'stage' as const, key: 'stage', final: false };

/** What a generator without steps comes to. */
async function last<R>(run: AsyncGenerator<never, R, void>): Promise<R> {
  for (;;) {
    const step = await run.next();
    if (step.done) return step.value;
  }
}

const codeIn = (value: unknown): ResultCode | undefined =>
  value === undefined ? undefined : requested(resultCode, value, 'the code');

const isNamed = (value: unknown): value is NamedResult => typeof fieldsIn(value)['named'] === 'string';

/** Schemas are those of files, in which a number that is none is null. */
function withoutNaN(value: unknown): unknown {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? undefined : JSON.parse(text);
}
