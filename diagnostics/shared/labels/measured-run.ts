/** The run of the analyses `heads` and `labels`: a prompt layer by layer, and the labels of its heads. */
import { headStatisticNames } from '../../../protocol/results/heads';
import type { HeadStatistics } from '../../../protocol/results/heads-schema';
import type { LabelledResult } from '../../../protocol/results/labelled-heads';
import type { ParameterValues } from '../../../protocol/schema/parts';
import type { AnalysisJob, ReadInput, Standing, Step, Work } from '../../analysis';
import type { HeadNumbers } from '../../model-runner/head-numbers';
import type { ModelFacts, ModelRunner, Prompt } from '../../model-runner/model-runner';
import type { LayersRequest, LayerStep, ResidualStream, RunResult } from '../../model-runner/run-request';
import { labelHeads, type LabelledHeads } from './label-heads';
import { probeSettings, probeTokens } from './probe-runs';

/** How heads are labelled. */
export interface Labelling {
  readonly causal: boolean;
  readonly nullSequences: number;
}

export interface MeasuredRun<Layer, Known> {
  readonly prompt: Prompt;
  /** Beside the prompt and its statistics. */
  readonly request: Pick<
    LayersRequest,
    'groups' | 'chunk' | 'topKeys' | 'thumbnails' | 'effective' | 'taps' | 'crossMaps'
  >;
  /** Absent: the heads are measured alone. */
  readonly labelling?: Labelling | undefined;
  /** What is kept of a layer. */
  readonly keep: (layer: LayerStep) => Layer;
  readonly numbersOf: (layer: Layer) => HeadNumbers;
  /** What is known once these layers are measured. */
  readonly known: (layers: readonly Layer[]) => Known;
  /** Set for the heads of an encoder that are measured beside a decoder: it names the steps. */
  readonly beside?: string;
}

/** Share of the heads that have a label, as far as the length of a causal check is guessed before it is known. */
const guessedShare = 0.25;
/** Labelled heads alone, and those of a label together. */
const guessedSets = (blocks: ModelFacts['blocks']): number =>
  Math.ceil(guessedShare * blocks.reduce((sum, { heads }) => sum + heads, 0));

/** Bytes of a key and its weight, and how many of them a query keeps of a head. */
const [topKeyBytes, topKeys] = [8, 4];

export function workOf(facts: ModelFacts, { prompts }: ReadInput, labelling?: Labelling): Work {
  if (!labelling) return { passes: 1, bytes: 0 };
  const { causal, nullSequences } = labelling;
  const { blocks, predicts } = facts;
  const settings = probeSettings(facts, 0);
  const heads = blocks.reduce((sum, block) => sum + block.heads, 0);
  const probes = settings ? 2 * (1 + nullSequences) : 0;
  const removed = causal && predicts ? (settings ? 2 : 1) * (1 + guessedSets(blocks)) : 0;
  const rows = Math.max(settings ? 2 * settings.period + 1 : 0, ...prompts.map(({ ids }) => ids.length));
  return { passes: 1 + probes + removed, bytes: heads * (settings ? rows * topKeys * topKeyBytes : 0) };
}

type Job = Pick<AnalysisJob<ParameterValues>, 'variant' | 'seed' | 'step' | 'standing'>;

