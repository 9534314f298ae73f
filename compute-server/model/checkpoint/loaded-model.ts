/** A checkpoint folder opened for running: headers read, layer graphs at hand, weights left in their files. */
import { relative, sep } from 'node:path';
import { specifyModel, type SpecifiedModel } from '../../../models/architectures/catalogue';
import { usableContext } from '../../../models/architectures/context';
import { headsOf, noteOfHeads, withAttention, readsBothWays } from '../../../models/architectures/block-heads';
import { ModelError, type ModelSpec } from '../../../models/architectures/model-spec';
import { rotaryFrequencies } from '../../../models/architectures/rope';
import { sourceGraph } from '../../../models/architectures/source-graph';
import { asStored, type StoredTensor, type StoredWeights } from '../../../models/architectures/stored-weights';
import type { ModelDescription, ModelPart } from '../../../models/formats/model-description';
import type { MultimodalSpec, VisionTower } from '../../../models/architectures/vision-tower';
import type {
  ModelSummary,
  SourceSummary,
  VisionSummary,
  DeviceSummary,
  HeldWeights,
} from '../../../protocol/schema/parts';
import { heldWeights } from '../../../protocol/inputs/weights';
import { sharesOf, type WeightSizes } from '../run/graphs/device-shares';
import { LayerSessions } from '../run/graphs/layer-sessions';
import type { FurtherGraphs } from '../run/graphs/pieces';
import type { DeviceId } from '../../runtime/session';
import { requireRoom, type DeviceRoom } from '../run/stream/budget';
import { PackedWeights } from '../weights/packed-weights';
import { startPieceThread } from '../weights/piece-thread';
import { WeightCache } from '../weights/weight-cache';
import { holdingOf } from '../weights/holding';
import { isEncoded } from '../weights/tensor-source';
import { weightNotes } from '../weights/weight-notes';
import {
  deviceNotes,
  partsOf,
  placeOfWeights,
  requireParts,
  roomOn,
  summaryOf,
  type Candidate,
  type HeldShare,
  type ModelDevice,
  type Sessions,
  type WeightOptions,
} from './model-device';
import { adaptedTensors, adapterBeside, adapterNotes, requireHeadApart } from './adapted-tensors';
import { commonFolder } from './common-folder';
import { hashOfModel, watchFiles } from './model-files';
import { openSource, unusable, type ModelSource } from './model-source';
import { namedTensors } from './quantised-weights';
import { startToken, tokenIds, type TokenIds } from './token-ids';
import type { TokeniserOutcome } from '../text/tokeniser';
import { readEmbeddingHead, type EmbeddingHead } from '../readout/embedding-files';
import {
  checkedProcessor,
  fittedTower,
  openProcessor,
  visionGraphs,
  type ProcessorOutcome,
  type VisionModel,
} from './vision-model';

export interface LoadedModel extends TokenIds {
  readonly folder: string;
  /** What an adapter is on: the folder or the file of the model without it. */
  readonly base?: string;
  readonly summary: ModelSummary;
  readonly description: ModelDescription;
  /** config.json as it is stored. */
  readonly config: Readonly<Record<string, unknown>>;
  /** All stored tensors, in the order of their files. */
  readonly tensors: readonly StoredTensor[];
  readonly spec: ModelSpec;
  readonly weights: StoredWeights;
  /** The folder that the locations of `weights` are relative to. */
  readonly weightsFolder: string;
  readonly sessions: LayerSessions;
  /** What linear layers are computed on. */
  readonly weightsHeld: HeldWeights;
  /** The same model on the cpu with exact weights, which a run on another device or on other weights is held against. */
  readonly reference?: LayerSessions;
  readonly tokeniser: TokeniserOutcome;
  /** What a run may take on devices other than the cpu. */
  readonly rooms: readonly DeviceRoom[];
  /** Where it runs, with the parts that run on the cpu instead. */
  device(): Promise<DeviceSummary>;
  /** How a text becomes one vector, where files of sentence-transformers say it. */
  readonly embedding?: EmbeddingHead;
  /** The vision encoder of a model that reads images. */
  readonly vision?: VisionModel;
  readonly multimodal?: MultimodalSpec;
  /** The vision encoder as a model of its own, whose rows are patches (the model itself where it reads nothing else). */
  readonly encoder?: LoadedModel;
  /** The encoder of an encoder-decoder as a model of its own; this one is the decoder, which runs with a `Sequence.source` alone. */
  readonly source?: LoadedModel;
  /**
   * Closes the sessions of packed weights that were read from the disk, and has the weights made again when they are next opened. False
   * where none were read.
   */
  packAgain?(): Promise<boolean>;
  /** Hash of the sizes and change times of the files, and of what linear layers are computed on; for caches on this machine. */
  readonly stamp: string;
  /** The first file that is gone or no longer what it was when the model was opened, as one sentence. */
  changed(): Promise<string | undefined>;
  /** Rejects with that sentence: numbers of a run during which a file changed are of neither model. */
  requireUnchanged(): Promise<void>;
}

