/** The ModelRunner of an opened model: what analyses run it through. */
import { changesOf, type Variant } from '../../models/instrument/changes/changes';
import type {
  ContinuationRequest,
  DrawnPictures,
  ModelFacts,
  ModelRunner,
  PictureRequest,
  Prompt,
  ReinforcedContinuation,
  ReinforcedRequest,
} from '../../diagnostics/model-runner/model-runner';
import type { JointSpace } from '../../diagnostics/model-runner/joint-space';
import type { GradientRequest, GradientResult } from '../../diagnostics/model-runner/gradients';
import type {
  AskedRow,
  KeptPrefix,
  LayersRequest,
  LayerStep,
  NextTokens,
  RowAnswer,
  RunRequest,
  RunResult,
} from '../../diagnostics/model-runner/run-request';
import { goesByColumns } from '../../diagnostics/model-runner/redistribution-sources';
import type { Sequence } from '../../diagnostics/model-runner/sequence';
import type { EncoderInput, PromptInput } from '../../protocol/inputs/prompt';
import type { Parity } from '../../protocol/schema/parts';
import type { Intervention } from '../../protocol/interventions/interventions';
import { FailureError } from '../../protocol/wire/failures';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { requireParity } from '../model/checkpoint/parity';
import { preparePicture } from '../model/checkpoint/vision-model';
import { startReinforced } from '../model/generation/reinforcement';
import { gradientChunk } from '../model/gradient/gradient-memory';
import { runGradients } from '../model/gradient/gradient-run';
import { pictureGradients } from '../model/gradient/picture-gradients';
import { SequenceRun } from '../model/generation/sequence-run';
import { keptPlanOf } from '../model/generation/decoding-graphs';
import { chunkFor } from '../model/interventions/span-request';
import { withChangedPixels } from '../model/prompt/image-prompt';
import { idsOfText, piecesOf, readerOf, sequenceOf, textOf } from '../model/prompt/prompt';
import { type RunShape, chunkThatFits } from '../model/run/stream/budget';
import { isRouted, type AttentionSpec, type ModelSpec } from '../../models/architectures/model-spec';
import { renumbers } from '../model/interventions/chosen-blocks';
import { groupsFor, lower } from '../model/interventions/lower';
import { layersOf, runPrompt } from '../model/run/stream/model-run';
import type { CachedPrefix, RunRequest as ServerRequest } from '../model/run/stream/run-request';
import { hostStream } from '../model/run/graphs/run-stream';
import { range } from '../model/run/graphs/runtime-arrays';
import type { Surroundings } from '../surroundings';
import { ServerCheckpoint } from '../conversions/server-checkpoint';
import { ServerTrainer } from './server-trainer';
import { ServerDirectPaths } from './direct-paths';
import { jointSpaceOf } from './joint-space';
import { ServerWeights } from './model-weights';
import { drawnPictures, textFile } from './files';
import { answersOfVariants } from './variant-answers';

/** Variants of a batch at most: more of them make no run faster. */
const mostSideBySide = 16;

export class ServerRunner implements ModelRunner {
  readonly facts: ModelFacts;
  readonly direct: ServerDirectPaths;
  readonly weights: ServerWeights;
  readonly joint: JointSpace | undefined;
  readonly trainer: ServerTrainer;
  readonly checkpoint: ServerCheckpoint;

  constructor(
    private readonly opened: LoadedModel,
    /** What reads the input: the model, or its vision encoder. */
    private readonly model: LoadedModel,
    private readonly surroundings: Surroundings,
    readonly signal: AbortSignal,
  ) {
    this.joint = jointSpaceOf(opened, signal);
    this.facts = factsOf(model, this.joint);
    this.direct = new ServerDirectPaths(model, signal);
    this.weights = new ServerWeights(model, signal);
    this.trainer = new ServerTrainer(surroundings, signal);
    this.checkpoint = new ServerCheckpoint(
      opened,
      surroundings,
      signal,
      (draft) => new ServerRunner(draft, draft, surroundings, signal),
    );
  }

  /** Ends what outlives a call: trainings, and checkpoints that were not kept. */
  async close(): Promise<void> {
    await this.checkpoint.close();
    await this.trainer.close();
  }

  static reading(
    opened: LoadedModel,
    input: PromptInput | EncoderInput | undefined,
    surroundings: Surroundings,
    signal: AbortSignal,
    /** Without an input: whether the analysis reads pictures, which the vision encoder reads. */
    pictures?: boolean,
  ): ServerRunner {
    const unread = pictures ? (opened.encoder ?? opened) : opened;
    return new ServerRunner(opened, input ? readerOf(opened, input) : unread, surroundings, signal);
  }

