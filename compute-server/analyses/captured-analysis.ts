/** Runs of analyses on captured attention: those that read maps and nothing else. */
import { unsupportedByKind, type AnalysisJob } from '../../diagnostics/analysis';
import type { AnalysisProgress } from '../../protocol/analysis/analysis';
import { whyNotCaptured } from '../../protocol/analysis/fit';
import type { AnalysisRequest, AnalysisResult, SectionQuestion } from '../../protocol/analysis/schema';
import type { AnalysisEstimate } from '../../protocol/compute/analyses';
import { withModel } from '../../protocol/results/sections/heads-of-model';
import type { ParameterValues } from '../../protocol/schema/parts';
import type { Section } from '../../protocol/sections/section';
import { FailureError, refusal } from '../../protocol/wire/failures';
import { parametersOf, resultOf } from './analysis-job';
import type { RunAnalysis, ShowsOf } from '../own-analyses/run-analysis';
import { heldShare, shown, stage, unkept } from './run-progress';
import type { Job } from '../dispatch/dispatcher';
import { provenance } from '../provenance';
import type { Surroundings } from '../surroundings';
import { CapturedRunner } from '../captures/captured-runner';
import type { Capture } from '../captures/read-capture';

export interface CapturedRun {
  readonly capture: Capture;
  readonly analysis: RunAnalysis;
  readonly surroundings: Surroundings;
  readonly signal: AbortSignal;
}

export async function* capturedAnalysis(
  run: CapturedRun,
  request: AnalysisRequest,
): Job<AnalysisProgress, AnalysisResult> {
  const { analysis, surroundings, signal } = run;
  const started = performance.now();
  yield stage('Reading the capture', 0, 0);
  const { runner, job } = await prepared(run, request);
  const support = unsupportedByKind(analysis, runner.facts) ?? (await analysis.supports(runner.facts, job.parameters));
  if (!support.ok) {
    throw support.byParameters ? refusal(support.why) : new FailureError({ code: 'unsupported', detail: support.why });
  }
  const { bytes } = await analysis.estimate(runner.facts, job.input, job.parameters);
  const limitBytes = surroundings.memoryLimit;
  if (bytes > limitBytes * heldShare) {
    throw new FailureError({ code: 'out-of-memory', neededBytes: Math.ceil(bytes / heldShare), limitBytes });
  }
  const { summary } = runner.facts;
  const own: ShowsOf = {
    finding: (partial) => analysis.finding(partial),
    sections: async (partial) => withModel(await analysis.sections(partial), summary, []),
  };
  const result = yield* shown(own, unkept(analysis.run(runner, job), signal));
  const made = await provenance({ ...request.parameters }, request.seed);
  const seconds = (performance.now() - started) / 1000;
  return resultOf(analysis, { ...request, input: job.input.given }, { model: { summary }, job }, result, {
    ...made,
    seconds,
  });
}

export async function capturedEstimate(run: CapturedRun, request: AnalysisRequest): Promise<AnalysisEstimate> {
  const { analysis } = run;
  const why = whyNotCaptured(analysis, new CapturedRunner(run.capture, run.signal).facts.summary);
  if (why !== undefined) return { supported: why };
  const { runner, job } = await prepared(run, request);
  const support = unsupportedByKind(analysis, runner.facts) ?? (await analysis.supports(runner.facts, job.parameters));
  if (!support.ok) return { supported: support.why };
  const { bytes } = await analysis.estimate(runner.facts, job.input, job.parameters);
  return { supported: true, passes: 0, bytes };
}

export async function capturedAnswer(
  run: CapturedRun,
  result: AnalysisResult,
  question: SectionQuestion,
): Promise<Section> {
  const { analysis, capture } = run;
  if (!analysis.ask) throw refusal(`${analysis.title} answers no questions`);
  if (capture.hash !== result.model.hash) {
    throw new FailureError({
      code: 'model-unusable',
      folder: capture.path,
      detail: 'Its files are not those that gave this result, so nothing more can be asked of it. Run it again.',
    });
  }
  const { input, parameters, interventions, seed, model } = result;
  const again = { analysis: analysis.id, folder: model.folder, input, parameters, interventions, seed };
  const { runner, job } = await prepared(run, again);
  const section = await analysis.ask(runner, job, result.result, question);
  return withModel([section], result.model, [])[0] ?? section;
}

async function prepared(
  { capture, analysis, signal }: CapturedRun,
  { input, parameters, interventions, seed }: AnalysisRequest,
): Promise<{ readonly runner: CapturedRunner; readonly job: AnalysisJob<ParameterValues> }> {
  const runner = new CapturedRunner(capture, signal);
  const why = whyNotCaptured(analysis, runner.facts.summary);
  if (why !== undefined) throw new FailureError({ code: 'unsupported', detail: why });
  if (input.kind !== 'prompt')
    throw refusal(`Captured attention is of one text, and ${analysis.title} is given something else. Leave it out.`);
  const prompt = await runner.prompt(input.prompt);
  await runner.variant(interventions, prompt);
  const values = parametersOf(analysis, parameters);
  if (values['causal'] === true) {
    throw refusal(
      `The causal check removes heads and runs the model, and ${capture.file.model} is captured attention. Leave it out.`,
    );
  }
  const isLeftOut = input.prompt.kind === 'text' && input.prompt.text === '';
  const given = isLeftOut ? { kind: 'prompt' as const, prompt: { kind: 'ids' as const, ids: prompt.ids } } : input;
  const job = {
    input: { given, prompts: [prompt] },
    parameters: values,
    variant: [],
    groups: [],
    interventions,
    seed,
    step: <T>(_key: string, act: () => Promise<T>) => act(),
  };
  return { runner, job };
}
