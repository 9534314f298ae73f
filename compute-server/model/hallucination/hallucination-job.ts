/** The jobs behind `headscope vhd` and the Hallucination panel: divergence over a caption, and reinforced captions. */
import type {
  DivergenceAtRequest,
  HallucinationProgress,
  HallucinationRequest,
  ImageMapRequest,
  ReinforcementRequest,
  StageProgress,
  CaptionProgress,
} from '../../../protocol/compute/hallucination';
import type {
  Caption,
  CaptionToken,
  DivergenceStep,
  HallucinationResult,
  Reinforcement,
} from '../../../protocol/results/hallucination';
import { FailureError } from '../../../protocol/wire/failures';
import type { Job } from '../../dispatch/dispatcher';
import { provenance } from '../../provenance';
import type { Surroundings } from '../../surroundings';
import { CaptionJudge, TextPieces } from './caption';
import { continued, type ContinuationRequest } from '../generation/decoding';
import { DivergenceRun, type MeasuredToken } from './divergence-run';
import { variantProblem } from '../run/interventions';
import type { PromptInput } from '../../../protocol/compute/models';
import type { LoadedModel } from '../checkpoint/loaded-model';
import { runPrompt } from '../run/model-run';
import { piecesOf, sequenceOf, textOf } from '../prompt/prompt';
import { startReinforced } from '../generation/reinforcement';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import { spanPair } from './span-pair';
import { chunkFor, planOf, prepare, reinforcementOf, type Prepared } from './span-request';
import { firstTextRow, SinkCollector } from './span-sinks';

const bad = (detail: string): FailureError => new FailureError({ code: 'bad-request', detail });
const greedy = { temperature: 0, topP: 1, seed: 0 } as const;

