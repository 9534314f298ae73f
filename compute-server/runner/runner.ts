/** The ModelRunner of an opened model: what analyses run it through. */
import type { Variant } from '../../models/instrument/changes/changes';
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
import type { Readout } from '../../diagnostics/model-runner/readout';
import type { GradientRequest, GradientResult } from '../../diagnostics/model-runner/gradients';
import type {
  AskedRow,
  LayersRequest,
  LayerStep,
  NextTokens,
  ResidualStream,
  RowAnswer,
  RunRequest,
  RunResult,
} from '../../diagnostics/model-runner/run-request';
import { goesByColumns } from '../../diagnostics/model-runner/redistribution-sources';
import type { Sequence, SourceRows } from '../../diagnostics/model-runner/sequence';
import type { EncoderInput, PromptInput } from '../../protocol/inputs/prompt';
import type { Parity } from '../../protocol/schema/parts';
import type { Intervention } from '../../protocol/interventions/interventions';
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
import { encodedSource } from '../model/prompt/source';
import { withWrittenTarget } from '../model/prompt/source-prompt';
import { withChangedSource } from '../model/interventions/changed-source';
import { groupsFor, lower } from '../model/interventions/lower';
import { layersOf, runPrompt } from '../model/run/stream/model-run';
import type { CachedPrefix } from '../model/run/stream/run-request';
import { hostStream } from '../model/run/graphs/run-stream';
import type { Dictionary } from '../../models/dictionaries/dictionary';
import { dictionaryAt, dictionaryShare } from '../dictionaries/dictionary-file';
import type { Surroundings } from '../surroundings';
import { ServerCheckpoint } from '../conversions/server-checkpoint';
import { ServerTrainer } from './server-trainer';
import { factsOf } from './model-facts';
import { nextTokensOf } from './next-tokens';
import { readoutOf } from './text-readout';
import { labelAnswer } from './label-answer';
import { OpenedBeside } from './beside-model';
import { ServerDirectPaths } from './direct-paths';
import { jointSpaceOf } from './joint-space';
import { PlannedRuns } from './planned-runs';
import { ServerWeights } from './model-weights';
import { drawnPictures, textFile } from './files';
import { answersOfVariants, streamsOfVariants } from './variant-answers';

export class ServerRunner implements ModelRunner {
  readonly facts: ModelFacts;
  readonly direct: ServerDirectPaths;
  readonly weights: ServerWeights;
  readonly joint: JointSpace | undefined;
  readonly readout: Readout | undefined;
  readonly trainer: ServerTrainer;
  readonly checkpoint: ServerCheckpoint;
  private readonly besides: OpenedBeside[] = [];
  private readonly planned: PlannedRuns;

  constructor(
    private readonly opened: LoadedModel,
    /** What reads the input: the model, or its vision encoder. */
    private readonly model: LoadedModel,
    private readonly surroundings: Surroundings,
    readonly signal: AbortSignal,
  ) {
    this.planned = new PlannedRuns(model, surroundings.memoryLimit);
    this.joint = jointSpaceOf(opened, signal);
    this.facts = factsOf(model, this.joint);
    this.readout = readoutOf(model, (sequence, variants, read) => this.lastStreams(sequence, variants, read));
    this.direct = new ServerDirectPaths(model, signal);
    this.weights = new ServerWeights(model, signal);
    this.trainer = new ServerTrainer(surroundings, signal);
    this.checkpoint = new ServerCheckpoint(
      // The encoder of an encoder-decoder has a specification of its own.
      model === opened.source ? model : opened,
      surroundings,
      signal,
      (draft) => new ServerRunner(draft, draft, surroundings, signal),
    );
  }

  /** Ends what outlives a call: trainings, and checkpoints that were not kept. */
  async close(): Promise<void> {
    for (const beside of this.besides.splice(0)) await beside.close();
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

  /** `writes`: a target that is not given is written by the model. */
  async prompt(
    input: PromptInput | EncoderInput,
    interventions: readonly Intervention[] = [],
    writes = true,
  ): Promise<Prompt> {
    if (readerOf(this.opened, input) !== this.model) {
      throw new RangeError('a picture alone and a text are read by two models; the runner is that of one');
    }
    const run = { memoryLimit: this.surroundings.memoryLimit, signal: this.signal };
    const sequence = await sequenceOf(this.opened, input, run, interventions);
    const isWritten = writes && sequence.source && input.kind !== 'image' && !input.target?.length;
    const whole =
      isWritten && !this.model.spec.head.labels ? await withWrittenTarget(this.model, sequence, run) : sequence;
    return this.read(input, await withChangedSource(this.opened, whole, interventions, run));
  }

  /** As `prompt`, but the rows of a picture are counted and not filled: for what is asked before a run. */
  async counted(input: PromptInput | EncoderInput, interventions: readonly Intervention[] = []): Promise<Prompt> {
    return this.read(input, await sequenceOf(this.opened, input, undefined, interventions));
  }

  /** Fails where an intervention names what the model or the prompt does not have. Nothing runs. */
  requirePlaces(interventions: readonly Intervention[], sequence: Sequence): void {
    groupsFor({ opened: this.opened, model: this.model, sequence }, interventions);
  }

  private read(input: PromptInput | EncoderInput, { source, ...sequence }: Sequence): Prompt {
    const given = input.kind === 'text' ? input.text : null;
    const { ids } = sequence;
    const tokens = this.pieces(ids);
    if (!source) return { ...sequence, text: given, tokens };
    return {
      ...sequence,
      text: input.kind === 'text' && input.target ? input.target : null,
      tokens,
      source: { ...source, text: given, tokens: this.pieces(source.ids) },
    };
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
    const { ids, prefix, source } = prompt;
    const chunk = this.planned.chunkFor({
      length: ids.length,
      batch: 1,
      keepCache: false,
      logits: 'none',
      prefix,
      source,
    });
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
      layersOf(this.planned.specFor(request), this.model.sessions, this.planned.requestFor(request), {
        signal: this.signal,
      }),
    );
  }