export interface OpenOptions extends ModelDevice, WeightOptions {
  /** Devices that share the layers, in their order; absent: all are on `device`. */
  readonly among?: readonly Candidate[] | undefined;
  /** Folder of an adapter that is put on the model. */
  readonly adapter?: string | undefined;
  /** Bytes of weights that may be open at once. */
  readonly limitBytes: number;
  /** The limit of the process. A part of the model that alone exceeds it is refused; where it is absent, none is. */
  readonly memoryLimit?: number;
  /** Weights up to which they are laid out anew when opened (LayerSessions); default 256 MB. */
  readonly prepackedBytes?: number;
}

/** Bytes of a checkpoint from which the thread that makes weights ahead is started before the first of them is asked for. */
const worthThread = 64e6;

/** `path` is the folder or its config.json, or a GGUF file. Reads headers only. */
export async function openModel(path: string, options: OpenOptions): Promise<LoadedModel> {
  const source = await openSource(path, options.adapter);
  const { folder, filesFolder, name, config, text, checkpoint, adapter } = source;
  const choice = options.weights ?? 'as-stored';
  const root = commonFolder(checkpoint.files.map(({ path: file }) => file));
  const placeOf = (file: string): string => relative(root, file).split(sep).join('/');
  const stored = new Map(checkpoint.tensors.map((tensor) => [tensor.name, source.storedTensor(tensor, placeOf)]));
  const { base, put, ofQuantised } = await orUnusable(folder, async () => {
    const { tensors: named, notes: about } = await namedTensors(folder, root, source.description, stored);
    const own = adapter && { ...adapter, tensors: adapter.tensors.map((each) => asStored(each, placeOf(each.file))) };
    return {
      base: named,
      put: own && adaptedTensors(named, own, source.description, source.holds),
      ofQuantised: about,
    };
  });
  const { tensors, description, sums } = put ?? { tensors: base, description: source.description };
  const weights: StoredWeights = {
    find: (each) => tensors.get(each) ?? put?.summed.get(each),
    ...(sums ? { sum: (each: string) => sums.get(each) } : {}),
  };
  /** Tensors as products read them. */
  const read = [...tensors.values()].map((each) => put?.summed.get(put.sums.get(each.name)?.base ?? '') ?? each);
  const isSummed = put !== undefined && put.sums.size > 0;
  const encoded = read.filter(isEncoded);
  const held = heldWeights(choice, options.device, encoded.length > 0);
  const watched = await watchFiles([filesFolder, ...(adapter ? [adapter.folder] : [])], checkpoint);
  const requireUnchanged = async (): Promise<void> => {
    const why = await watched.changed();
    if (why !== undefined) throw unusable(folder, why);
  };
  const processor = await openProcessor(filesFolder);
  const weightBytes = checkpoint.tensors.reduce((sum, { length }) => sum + length, 0);
  let specified: SpecifiedModel;
  let notes: readonly string[];
  let opened: Sessions;
  let reference: Sessions | undefined;
  let hash: string;
  let packed: PackedWeights | undefined;
  let cache: WeightCache | undefined;
  let rooms: readonly DeviceRoom[] = [];
  let shares: readonly HeldShare[] | undefined;
  try {
    const known = source.stores(specifyModel(description, weights));
    if (description !== source.description) requireHeadApart(known, tensors);
    specified =
      known.kind === 'vision' || known.kind === 'pair'
        ? { ...known, vision: fittedTower(known.vision, processor) }
        : known;
    notes = [
      ...source.fits(
        description === source.description
          ? specified
          : specifyModel(source.description, { find: (each) => base.get(each) }),
      ),
      ...(adapter && put ? adapterNotes(adapter, filesFolder, put, source.description) : await adapterBeside(folder)),
    ];
    hash = await hashOfModel(filesFolder, text, {
      ...checkpoint,
      tensors: [...checkpoint.tensors, ...(adapter?.tensors ?? [])],
    });
    const holdingOn = (device: DeviceId) => holdingOf(held, device, encoded.length > 0 || isSummed);
    // Where several devices share the layers, the sessions widen the codes of those that are not on the CPU.
    const holding = holdingOn(options.among ? 'cpu' : options.device);
    if (holding) {
      const key = `${hash} ${watched.stamp} ${held}`;
      cache = options.cache && new WeightCache(options.cache, key, options.say ?? (() => undefined));
      packed = new PackedWeights(holding, cache);
      if (!cache && weightBytes > worthThread) startPieceThread();
    }
    const opening = { ...options, ...(packed ? { packed } : {}), ...(held === 'float16' ? { products: held } : {}) };
    if (options.among) {
      const sizesOn = (device: DeviceId): WeightSizes => {
        const own = holdingOn(device);
        const { products, ...rest } = { ...opening, device, ...(own ? { packed: new PackedWeights(own) } : {}) };
        const placed = products && device !== 'cpu' ? { ...rest, products } : rest;
        const { text: main, vision } = openSessions(specified, weights, root, placed, requireUnchanged);
        return (main ?? vision)?.sizes.ofLayersAndHead() ?? { layers: [], head: 0 };
      };
      const sizes = { cpu: sizesOn('cpu'), device: sizesOn(options.device) };
      shares = sharesOf(options.among, sizes);
      const alone = holdsAll(shares, sizes.device);
      if (alone) return await openModel(path, { ...options, ...alone, among: undefined });
    }
    opened = openSessions(specified, weights, root, { ...opening, shares }, requireUnchanged);
    requireParts(opened, options.memoryLimit);
    rooms = roomsOf(options, shares, opened);
    for (const room of rooms) requireRoom(room);
    if (!isOnCpu(options, shares) || held !== 'float32') {
      const exact = holdingOf('float32', 'cpu', encoded.length > 0 || isSummed);
      const onCpu = {
        ...options,
        device: 'cpu',
        selfTest: undefined,
        ...(exact ? { packed: new PackedWeights(exact) } : {}),
      } as const;
      reference = openSessions(specified, weights, root, onCpu, requireUnchanged);
    }
    if (!isOnCpu(options, shares)) {
      for (const sessions of partsOf(opened)) await sessions.place();
    }
  } catch (error) {
    if (error instanceof ModelError) throw unusable(folder, error.message);
    throw error;
  }
  const dtypes = [...new Set([...tensors.values()].map(({ dtype }) => dtype))];
  const device = (): Promise<DeviceSummary> => summaryOf(options, opened, shares);
  const where = await device();
  const common = {
    ...{ folder, description, weights, weightsFolder: root, weightsHeld: held, device, requireUnchanged },
    ...{ config, tensors: [...tensors.values()] },
    rooms,
    ...(adapter ? { base: filesFolder } : {}),
    ...(cache ? { packAgain: () => packAgain(cache, opened) } : {}),
    changed: watched.changed,
    // Numbers of two devices, or of two ways to hold weights, are not put together.
    stamp: `${watched.stamp}${isOnCpu(options, shares) ? '' : ` on ${where.id}`}${held === 'float32' ? '' : ` in ${held}`}`,
  };
  const bytes = partsOf(opened).reduce((sum, sessions) => sum + sessions.sizes.weights(), 0);
  const { limitBytes } = options;
  const kept = await cache?.check(bytes);
  const ofWeights = [
    ...ofQuantised,
    ...weightNotes({
      choice,
      held,
      dtypes,
      encoded,
      bytes,
      limitBytes,
      device: placeOfWeights(where, isOnCpu(options, shares), shares),
    }),
    ...(kept === undefined ? [] : [kept]),
    ...(options.whyWeights === undefined ? [] : [options.whyWeights]),
  ];
  const pooling = specified.kind === 'text' ? await embeddingHead(source, specified.text) : undefined;
  if (typeof pooling === 'string') notes = [...notes, pooling];
  const embedding = typeof pooling === 'object' ? { embedding: pooling } : {};
  const unread = 'unread' in specified ? specified.unread : undefined;
  const ofHeads =
    specified.kind === 'text'
      ? noteOfHeads(specified.text)
      : specified.kind === 'encoder-decoder'
        ? (noteOfHeads(specified.text) ?? noteOfHeads(specified.source))
        : undefined;
  const left = [...(unread === undefined ? [] : [unread]), ...(ofHeads === undefined ? [] : [ofHeads]), ...notes];
  const placed = [...(options.leftOut ?? []), ...(shares && opened.vision && opened.text ? [visionOnCpu] : [])];
  notes = [...left, ...placed, ...(await deviceNotes(where, ofWeights, opened, rooms))];
  const summary = (part: ModelPart, spec: ModelSpec, tokeniser: TokeniserOutcome): ModelSummary => {
    const context = usableContext(spec);
    return {
      folder,
      ...(options.adapter === undefined ? {} : { adapter: options.adapter }),
      name,
      family: part.family,
      hash,
      layers: spec.blocks.length,
      heads: Math.max(...spec.blocks.map((block) => headsOf(block).heads)),
      kvHeads: Math.max(...spec.blocks.map((block) => headsOf(block).kvHeads)),
      headDim: part.headDim,
      hiddenSize: spec.hiddenSize,
      vocabulary: part.vocabularySize ?? 0,
      ...(context === undefined || !Number.isFinite(context) || part.role === 'vision'
        ? {}
        : { contextLength: context }),
      causal: !readsBothWays(spec),
      weightBytes,
      dtypes,
      ...(encoded.length > 0 ? { quantised: true } : {}),
      windows: spec.blocks.map(({ attention }) => attention?.window ?? attention?.around ?? null),
      tokenizer: tokeniser.ok ? true : tokeniser.why,
      chatTemplate: tokeniser.ok && tokeniser.tokeniser.hasChatTemplate,
      ...(unread === undefined ? {} : { unread }),
      ...(notes.length > 0 ? { notes } : {}),
      weights: held,
      ...(options.device === 'cpu' && !shares ? {} : { device: where }),
    };
  };
  /** Where several devices share the layers of a text part, the part in front of it runs on the CPU. */
  const before =
    shares && opened.text
      ? { rooms: [], device: () => summaryOf({ device: 'cpu', threads: options.threads }, {}) }
      : undefined;
  const vision =
    specified.kind === 'text' || specified.kind === 'encoder-decoder' || !opened.vision
      ? undefined
      : openVision(processor, specified, opened.vision);
  const withVision = vision
    ? { vision: visionSummary(vision, specified.kind === 'multimodal' ? specified.spec.imageToken : undefined) }
    : {};
  const encoder: LoadedModel | undefined = vision && {
    ...common,
    ...before,
    spec: vision.tower.stack,
    sessions: vision.sessions,
    ...(reference?.vision ? { reference: reference.vision } : {}),
    tokeniser: noText,
    stopIds: [],
    vision,
    summary: {
      ...summary('visionPart' in specified ? specified.visionPart : specified.part, vision.tower.stack, noText),
      ...withVision,
    },
  };
  if (specified.kind === 'vision') {
    if (!encoder) throw new RangeError('a vision model has an encoder');
    return { ...encoder, encoder };
  }
  const { part } = specified;
  const spec = specified.kind === 'multimodal' ? specified.spec.text : specified.text;
  if (!opened.text) throw new RangeError('a text model has sessions');
  const tokeniser = await source.readTokeniser();
  const sourceModel: LoadedModel | undefined =
    specified.kind === 'encoder-decoder' && opened.source
      ? {
          ...common,
          ...before,
          spec: specified.source,
          sessions: opened.source,
          ...(reference?.source ? { reference: reference.source } : {}),
          tokeniser,
          stopIds: [],
          summary: summary(specified.sourcePart, specified.source, tokeniser),
        }
      : undefined;
  return {
    ...common,
    spec,
    sessions: opened.text,
    ...(reference?.text ? { reference: reference.text } : {}),
    tokeniser,
    ...(specified.kind === 'multimodal' ? { multimodal: specified.spec } : {}),
    ...(vision && encoder ? { vision, encoder } : {}),
    ...(sourceModel ? { source: sourceModel } : {}),
    ...embedding,
    ...(specified.kind === 'encoder-decoder' ? await startToken(filesFolder, specified, part.vocabularySize ?? 0) : {}),
    ...(await tokenIds(filesFolder, description, part.vocabularySize ?? 0)),
    summary: {
      ...summary(part, spec, tokeniser),
      ...withVision,
      ...(sourceModel ? { source: sourceSummary(sourceModel) } : {}),
    },
  };
}