/** Work is counted in tokens run. */
export async function* measuredRun<Layer, Known extends Partial<LabelledResult>>(
  model: ModelRunner,
  job: Job,
  { prompt, request, labelling, keep, numbersOf, known, beside }: MeasuredRun<Layer, Known>,
): AsyncGenerator<Step<Known & LabelledHeads>, Known & Partial<LabelledHeads>> {
  const { variant, seed } = job;
  const step: Job['step'] = beside === undefined ? job.step : (key, act) => job.step(`${beside}, ${key}`, act);
  const standing = beside === undefined ? job.standing : undefined;
  const { blocks } = model.facts;
  const tokens = prompt.ids.length;
  const settings = labelling && probeSettings(model.facts, seed);
  const ahead = settings ? (1 + labelling.nullSequences) * probeTokens(settings) : 0;
  const guessed = labelling?.causal ? (1 + guessedSets(blocks)) * (tokens + (settings?.period ?? 0) * 2) : 0;
  let total = tokens + ahead + guessed;
  // Only what is known of some layers: a part of the result.
  const partOf = (layers: readonly Layer[]) => known(layers) as Partial<Known & LabelledHeads>;

  const measured: Layer[] = [];
  const layers = new Layers(
    (from) => model.layers({ ...prompt, ...request, variants: [variant], statistics: true, logits: 'none', ...from }),
    blocks.length,
    standing,
  );
  try {
    for (const layer of blocks.keys()) {
      yield {
        sentence: `Layer ${layer + 1} of ${blocks.length}${beside === undefined ? '' : ` of the ${beside}`}`,
        done: (tokens * layer) / blocks.length,
        total,
        ...(layer > 0 ? { partial: partOf(measured) } : {}),
      };
      measured.push(await step(`layer ${layer}`, async () => keep(await layers.at(layer))));
      await layers.keepStanding(layer);
    }
  } finally {
    await layers.close();
  }
  const whole = known(measured);
  if (!labelling) return whole;
  yield { sentence: 'Labelling heads', done: tokens, total, partial: partOf(measured) };

  let [before, removing] = [tokens, false];
  const labels = labelHeads(
    model,
    { sequence: prompt, statistics: measured.map(numbersOf) },
    { variant, seed, ...labelling, step },
  );
  for (;;) {
    const stage = await labels.next();
    if (stage.done) return { ...whole, ...stage.value };
    const { sentence, done, labelled } = stage.value;
    if (removing) total = before + stage.value.total;
    if (labelled) [before, removing] = [before + ahead, true];
    yield {
      sentence,
      done: before + done,
      total,
      ...(labelled ? { partial: { ...whole, ...labelled } } : {}),
    };
  }
}

/**
 * A run layer by layer that begins when its first layer is wanted, behind the stream that an earlier run left where there is one.
 * Without it a run that goes on behind kept layers runs them again; where all were kept, nothing is run.
 */
class Layers {
  private run: AsyncGenerator<LayerStep, RunResult> | undefined;
  /** The last layer that was run. */
  private last: LayerStep | undefined;

  constructor(
    private readonly start: (from: Pick<LayersRequest, 'from'>) => ReturnType<ModelRunner['layers']>,
    private readonly count: number,
    private readonly standing: Standing | undefined,
  ) {}

  async at(layer: number): Promise<LayerStep> {
    this.run ??= this.start(await this.behind(layer));
    for (;;) {
      const step = await this.run.next();
      if (step.done) throw new RangeError(`the run has no layer ${layer}`);
      if (step.value.layer < layer) continue;
      this.last = step.value;
      return step.value;
    }
  }

  /** Keeps the stream that leaves a layer which this run has run. */
  async keepStanding(layer: number): Promise<void> {
    const { last } = this;
    if (last?.layer === layer && layer + 1 < this.count) await this.standing?.write(last.stream);
  }

  async close(): Promise<void> {
    await this.run?.return(undefined as never);
  }

  private async behind(layer: number): Promise<Pick<LayersRequest, 'from'>> {
    const from = (await this.standing?.read()) as ResidualStream | undefined;
    return from && from.layer > 0 && from.layer <= layer ? { from } : {};
  }
}

/** Layers that are not measured yet have no numbers. */
export function tablesOf(
  measured: readonly HeadNumbers[],
  blocks: ModelFacts['blocks'],
): Pick<LabelledResult, 'statistics' | 'groups'> {
  const table = (give: (numbers: HeadNumbers) => readonly number[] | undefined) =>
    blocks.map(({ heads }, layer) => {
      const numbers = measured[layer];
      return (numbers && give(numbers)) ?? new Array<number>(heads).fill(Number.NaN);
    });
  const statistics = Object.fromEntries(headStatisticNames.map((name) => [name, table((numbers) => numbers[name])]));
  const names = Object.keys(measured[0]?.groups ?? {});
  return {
    statistics: statistics as unknown as HeadStatistics,
    groups: Object.fromEntries(names.map((name) => [name, table((numbers) => numbers.groups[name])])),
  };
}

/** What every query of a layer gives. */
export function statisticsIn({ layer, statistics }: LayerStep): HeadNumbers {
  if (!statistics) throw new RangeError(`layer ${layer} has no statistics`);
  return statistics;
}