  async prompt(input: PromptInput | EncoderInput, interventions: readonly Intervention[] = []): Promise<Prompt> {
    if (readerOf(this.opened, input) !== this.model) {
      throw new RangeError('a picture alone and a text are read by two models; the runner is that of one');
    }
    const { memoryLimit } = this.surroundings;
    return this.read(input, await sequenceOf(this.opened, input, { memoryLimit, signal: this.signal }, interventions));
  }

  /** As `prompt`, but the rows of a picture are counted and not filled: for what is asked before a run. */
  async counted(input: PromptInput | EncoderInput, interventions: readonly Intervention[] = []): Promise<Prompt> {
    return this.read(input, await sequenceOf(this.opened, input, undefined, interventions));
  }

  /** Fails where an intervention names what the model or the prompt does not have. Nothing runs. */
  requirePlaces(interventions: readonly Intervention[], sequence: Sequence): void {
    groupsFor({ model: this.model, sequence }, interventions);
  }

  private read(input: PromptInput | EncoderInput, sequence: Sequence): Prompt {
    return { ...sequence, text: input.kind === 'text' ? input.text : null, tokens: this.pieces(sequence.ids) };
  }

  async withPixels<S extends Sequence>(prompt: S, change: (pixels: Float32Array) => Float32Array): Promise<S> {
    const { signal } = this;
    const { memoryLimit } = this.surroundings;
    const { embeddings } = await withChangedPixels(this.opened, prompt, change, { memoryLimit, signal });
    return { ...prompt, ...(embeddings ? { embeddings } : {}) };
  }

  encode(text: string): readonly number[] {
    return idsOfText(this.model, (tokeniser) => tokeniser.plain(text));
  }

  named(piece: string): number | undefined {
    const { tokeniser } = this.model;
    return tokeniser.ok ? tokeniser.tokeniser.named(piece) : undefined;
  }

  pieces(ids: readonly number[]): readonly string[] {
    return piecesOf(this.model, ids);
  }

  decode(ids: readonly number[]): string {
    return textOf(this.model, ids);
  }

  async variant(
    interventions: readonly Intervention[],
    prompt: Sequence,
  ): Promise<{ readonly variant: Variant; readonly groups: Sequence['groups'] }> {
    const { opened, model, signal } = this;
    const { memoryLimit } = this.surroundings;
    const { ids, prefix } = prompt;
    const chunk = this.chunkFor({ length: ids.length, batch: 1, keepCache: false, logits: 'none', prefix });
    const of = { opened, model, sequence: prompt, chunk, memoryLimit, signal };
    const {
      variants: [variant = []],
      groups,
    } = await lower(of, [interventions]);
    return { variant, groups };
  }

  parity(prompt: Sequence): Promise<Parity> {
    return requireParity(this.model, prompt, { signal: this.signal });
  }

  layers(request: LayersRequest): AsyncGenerator<LayerStep, RunResult> {
    return layerSteps(
      layersOf(this.specFor(request), this.model.sessions, this.planned(request), { signal: this.signal }),
    );
  }

  run(request: RunRequest): Promise<RunResult> {
    return runPrompt(this.specFor(request), this.model.sessions, this.planned(request), { signal: this.signal });
  }

  async losses(sequence: Sequence, rows: readonly number[], variants: readonly Variant[]): Promise<readonly number[]> {
    const batch = this.largestBatch(sequence, variants.length);
    const losses: number[] = [];
    for (let first = 0; first < variants.length; first += batch) {
      const some = variants.slice(first, first + batch);
      const { loss } = await this.run({ ...sequence, variants: some, logits: 'none', lossAt: rows });
      if (!loss) throw new RangeError('the model has no language head');
      losses.push(...loss);
    }
    return losses;
  }

  answers(
    sequence: Sequence,
    asked: readonly AskedRow[],
    variants: readonly Variant[],
  ): Promise<readonly (readonly RowAnswer[])[]> {
    const { spec, sessions } = this.model;
    const batch = this.largestBatch(sequence, variants.length);
    const chunk = this.chunkFor(shapeOf(sequence, batch));
    return answersOfVariants(spec, sessions, { sequence, asked, variants, batch, chunk, signal: this.signal });
  }