/** On the CPU alone: in as many shares as it may be, it computes the same numbers. */
const isOnCpu = ({ device }: ModelDevice, shares: readonly HeldShare[] | undefined): boolean =>
  shares ? shares.every((share) => share.device === 'cpu') : device === 'cpu';

const visionOnCpu = 'Several devices share the layers of its text part; its vision encoder runs on the CPU.';

/** What a run finds on each device other than the CPU. */
function roomsOf(
  { device, memoryBytes }: ModelDevice,
  shares: readonly HeldShare[] | undefined,
  opened: Sessions,
): readonly DeviceRoom[] {
  if (!shares) return device === 'cpu' ? [] : [roomOn(device, memoryBytes, opened)];
  const others = new Map(shares.filter((share) => share.device !== 'cpu').map((share) => [share.device, share]));
  return [...others.values()].map((share) =>
    roomOn(
      share.device,
      share.memoryBytes,
      opened,
      shares.filter((one) => one.device === share.device),
    ),
  );
}

/** The device that holds the whole model alone, which then is opened as on any other. */
function holdsAll(shares: readonly HeldShare[], sizes: WeightSizes): Omit<ModelDevice, 'threads'> | undefined {
  const [first, ...more] = shares;
  if (!first || more.length > 0 || (sizes.head > 0 && !first.head)) return undefined;
  const { device, name, selfTest, memoryBytes } = first;
  return { device, name, selfTest, memoryBytes };
}

