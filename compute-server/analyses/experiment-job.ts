/** One run of an experiment: no model is read; the first that it writes is that of the result, or else the networks that it writes. */
import type { AnalysisJob } from '../../diagnostics/analysis';
import type { Experiment } from '../../diagnostics/experiment';
import type { AnalysisProgress } from '../../protocol/analysis/analysis';
import type { AnalysisRequest, AnalysisResult } from '../../protocol/analysis/schema';
import type { ParameterValues } from '../../protocol/schema/parts';
import type { AnalysisEstimate } from '../../protocol/compute/analyses';
import { FailureError, refusal } from '../../protocol/wire/failures';
import type { Job } from '../dispatch/dispatcher';
import { provenance, modelProvenance } from '../provenance';
import type { Surroundings } from '../surroundings';
import { experimentFolder, ServerWorkbench, type OpenModel } from './workbench';
import { whyNotWritten } from '../training/write-checkpoint';
import { parametersOf, resultOf } from './analysis-job';
import { followed, heldShare, shown, stage } from './run-progress';
import { StepStore, stepFolders } from './step-store';

export interface ExperimentRun {
  readonly experiment: Experiment;
  readonly surroundings: Surroundings;
  readonly signal: AbortSignal;
}

export async function* experimentJob(
  { experiment, surroundings, signal }: ExperimentRun,
  open: OpenModel,
  request: AnalysisRequest,
): Job<AnalysisProgress, AnalysisResult> {
  const started = performance.now();
  const { seed, input, interventions } = request;
  if (input.kind !== 'none' || interventions.length > 0) {
    const detail = `${experiment.title} reads no input and takes no interventions. Leave them out.`;
    throw refusal(detail);
  }
  yield stage('Preparing', 0, 0);
  const parameters = parametersOf(experiment, request.parameters);
  const folder = experimentFolder(surroundings, experiment.id, parameters, seed);
  const why = await whyNotWritten(folder);
  if (why !== undefined) throw refusal(why);
  const { memoryLimit, cacheFolder } = surroundings;
  const needed = experiment.estimate(parameters).bytes;
  if (needed > memoryLimit * heldShare) {
    const neededBytes = Math.ceil(needed / heldShare);
    throw new FailureError({ code: 'out-of-memory', neededBytes, limitBytes: memoryLimit });
  }
  const steps = new StepStore(stepFolders(request.keepIn, cacheFolder), [experiment.id, parameters, seed]);
  await steps.open();
  const bench = new ServerWorkbench(experiment.id, folder, open, surroundings, signal);
  try {
    const job = jobOf(parameters, seed);
    const start = () => {
      bench.forget();
      return experiment.run(bench, { ...job, step: (key, act) => steps.step(key, act) });
    };
    const result = yield* shown(experiment, followed(start, { steps, surroundings, signal }));
    const { first, written } = bench;
    const summary = first?.summary ?? written;
    if (!summary) throw new RangeError(`${experiment.id} wrote no model`);
    const settings = { ...request.parameters };
    return resultOf(experiment, request, { model: { summary }, job }, result, {
      ...(await (first
        ? modelProvenance(first, settings, seed)
        : provenance(settings, seed, surroundings.defaultThreads))),
      seconds: (performance.now() - started) / 1000,
    });
  } finally {
    await bench.trainer.close();
  }
}

/** Without input, interventions and kept steps. */
const jobOf = (parameters: ParameterValues, seed: number): Omit<AnalysisJob<ParameterValues>, 'step'> => ({
  input: { given: { kind: 'none' }, prompts: [] },
  parameters,
  variant: [],
  groups: [],
  seed,
});

export async function experimentEstimate(
  { experiment, surroundings }: Omit<ExperimentRun, 'signal'>,
  { parameters: given, seed }: AnalysisRequest,
): Promise<AnalysisEstimate> {
  const parameters = parametersOf(experiment, given);
  const why = await whyNotWritten(experimentFolder(surroundings, experiment.id, parameters, seed));
  return why === undefined ? { supported: true, bytes: experiment.estimate(parameters).bytes } : { supported: why };
}
