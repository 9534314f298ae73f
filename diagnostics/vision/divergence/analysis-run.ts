/** One run of the analysis `divergence`: two passes, the caption, where the selected heads read, the reinforced caption. */
import { addsAtPositions, type Variant, hasChange } from '../../../models/instrument/changes/changes';
import type { DivergenceStep as StepTables } from '../../../protocol/results/hallucination-schema';
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { Reinforcement } from '../../../protocol/interventions/reinforcement';
import { captionId } from '../../../protocol/results/sections/divergence-captions';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import type { CaptionJudge } from '../../shared/captions/caption';
import {
  greedy,
  numbersOf,
  startReinforcedText,
  WrittenCaption,
  type Prepared,
  type TokenNumbers,
} from '../../shared/captions/caption-run';
import { DivergenceRun, type MeasuredToken } from '../../shared/divergence/divergence-run';
import { textBlocks } from '../../shared/captions/text-blocks';
import { settingsOf, type DivergenceParameters, type DivergenceSettings } from './parameters';
import { refusal } from '../../../protocol/wire/failures';
import { resolvedReinforcement } from '../../shared/divergence/reinforcement';
import { judgeAgain, judgeOf } from './judge';
import type { DivergenceResult, ReinforcedCaption } from '../../../protocol/results/divergence-result';
import { spanMap } from '../../shared/divergence/span-map';
import { spanPair } from '../../shared/divergence/span-pair';
import { SinkCollector, sinkSearchOf } from '../../shared/divergence/span-sinks';

type DivergenceJob = AnalysisJob<DivergenceParameters>;
type DivergenceStep = Step<DivergenceResult>;

/** A pass over the prompt, in tokens of the caption: progress counts both. */
const passWork = 8;

export interface PreparedAnalysis extends Prepared {
  readonly settings: DivergenceSettings;
  readonly prompt: Prompt;
}

export function preparedAnalysis(model: ModelRunner, job: Omit<DivergenceJob, 'step'>): PreparedAnalysis {
  const [prompt] = job.input.prompts;
  if (!prompt) throw new RangeError('divergence is that of a prompt');
  const settings = settingsOf(model.facts, job.parameters);
  const variant = onBoth(job.variant);
  return {
    prompt,
    settings,
    sequence: prompt,
    pair: spanPair(prompt, settings.removed, settings.positions),
    measure: settings.measure,
    ...(variant ? { variant } : {}),
  };
}

/** What changes the pass without the span in the same way. */
function onBoth(variant: Variant): Variant | undefined {
  if (hasChange(variant, 'bias', 'weight', 'replacement') || addsAtPositions(variant)) {
    throw refusal(
      'Divergence compares the prompt with a shorter one, and an intervention acts on positions of this one. Leave it out.',
    );
  }
  return variant.length === 0 ? undefined : variant;
}

export async function* runDivergence(
  model: ModelRunner,
  job: DivergenceJob,
): AsyncGenerator<DivergenceStep, DivergenceResult> {
  const prepared = preparedAnalysis(model, job);
  const { maxNewTokens, reinforcement } = prepared.settings;
  const { judge, said } = await judgeOf(model, job.parameters, prepared.prompt);
  const oneCaption = passWork + maxNewTokens;
  const total = oneCaption + passWork + (reinforcement ? 2 * oneCaption : 0);
  // A frame of its own: its caches are gone before the reinforced caption has others.
  const plain = { ...(yield* plainCaption(model, job, prepared, judge, total)), ...said };
  const reading = 'Where the selected heads read';
  yield { sentence: reading, done: oneCaption, total, partial: plain };
  const attention = await job.step('attention of the selected heads', () =>
    attentionOf(model, prepared, plain.selected),
  );
  const result = { ...plain, attention };
  yield { sentence: reading, done: oneCaption + passWork, total, partial: result };
  if (!reinforcement) return result;
  const reinforced = yield* reinforcedText(model, job, prepared, {
    reinforcement,
    judge,
    from: oneCaption + passWork,
    total,
    known: (written) => ({ ...result, reinforced: written }),
  });
  return { ...result, reinforced };
}