/** How a text becomes one vector, as files of sentence-transformers or a GGUF file say it. */
function embeddingHead({ filesFolder, pooling }: ModelSource, { head, hiddenSize }: ModelSpec) {
  const width = head.project?.outputs ?? hiddenSize;
  if (pooling === undefined) return readEmbeddingHead(filesFolder, width);
  return Promise.resolve({ modes: [pooling], modules: [], width });
}

/** Where packed weights came from the disk: their sessions are closed, and they are made again when they are opened. */
async function packAgain(cache: WeightCache, opened: Sessions): Promise<boolean> {
  for (const sessions of partsOf(opened)) await sessions.release();
  return cache.makeAgain();
}

const noText: TokeniserOutcome = { ok: false, why: 'A vision encoder reads images and no text; give an image.' };

/** Sessions of the parts, which share the limit: as much as an encoder's weights take, at most half, is its own. */
function openSessions(
  specified: SpecifiedModel,
  weights: StoredWeights,
  root: string,
  options: OpenOptions & {
    readonly packed?: PackedWeights;
    readonly products?: 'float16';
    readonly shares?: readonly HeldShare[] | undefined;
  },
  requireUnchanged: () => Promise<void>,
): Sessions {
  const { text, vision: tower }: { readonly text?: ModelSpec; readonly vision?: VisionTower } =
    specified.kind === 'multimodal' ? specified.spec : specified;
  const connector = specified.kind === 'multimodal' ? specified.spec.connector : undefined;
  /** Of several devices: the layers of the text are shared, of a model that reads pictures alone those of its encoder. */
  const shared = text ?? tower?.stack;
  const open = (spec: ModelSpec, limitBytes: number, further: FurtherGraphs = {}): LayerSessions => {
    const { products: _, ...rest } = options;
    const placed =
      options.shares && spec !== shared ? ({ ...rest, device: 'cpu', shares: undefined } as const) : options;
    const own = { ...placed, limitBytes };
    const sessions = new LayerSessions(spec, weights, root, own, requireUnchanged, further);
    sessions.pieces.check();
    return sessions;
  };
  if (text) requireRopes(text);
  const vision = tower && open(tower.stack, options.limitBytes, visionGraphs(tower, connector));
  const encoder = specified.kind === 'encoder-decoder' ? specified.source : undefined;
  const states = encoder && sourceGraph(encoder);
  const source =
    encoder &&
    open(encoder, options.limitBytes, states ? { source: { build: states, output: 'residual.out' } } : undefined);
  const beside = vision ?? source;
  const share = beside && text ? Math.min(beside.sizes.atOnce(), options.limitBytes / 2) : 0;
  if (beside && text) beside.limit(share);
  return {
    ...(text ? { text: open(text, options.limitBytes - share) } : {}),
    ...(vision ? { vision } : {}),
    ...(source ? { source } : {}),
  };
}