  async nextTokens(
    sequences: readonly (readonly number[])[],
    variants: readonly Variant[],
  ): Promise<readonly (readonly NextTokens[])[]> {
    const longest = Math.max(0, ...sequences.map(({ length }) => length));
    const filled = (ids: readonly number[]): readonly number[] => [
      ...ids,
      ...new Array<number>(longest - ids.length).fill(0),
    ];
    const pairs = sequences.flatMap((ids) => variants.map((variant) => ({ ids, variant })));
    // What is decided over the rows of a text is not decided over those that fill it up.
    const batch = variants.some((each) => goesByColumns(each))
      ? 1
      : this.largestBatch({ ids: filled([]) }, pairs.length);
    const rows = range(0, Math.max(0, longest - 1));
    const found: NextTokens[] = [];
    for (let first = 0; first < pairs.length; first += batch) {
      const some = pairs.slice(first, first + batch);
      const [one] = some;
      const whole = batch === 1 ? (ids: readonly number[]) => ids : filled;
      const { nextTokens = [] } = await this.run({
        ids: whole(one?.ids ?? []),
        variants: some.map(({ variant }) => variant),
        // Variants of one sequence share the layers below the first change.
        ...(some.some(({ ids }) => ids !== one?.ids) ? { variantIds: some.map(({ ids }) => whole(ids)) } : {}),
        logits: 'none',
        lossAt: batch === 1 ? rows.slice(0, Math.max(0, (one?.ids.length ?? 0) - 1)) : rows,
        eachToken: true,
      });
      some.forEach(({ ids }, at) => {
        const { loss, best } = nextTokens[at] ?? { loss: new Float64Array(0), best: new Int32Array(0) };
        found.push({ loss: loss.slice(0, ids.length - 1), best: best.slice(0, ids.length - 1) });
      });
    }
    return sequences.map((_, at) => found.slice(at * variants.length, (at + 1) * variants.length));
  }

  async gradients(request: GradientRequest): Promise<GradientResult> {
    const { memoryLimit } = this.surroundings;
    const asked = { ...request, chunk: gradientChunk(this.model.spec, request, memoryLimit) };
    if (!request.pixels) return await runGradients(this.model, asked, this.signal);
    const { folder, vision } = this.model;
    if (!vision || !request.image) throw new RangeError('there is no picture in the prompt');
    const picture = await preparePicture(folder, vision, request.image.path, memoryLimit);
    return await pictureGradients({ ...this.model, vision }, picture, asked, memoryLimit, this.signal);
  }

  async prefix(sequence: Sequence, length: number, variant?: Variant): Promise<CachedPrefix> {
    const { ids, positions, groups } = sequence;
    const kept = { ids: ids.slice(0, length), ...(positions ? { positions: positions.slice(0, length) } : {}) };
    const chunk = this.chunkFor({ length, batch: 1, keepCache: true, logits: 'none' });
    const { cache } = await runPrompt(
      this.model.spec,
      this.model.sessions,
      {
        ...kept,
        ...(groups ? { groups } : {}),
        ...(variant ? { variants: [variant] } : {}),
        chunk,
        logits: 'none',
        keepCache: true,
      },
      { signal: this.signal },
    );
    if (!cache) throw new RangeError('the run kept nothing');
    return { length, cache };
  }

  seconds(): number {
    return performance.now() / 1000;
  }

  continuation(request: ContinuationRequest): Promise<SequenceRun> {
    const { sequence, variant, observe, topKeys, further, held = 1, onLayer } = request;
    const chunk = this.chunkFor(
      {
        atOnce: goesByColumns(variant ?? []),
        length: sequence.ids.length,
        batch: held,
        keepCache: true,
        further,
        logits: 'last',
        prefix: sequence.prefix,
        plan: keptPlanOf(this.model.spec, this.model.sessions, request, sequence.ids.length),
      },
      request.chunk,
    );
    return SequenceRun.start(
      this.model.spec,
      this.model.sessions,
      {
        ...sequence,
        chunk,
        ...(variant ? { variant } : {}),
        ...(observe ? { observe } : {}),
        ...(topKeys ? { topKeys } : {}),
      },
      { signal: this.signal, ...(onLayer ? { onLayer: (_, stream) => onLayer(stream) } : {}) },
    );
  }

  reinforced({
    sequence,
    without,
    setup,
    variant,
    further,
    chunk,
  }: ReinforcedRequest): Promise<ReinforcedContinuation> {
    const { memoryLimit } = this.surroundings;
    return startReinforced(
      this.model.spec,
      this.model.sessions,
      {
        pair: { whole: sequence, without },
        setup,
        chunk: chunk ?? chunkFor(this.model, sequence, further, memoryLimit, true),
        ...(variant ? { variant } : {}),
      },
      { signal: this.signal },
    );
  }