  run(request: RunRequest): Promise<RunResult> {
    return runPrompt(this.planned.specFor(request), this.model.sessions, this.planned.requestFor(request), {
      signal: this.signal,
    });
  }

  async losses(sequence: Sequence, rows: readonly number[], variants: readonly Variant[]): Promise<readonly number[]> {
    const batch = this.planned.largestBatch(sequence, variants.length);
    const losses: number[] = [];
    for (let first = 0; first < variants.length; first += batch) {
      const some = variants.slice(first, first + batch);
      const { loss } = await this.run({ ...sequence, variants: some, logits: 'none', lossAt: rows });
      if (!loss) throw new RangeError('the model has no language head');
      losses.push(...loss);
    }
    return losses;
  }

  async answers(
    sequence: Sequence,
    asked: readonly AskedRow[],
    variants: readonly Variant[],
  ): Promise<readonly (readonly RowAnswer[])[]> {
    const { spec, sessions } = this.model;
    if (spec.head.labels && this.readout) {
      const { of } = spec.head.labels;
      const found = await this.readout.logits(sequence, variants);
      return found.map((rows) =>
        asked.map(({ row, tokens }) => labelAnswer(rows[of === 'text' ? 0 : row] ?? new Float64Array(0), tokens)),
      );
    }
    const { batch, chunk } = this.planned.batchFor(sequence, variants.length);
    return await answersOfVariants(spec, sessions, { sequence, asked, variants, batch, chunk, signal: this.signal });
  }

  private lastStreams(
    sequence: Sequence,
    variants: readonly Variant[],
    read: (stream: Float32Array, variant: number) => void,
  ): Promise<void> {
    const { spec, sessions } = this.model;
    const { batch, chunk } = this.planned.batchFor(sequence, variants.length);
    return streamsOfVariants(spec, sessions, { sequence, variants, batch, chunk, signal: this.signal }, read);
  }

  nextTokens(
    sequences: readonly (readonly number[])[],
    variants: readonly Variant[],
  ): Promise<readonly (readonly NextTokens[])[]> {
    return nextTokensOf(sequences, variants, {
      batchOf: (longest, texts) => this.planned.largestBatch({ ids: longest }, texts),
      run: (request) => this.run(request),
    });
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
    const { ids, source, positions, groups } = sequence;
    const kept = {
      ids: ids.slice(0, length),
      ...(source ? { source } : {}),
      ...(positions ? { positions: positions.slice(0, length) } : {}),
    };
    const chunk = this.planned.chunkFor({ length, batch: 1, keepCache: true, logits: 'none', source });
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
    const chunk = this.planned.chunkFor(
      {
        atOnce: goesByColumns(variant ?? []),
        length: sequence.ids.length,
        batch: held,
        keepCache: true,
        further,
        logits: 'last',
        prefix: sequence.prefix,
        source: sequence.source,
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

  dictionary(path: string): Promise<Dictionary> {
    return dictionaryAt(path, this.surroundings.memoryLimit * dictionaryShare);
  }

  textFile(path: string): Promise<string> {
    return textFile(path);
  }

  encoder(): ServerRunner | undefined {
    const { encoder } = this.opened;
    if (!encoder || !this.model.spec.embedding) return undefined;
    return new ServerRunner(this.opened, encoder, this.surroundings, this.signal);
  }

  async beside(path = this.model.base): Promise<OpenedBeside> {
    if (path === undefined) throw new RangeError('a model without an adapter is its own base');
    const { surroundings, signal } = this;
    const runnerOf = (opened: LoadedModel) => new ServerRunner(opened, opened, surroundings, signal);
    const beside = await OpenedBeside.open(this.model, path, surroundings, runnerOf);
    this.besides.push(beside);
    return beside;
  }

  source(): ServerRunner | undefined {
    const { source } = this.opened;
    return source && new ServerRunner(this.opened, source, this.surroundings, this.signal);
  }

  async encoded(
    given: SourceRows,
    variants: readonly Variant[],
    from?: ResidualStream,
  ): Promise<readonly SourceRows[]> {
    const { source: encoder } = this.opened;
    if (!encoder) throw new RangeError('the model is no encoder-decoder');
    const { memoryLimit } = this.surroundings;
    const { ids, embeddings, variantGroups } = given;
    const read = { ids, ...(embeddings ? { embeddings } : {}), ...(variantGroups ? { groups: variantGroups } : {}) };
    const encodings: SourceRows[] = [];
    for (const variant of variants) {
      const stream = await encodedSource(encoder, read, { memoryLimit, signal: this.signal, variant, from });
      encodings.push({ ...given, stream, variant });
    }
    return encodings;
  }
}

async function* layerSteps(run: ReturnType<typeof layersOf>): AsyncGenerator<LayerStep, RunResult> {
  for (;;) {
    const step = await run.next();
    if (step.done) return step.value;
    const { result, out } = step.value;
    yield { ...result, chunk: out.chunk, stream: () => hostStream(out) };
  }
}