function openVision(
  processor: ProcessorOutcome,
  specified: Exclude<SpecifiedModel, { kind: 'text' | 'encoder-decoder' }>,
  sessions: LayerSessions,
): VisionModel {
  const { tower, connector, layout } =
    specified.kind === 'multimodal'
      ? { tower: specified.spec.vision, connector: specified.spec.connector, layout: specified.spec.layout }
      : { tower: specified.vision, connector: undefined, layout: { kind: 'single' } as const };
  const checked = checkedProcessor(processor, tower, connector, layout);
  return { tower, connector, layout, processor: checked, sessions };
}

function sourceSummary({ spec, summary }: LoadedModel): SourceSummary {
  const { layers, heads, kvHeads } = summary;
  const context = usableContext(spec);
  return { layers, heads, kvHeads, ...(context === undefined ? {} : { contextLength: context }) };
}

function visionSummary({ tower, processor }: VisionModel, imageToken: number | undefined): VisionSummary {
  const { stack, patches } = tower;
  return {
    family: stack.family,
    layers: stack.blocks.length,
    heads: Math.max(...stack.blocks.map((block) => headsOf(block).heads)),
    headDim: Math.max(...stack.blocks.map((block) => headsOf(block).headDim)),
    hiddenSize: stack.hiddenSize,
    imageSize: patches.size,
    patchSize: patches.patch,
    ...(imageToken === undefined ? {} : { imageToken }),
    processor: processor.ok ? true : processor.why,
  };
}

async function orUnusable<T>(folder: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ModelError) throw unusable(folder, error.message);
    throw error;
  }
}

/** Forms that need a field which the config lacks, or that have no formula here, are refused before anything runs. */
function requireRopes(spec: ModelSpec): void {
  const { ropes, blocks, contextLength } = spec;
  for (const { attention } of withAttention(blocks)) {
    const rope = attention.rope === undefined ? undefined : ropes[attention.rope];
    if (!rope) continue;
    if (rope.dimensions > attention.headDim) {
      throw new ModelError(
        `The config rotates ${rope.dimensions} dimensions of a head, and a head has ${attention.headDim}. Correct partial_rotary_factor.`,
      );
    }
    try {
      for (const sequenceLength of [1, usableContext(spec) ?? 1]) {
        rotaryFrequencies(rope, { contextLength, sequenceLength });
      }
    } catch (error) {
      throw new ModelError(`${(error as Error).message} Correct rope_scaling in the config.`);
    }
  }
}