export async function* hallucinationJob(
  model: LoadedModel,
  request: HallucinationRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Job<HallucinationProgress, HallucinationResult> {
  const started = performance.now();
  const judge = new CaptionJudge(request);
  const stage = (sentence: string, share: number): StageProgress => ({ kind: 'stage', sentence, share });
  yield stage('Reading the prompt', 0);
  const { sequence, pair, measure, chunk } = await prepare(model, request, request.maxNewTokens, surroundings, signal);
  const layers = model.spec.blocks.length;
  yield stage(`Two passes over ${layers} layers, one without the ${request.removed.kind}`, 0.05);
  const [imageRows] = pair.whole.groups ?? [];
  const sinks =
    sequence.image && imageRows
      ? new SinkCollector({
          rows: imageRows.positions,
          first: firstTextRow(sequence, model.bosId),
          layers,
          width: model.spec.hiddenSize,
        })
      : undefined;
  const run = await DivergenceRun.start(
    model.spec,
    model.sessions,
    { pair, measure, chunk },
    { signal, ...(sinks ? { onLayer: (_, stream) => sinks.add(stream) } : {}) },
  );
  const { vhd, textEnergy, outlier, selected, visualAttention } = run.first;
  yield { kind: 'firstStep', vhd, textEnergy, outlier, selected };

  const steps: DivergenceStep[] = [];
  const caption = yield* captionOf(
    model,
    run.generate(continuation(model, request.maxNewTokens), { signal }),
    request,
    judge,
    (step) => steps.push(step),
  );
  const { distance, outliers, positions, removed, prompt, truth, references } = request;
  const made = await provenance({ chunk, maxNewTokens: request.maxNewTokens, ...chatOf(prompt) });
  return {
    ...made,
    device: { ...made.device, threads: surroundings.defaultThreads },
    kind: 'headscope-hallucination',
    version: 1,
    model: model.summary,
    prompt: prompt.kind === 'text' ? prompt.text : null,
    promptIds: sequence.ids,
    promptTokens: promptTokens(model, sequence),
    ...(sequence.image ? { image: sequence.image } : {}),
    ...(sequence.chatPrompt ? { chatPrompt: sequence.chatPrompt } : {}),
    removed,
    distance,
    outliers,
    positions,
    k: measure.k,
    layers,
    heads: model.summary.heads,
    vhd,
    textEnergy,
    outlier,
    selected,
    visualAttention,
    ...(request.keepSteps ? { steps } : {}),
    caption: { reinforcement: null, ...caption },
    variants: [],
    ...(sinks ? { sinks: sinks.sinks() } : {}),
    ...(truth ? { truth, ...(references ? { references } : {}) } : {}),
    ...(judge.labels ? { truthLabels: judge.labels } : {}),
    seconds: (performance.now() - started) / 1000,
  };
}

/** Recorded in a result: a text that went through the chat template is another prompt. */
export const chatOf = (prompt: PromptInput): { readonly chat?: true } =>
  prompt.kind === 'text' && prompt.chat ? { chat: true } : {};

/** The sentence of a failure that concerns one picture; undefined where the run cannot go on. */
export function reasonOfImage(error: unknown): string | undefined {
  if (!(error instanceof FailureError)) return undefined;
  const { failure } = error;
  return failure.code === 'bad-request' || failure.code === 'unsupported' ? failure.detail : undefined;
}

export const continuation = (
  model: LoadedModel,
  maxNewTokens: number,
): Pick<ContinuationRequest, 'maxNewTokens' | 'stopIds' | 'sampling'> => ({
  maxNewTokens,
  stopIds: model.stopIds,
  sampling: greedy,
});

function promptTokens(model: LoadedModel, { ids, image }: Sequence): readonly string[] {
  const pieces = piecesOf(model, ids);
  return image ? [...pieces.slice(0, image.start), ...pieces.slice(image.end)] : pieces;
}

/** A caption out of measured tokens, reported as they come. */
export async function* captionOf(
  model: LoadedModel,
  tokens: AsyncGenerator<MeasuredToken>,
  { maxNewTokens }: Pick<HallucinationRequest, 'maxNewTokens'>,
  judge: CaptionJudge,
  onStep: (step: DivergenceStep) => void = () => {},
  probabilities?: readonly number[],
): Job<StageProgress | CaptionProgress, Omit<Caption, 'reinforcement'>> {
  const pieces = new TextPieces(model);
  const made: CaptionToken[] = [];
  for await (const { id, probability, tVhd, step } of tokens) {
    onStep(step);
    const token: CaptionToken = {
      id,
      text: pieces.next(id),
      probability: probabilities?.[made.length] ?? probability,
      tVhd,
      visualAttention: mean(step.visualAttention.flat()),
    };
    yield { kind: 'token', index: made.length, token };
    made.push(token);
    const sentence = `Token ${made.length} of at most ${maxNewTokens}`;
    yield { kind: 'stage', sentence, share: Math.min(1, made.length / maxNewTokens) };
  }
  const text = textOf(
    model,
    made.map(({ id }) => id),
  );
  const last = made.at(-1);
  const cut = last !== undefined && !model.stopIds.includes(last.id);
  return { text, tokens: made, ...(cut ? { stoppedAt: made.length } : {}), ...judge.parts(text) };
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/** One reinforced caption; T-VHD of its tokens is that of the plain model which follows the text. */
export async function* reinforceJob(
  model: LoadedModel,
  request: HallucinationRequest,
  wanted: ReinforcementRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Job<StageProgress | CaptionProgress, Caption> {
  const judge = new CaptionJudge(request);
  const reinforcement = reinforcementOf(model, request, wanted);
  const prepared = await prepare(model, request, request.maxNewTokens, surroundings, signal);
  return yield* reinforcedCaption(model, request, reinforcement, prepared, judge, surroundings, signal);
}

export async function* reinforcedCaption(
  model: LoadedModel,
  request: Pick<HallucinationRequest, 'maxNewTokens'>,
  reinforcement: Reinforcement,
  { pair, measure, chunk, sequence }: Prepared,
  judge: CaptionJudge,
  surroundings: Surroundings,
  signal: AbortSignal,
): Job<StageProgress | CaptionProgress, Caption> {
  const { maxNewTokens } = request;
  yield { kind: 'stage', sentence: `Choosing heads in ${reinforcement.layers.length} layers`, share: 0 };
  const whole = chunkFor(model, sequence, maxNewTokens, surroundings.memoryLimit, true);
  const started = await startReinforced(
    model.spec,
    model.sessions,
    { pair, plan: planOf(reinforcement), chunk: whole },
    { signal },
  );
  const ids: number[] = [];
  const chances: number[] = [];
  for await (const { id, logits } of continued(started.run, continuation(model, maxNewTokens), { signal })) {
    ids.push(id);
    chances.push(probabilityOf(logits, id));
    const sentence = `Reinforced token ${ids.length} of at most ${maxNewTokens}`;
    yield { kind: 'stage', sentence, share: ids.length / maxNewTokens };
  }
  const plain = await DivergenceRun.start(model.spec, model.sessions, { pair, measure, chunk }, { signal });
  const caption = yield* captionOf(model, plain.follow(ids, { signal }), request, judge, undefined, chances);
  return { reinforcement, ...caption, reinforced: started.selected, gains: started.gains };
}

/** The step behind a text that is given. */
export async function divergenceAt(
  model: LoadedModel,
  request: DivergenceAtRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<DivergenceStep> {
  const { pair, measure, chunk } = await prepare(model, request, 0, surroundings, signal);
  const { generated } = request;
  const grown = (sequence: Sequence): Sequence => extended(sequence, generated);
  const further = { ...pair, whole: grown(pair.whole), without: grown(pair.without) };
  const run = await DivergenceRun.start(model.spec, model.sessions, { pair: further, measure, chunk }, { signal });
  return { ...run.first, step: generated.length };
}

/** The sequence with tokens behind it. */
export function extended(sequence: Sequence, ids: readonly number[]): Sequence {
  const { positions } = sequence;
  const last = positions?.at(-1) ?? -1;
  return {
    ...sequence,
    ids: [...sequence.ids, ...ids],
    ...(positions ? { positions: [...positions, ...ids.map((_, i) => last + 1 + i)] } : {}),
  };
}

/** Mean over the heads of what the query behind the generated tokens reads from each image token, or each row of the span. */
export async function imageMap(
  model: LoadedModel,
  request: ImageMapRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<Float32Array> {
  const { memoryLimit } = surroundings;
  const gains = request.gains ?? [];
  if (request.heads.length === 0) throw bad('No head is named. Name at least one layer and head.');
  const heads = request.heads.map(({ layer, head }) => ({ layer, head, gain: 1 }));
  const problem = variantProblem(model.spec, { gains: [...gains, ...heads] }, []);
  if (problem !== undefined) throw bad(problem);
  const sequence = await sequenceOf(model, request.prompt, { memoryLimit, signal });
  const removed = request.span ? ({ kind: 'span', ...request.span } as const) : ({ kind: 'image' } as const);
  const [group] = spanPair(sequence, removed, 'contiguous').whole.groups ?? [];
  const rows = group?.positions ?? [];
  const whole = extended(sequence, request.generated);
  const deepest = Math.max(...request.heads.map(({ layer }) => layer));
  const run = await runPrompt(
    { ...model.spec, blocks: model.spec.blocks.slice(0, deepest + 1) },
    model.sessions,
    {
      ...whole,
      // A group of its own for each row: what is given is the last query's probability on it.
      groups: rows.map((row) => ({ name: String(row), positions: [row] })),
      variants: [{ gains }],
      chunk: chunkFor(model, whole, 0, memoryLimit),
      logits: 'none',
      lastMass: true,
    },
    { signal },
  );
  const maps = request.heads.map(({ layer, head }) =>
    run.layers[layer]?.lastMass?.subarray(head * rows.length, (head + 1) * rows.length),
  );
  return Float32Array.from(rows, (_, at) => mean(maps.map((map) => map?.[at] ?? 0)));
}

function probabilityOf(logits: Float32Array, id: number): number {
  let largest = -Infinity;
  for (const logit of logits) largest = Math.max(largest, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  return Math.exp((logits[id] ?? -Infinity) - largest) / sum;
}
