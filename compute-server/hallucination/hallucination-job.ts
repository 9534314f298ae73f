/** The jobs behind `headscope vhd` and the Hallucination panel: divergence over a caption, and reinforced captions. */
import { variantProblem } from '../../models/instrument/changes/changes';
import { CaptionJudge } from '../../diagnostics/shared/captions/caption';
import { captionOf, greedy, reinforcedCaption } from '../../diagnostics/shared/captions/caption-run';
import { divergenceAfter, DivergenceRun } from '../../diagnostics/shared/divergence/divergence-run';
import { spanMap } from '../../diagnostics/shared/divergence/span-map';
import { extended, spanPair } from '../../diagnostics/shared/divergence/span-pair';
import { SinkCollector, sinkSearchOf } from '../../diagnostics/shared/divergence/span-sinks';
import { allSizes } from '../../models/architectures/layer-sizes';
import type { Sequence } from '../../diagnostics/model-runner/sequence';
import type { ReinforcementRequest } from '../../protocol/interventions/reinforcement';
import type { CaptionProgress, HallucinationProgress, StageProgress } from '../../protocol/compute/hallucination';
import type {
  DivergenceAtRequest,
  HallucinationRequest,
  ImageMapRequest,
} from '../../protocol/compute/hallucination-requests';
import type { PromptInput } from '../../protocol/inputs/prompt';
import type { DivergenceStep, Caption, HallucinationResult } from '../../protocol/results/hallucination-schema';
import { refusal } from '../../protocol/wire/failures';
import { ServerRunner } from '../runner/runner';
import type { Job } from '../dispatch/dispatcher';
import { modelProvenance } from '../provenance';
import type { Surroundings } from '../surroundings';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { piecesOf } from '../model/prompt/prompt';
import { requireAnywhere } from '../../diagnostics/shared/divergence/both-passes';
import { prepare } from './prepare';
import { chunkFor, reinforcementOf } from '../model/interventions/span-request';

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
  const { maxNewTokens } = request;
  const { runner, sequence, pair, measure, variant, parity } = await prepare(model, request, surroundings, signal);
  const chunk = chunkFor(model, sequence, maxNewTokens, surroundings.memoryLimit);
  const layers = model.spec.blocks.length;
  yield stage(`Two passes over ${layers} layers, one without the ${request.removed.kind}`, 0.05);
  const search = sinkSearchOf(sequence, runner.facts);
  const sinks = search && new SinkCollector(search);
  const run = await DivergenceRun.start(runner, {
    pair,
    measure,
    variant,
    further: maxNewTokens,
    chunk,
    ...(sinks ? { onLayer: (stream) => sinks.add(stream) } : {}),
  });
  const { vhd, textEnergy, outlier, selected, visualAttention } = run.first;
  yield { kind: 'firstStep', vhd, textEnergy, outlier, selected };

  const steps: DivergenceStep[] = [];
  const caption = yield* captionOf(runner, run.generate(greedy(runner, maxNewTokens)), maxNewTokens, judge, (step) =>
    steps.push(step),
  );
  const { distance, outliers, positions, removed, prompt, truth, references } = request;
  const { interventions = [] } = request;
  const made = await modelProvenance(model, {
    chunk,
    maxNewTokens,
    ...chatOf(prompt),
    ...(interventions.length > 0 ? { interventions } : {}),
  });
  return {
    ...made,
    kind: 'headscope-hallucination',
    version: 1,
    model: model.summary,
    parity,
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

function promptTokens(model: LoadedModel, { ids, image }: Sequence): readonly string[] {
  const pieces = piecesOf(model, ids);
  return image ? [...pieces.slice(0, image.start), ...pieces.slice(image.end)] : pieces;
}

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
  const { runner, ...prepared } = await prepare(model, request, surroundings, signal);
  return yield* reinforcedCaption(runner, request.maxNewTokens, reinforcement, prepared, judge);
}

/** The step behind a text that is given. */
export async function divergenceAt(
  model: LoadedModel,
  request: DivergenceAtRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<DivergenceStep> {
  const { runner, pair, measure, variant } = await prepare(model, request, surroundings, signal);
  return divergenceAfter(runner, { pair, measure }, request.generated, { variant });
}

/** Attention of the query after the generated tokens to each image token or each row of the span, mean over the heads. */
export async function imageMap(
  model: LoadedModel,
  request: ImageMapRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<Float32Array> {
  const { interventions = [] } = request;
  requireAnywhere(interventions);
  if (request.heads.length === 0) throw refusal('No head is named. Name at least one layer and head.');
  const gains = request.heads.map(({ layer, head }) => ({ kind: 'gain' as const, layer, head, gain: 1 }));
  const problem = variantProblem(allSizes(model.spec), gains, []);
  if (problem !== undefined) throw refusal(problem);
  const runner = new ServerRunner(model, model, surroundings, signal);
  const prompt = await runner.prompt(request.prompt);
  const { variant } = await runner.variant(interventions, prompt);
  const removed = request.span ? ({ kind: 'span', ...request.span } as const) : ({ kind: 'image' } as const);
  const [group] = spanPair(prompt, removed, 'contiguous').whole.groups ?? [];
  return spanMap(runner, {
    sequence: extended(prompt, request.generated),
    rows: group?.positions ?? [],
    heads: request.heads,
    variant,
  });
}