/** One more caption with scaled heads, asked of the plain one. */
export async function* extendDivergence(
  model: ModelRunner,
  job: DivergenceJob,
  result: DivergenceResult,
  { section, place }: SectionQuestion,
): AsyncGenerator<DivergenceStep, DivergenceResult> {
  if (section !== captionId || place.kind !== 'variant') {
    throw refusal('The caption alone can be written with scaled heads. Ask the section "caption" for a variant.');
  }
  const prepared = preparedAnalysis(model, job);
  const { positions, measure, maxNewTokens } = prepared.settings;
  const { distance } = measure;
  const reinforcement = resolvedReinforcement(model.facts.blocks.length, { distance, positions }, place.reinforcement);
  const known = (written: ReinforcedCaption): DivergenceResult => withVariant(result, written);
  return known(
    yield* reinforcedText(model, job, prepared, {
      reinforcement,
      judge: await judgeAgain(model, job.parameters, result),
      from: 0,
      total: 2 * (passWork + maxNewTokens),
      known,
    }),
  );
}

/** The one that was made in the same way before is replaced. */
function withVariant(result: DivergenceResult, made: ReinforcedCaption): DivergenceResult {
  const isSame = ({ reinforcement }: ReinforcedCaption): boolean =>
    canonical(reinforcement) === canonical(made.reinforcement);
  const { reinforced, variants = [] } = result;
  if (reinforced && isSame(reinforced)) return { ...result, reinforced: made };
  return { ...result, variants: [...variants.filter((one) => !isSame(one)), made] };
}

const canonical = (reinforcement: Reinforcement): string => JSON.stringify(Object.entries(reinforcement).sort());

async function* plainCaption(
  model: ModelRunner,
  job: DivergenceJob,
  prepared: PreparedAnalysis,
  judge: CaptionJudge,
  total: number,
): AsyncGenerator<DivergenceStep, Omit<DivergenceResult, 'attention'>> {
  const { settings, pair, prompt, measure } = prepared;
  const { removed, maxNewTokens, positions } = settings;
  const opening = `Two passes over ${model.facts.blocks.length} layers, one without the ${removed.kind}`;
  yield { sentence: opening, done: 0, total };
  const { first, chunk, sinks, blocks } = await startPlain(model, job, prepared);
  const { vhd, textEnergy, visualAttention, outlier, selected } = first;
  const known = {
    removed,
    distance: measure.distance,
    outliers: measure.outliers,
    positions,
    k: measure.k,
    ...(removed.kind === 'image' && prompt.image
      ? { image: prompt.image }
      : { span: prompt.tokens.slice(pair.span.start, pair.span.end) }),
    chunk,
    vhd,
    textEnergy,
    visualAttention,
    outlier,
    selected,
    ...(sinks ? { sinks } : {}),
  };
  yield { sentence: opening, done: passWork, total, partial: known };
  const shown = new WrittenCaption(model, judge);
  const steps: StepTables[] = [];
  for await (const block of blocks) {
    for (const { tables: _, ...numbers } of block) shown.add(numbers);
    steps.push(...block.flatMap(({ tables }) => tables ?? []));
    const done = passWork + shown.length;
    const sentence = `Token ${shown.length} of at most ${maxNewTokens}`;
    yield { sentence, done, total, partial: { ...known, caption: shown.soFar() } };
  }
  return { ...known, ...(settings.allSteps ? { steps } : {}), caption: shown.caption() };
}