  pictures(request: PictureRequest): Promise<DrawnPictures> {
    return drawnPictures(request);
  }

  textFile(path: string): Promise<string> {
    return textFile(path);
  }

  encoder(): ServerRunner | undefined {
    const { encoder } = this.opened;
    if (!encoder || !this.model.spec.embedding) return undefined;
    return new ServerRunner(this.opened, encoder, this.surroundings, this.signal);
  }

  private specFor({ depth, logits, lossAt, answersAt }: RunRequest): LoadedModel['spec'] {
    const { spec } = this.model;
    if (depth === undefined || depth >= spec.blocks.length) return spec;
    if (logits !== 'none' || lossAt || answersAt)
      throw new RangeError('a run that ends before the last layer has no logits');
    return { ...spec, blocks: spec.blocks.slice(0, depth) };
  }

  private planned(request: RunRequest): ServerRequest {
    const { past, depth: _, ...rest } = request;
    const variants = request.variants ?? [];
    // Heads that choose blocks have the scores of each place side by side, and are faster where these stay in the processor's caches.
    const chooses = variants.some((each) => changesOf(each, 'blocks').length > 0);
    const planned = this.chunkFor(
      {
        atOnce: variants.some((each) => goesByColumns(each)),
        length: request.ids.length,
        batch: Math.max(1, variants.length) * (chooses ? 3 : 1),
        keepCache: false,
        logits: request.logits,
        prefix: request.prefix,
      },
      request.chunk,
    );
    const chunk = chooses && request.chunk === undefined ? Math.min(planned, 64) : planned;
    return { ...rest, chunk, ...(past ? { past: cached(past) } : {}) };
  }

  private chunkFor(shape: RunShape, wanted?: number): number {
    return chunkThatFits(this.model, shape, this.surroundings.memoryLimit, wanted);
  }

  /** Half as many at a time until the memory suffices: one at a time needs what a plain run needs. */
  private largestBatch(sequence: Sequence, variants: number): number {
    for (let batch = Math.min(mostSideBySide, variants); batch > 1; batch = Math.floor(batch / 2)) {
      try {
        this.chunkFor(shapeOf(sequence, batch));
        return batch;
      } catch (error) {
        if (!(error instanceof FailureError) || error.failure.code !== 'out-of-memory') throw error;
      }
    }
    return 1;
  }
}

const shapeOf = ({ ids, prefix }: Sequence, batch: number): RunShape => ({
  length: ids.length,
  batch,
  keepCache: false,
  logits: 'none',
  prefix,
});

function factsOfHeads(
  { heads, kvHeads, headDim, causal, window, around, rope, lateNorms }: AttentionSpec,
  { ropes }: ModelSpec,
): ModelFacts['blocks'][number] {
  const turns = !lateNorms && renumbers(rope === undefined ? undefined : ropes[rope]);
  const reach = window ?? around;
  return {
    ...{ heads, kvHeads, headDim, causal },
    ...(reach === undefined ? {} : { window: reach }),
    ...(turns ? { renumbers: true } : {}),
  };
}

function factsOf(
  { summary, spec, description, bosId, stopIds, vision }: LoadedModel,
  joint: JointSpace | undefined,
): ModelFacts {
  const patches = spec.embedding ? undefined : vision?.tower.patches;
  const special = description.tokenIds.flatMap(({ ids }) => ids);
  return {
    summary,
    blocks: spec.blocks.map(({ parallel, attention, feedForward }) => ({
      ...factsOfHeads(attention, spec),
      ...(isRouted(feedForward) ? { routed: true as const } : {}),
      ...(parallel ? { parallel } : {}),
    })),
    hiddenSize: spec.hiddenSize,
    ...(patches ? { patches: { rows: patches.rows, columns: patches.columns, leading: patches.leading.length } } : {}),
    predicts: spec.head.vocabulary !== undefined && summary.causal,
    specialIds: [...new Set(special)].filter((id) => id >= 0 && id < summary.vocabulary),
    ...(bosId === undefined ? {} : { bosId }),
    ...(joint ? { jointWidth: joint.width } : {}),
    stopIds,
  };
}

function cached(past: KeptPrefix): CachedPrefix {
  if (!('cache' in past)) throw new RangeError('the prefix is of another runner');
  return past as CachedPrefix;
}

async function* layerSteps(run: ReturnType<typeof layersOf>): AsyncGenerator<LayerStep, RunResult> {
  for (;;) {
    const step = await run.next();
    if (step.done) return step.value;
    const { result, out } = step.value;
    yield { ...result, chunk: out.chunk, stream: () => hostStream(out) };
  }
}
