/** One run of an analysis on an opened model, in the process of the test. */
import { prepare } from '../../../compute-server/analyses/analysis-job';
import type { LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import type { Analysis } from '../../../diagnostics/analysis';
import type { AnalysisInput, SectionQuestion } from '../../../protocol/analysis/schema';
import type { ParameterTable } from '../../../protocol/analysis/parameters';
import type { ParameterValues } from '../../../protocol/schema/parts';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { Section } from '../../../protocol/sections/section';
import { resultOf, surroundingsOf } from '../../support/model-jobs';

export interface Asked {
  readonly input: AnalysisInput;
  readonly parameters?: ParameterValues;
  readonly interventions?: readonly Intervention[];
  readonly seed?: number;
}

interface Runnable<P extends ParameterValues, R extends Readonly<Record<string, unknown>>> extends Pick<
  Analysis<P, R>,
  'run' | 'ask'
> {
  readonly id: string;
  readonly parameters: ParameterTable<P>;
}

async function prepared<P extends ParameterValues, R extends Readonly<Record<string, unknown>>>(
  model: LoadedModel,
  analysis: Runnable<P, R>,
  { input, parameters = {}, interventions = [], seed = 0 }: Asked,
) {
  const { signal } = new AbortController();
  const run = { opened: model, analysis: analysis as unknown as Analysis, surroundings: surroundingsOf(), signal };
  const request = { analysis: analysis.id, folder: model.folder, input, parameters, interventions, seed };
  const { runner, job } = await prepare(run, request);
  const own = { ...job, parameters: job.parameters as P, step: <T>(_: string, act: () => Promise<T>) => act() };
  return { runner, job: own };
}

export async function resultFor<P extends ParameterValues, R extends Readonly<Record<string, unknown>>>(
  model: LoadedModel,
  analysis: Runnable<P, R>,
  asked: Asked,
): Promise<R> {
  const { runner, job } = await prepared(model, analysis, asked);
  return resultOf(analysis.run(runner, job));
}

export async function answerFor<P extends ParameterValues, R extends Readonly<Record<string, unknown>>>(
  model: LoadedModel,
  analysis: Runnable<P, R>,
  asked: Asked,
  result: R,
  question: SectionQuestion,
): Promise<Section> {
  const { runner, job } = await prepared(model, analysis, asked);
  if (!analysis.ask) throw new Error('it answers nothing');
  return analysis.ask(runner, job, result, question);
}