/** The first step, and the tokens of the plain caption; the passes are run when something of them is not on disk. */
async function startPlain(model: ModelRunner, { step }: DivergenceJob, prepared: PreparedAnalysis) {
  const { pair, measure, variant, sequence, settings } = prepared;
  const { maxNewTokens } = settings;
  const request = { pair, measure, further: maxNewTokens, ...(variant ? { variant } : {}) };
  let run: DivergenceRun | undefined;
  const { first, chunk, sinks } = await step('first step and its chunk', async () => {
    const search = sinkSearchOf(sequence, model.facts);
    const collector = settings.removed.kind === 'image' && search ? new SinkCollector(search) : undefined;
    run = await DivergenceRun.start(model, {
      ...request,
      ...(collector ? { onLayer: (stream) => collector.add(stream) } : {}),
    });
    return { first: run.first, chunk: run.chunk, ...(collector ? { sinks: collector.sinks() } : {}) };
  });
  const blocks = textBlocks(step, settings.allSteps ? 'caption with tables' : 'caption', async () => {
    run ??= await DivergenceRun.start(model, request);
    return numbered(run.generate(greedy(model, maxNewTokens)), settings.allSteps);
  });
  return { first, chunk, sinks, blocks };
}

/** What is kept of a token as a step: the tables too where all steps are asked for. */
type NumberedToken = TokenNumbers & { readonly tables?: StepTables };

async function* numbered(tokens: AsyncGenerator<MeasuredToken>, withTables: boolean): AsyncGenerator<NumberedToken> {
  for await (const token of tokens) {
    yield { ...numbersOf(token), ...(withTables ? { tables: token.step } : {}) };
  }
}

async function attentionOf(
  model: ModelRunner,
  { pair, variant }: PreparedAnalysis,
  selected: DivergenceResult['selected'],
): Promise<readonly number[]> {
  const heads = selected.flatMap((row, layer) => row.flatMap((is, head) => (is ? [{ layer, head }] : [])));
  const rows = pair.whole.groups?.[0]?.positions ?? [];
  if (heads.length === 0) return rows.map(() => Number.NaN);
  return [...(await spanMap(model, { sequence: pair.whole, rows, heads, ...(variant ? { variant } : {}) }))];
}

interface WantedText {
  readonly reinforcement: Reinforcement;
  readonly judge: CaptionJudge;
  /** Work done before. */
  readonly from: number;
  readonly total: number;
  /** What is known once so much of it is written. */
  readonly known: (written: ReinforcedCaption) => DivergenceResult;
}

async function* reinforcedText(
  model: ModelRunner,
  { step }: DivergenceJob,
  prepared: PreparedAnalysis,
  { reinforcement, judge, from, total, known }: WantedText,
): AsyncGenerator<DivergenceStep, ReinforcedCaption> {
  const { pair, measure, variant, settings } = prepared;
  const { maxNewTokens } = settings;
  yield { sentence: `Choosing heads in ${reinforcement.layers.length} layers`, done: from, total };
  let started: Awaited<ReturnType<typeof startReinforcedText>> | undefined;
  const start = async () => (started ??= await startReinforcedText(model, prepared, reinforcement, maxNewTokens));
  const { selected: heads, gains } = await step('reinforced heads', async () => {
    const { selected, gains: chosen } = await start();
    return { selected, gains: chosen };
  });
  const written: { readonly id: number; readonly probability: number }[] = [];
  for await (const block of textBlocks(step, 'reinforced caption', async () => (await start()).tokens())) {
    written.push(...block);
    const sentence = `Reinforced token ${written.length} of at most ${maxNewTokens}`;
    yield { sentence, done: from + passWork + written.length, total };
  }
  // Its caches are no longer needed.
  started = undefined;
  const half = from + passWork + maxNewTokens;
  const ids = written.map(({ id }) => id);
  const shown = new WrittenCaption(model, judge);
  const followed = textBlocks(step, 'divergence of the reinforced caption', async () => {
    const request = { pair, measure, further: maxNewTokens, ...(variant ? { variant } : {}) };
    return numbered((await DivergenceRun.start(model, request)).follow(ids), false);
  });
  const own = { reinforcement, heads, gains };
  for await (const block of followed) {
    for (const token of block) {
      shown.add({ ...token, probability: written[shown.length]?.probability ?? token.probability });
    }
    const reinforced = { ...own, ...shown.soFar() };
    const sentence = `Divergence of reinforced token ${shown.length} of ${ids.length}`;
    yield { sentence, done: half + passWork + shown.length, total, partial: known(reinforced) };
  }
  return { ...own, ...shown.caption() };
}
