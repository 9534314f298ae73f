/** A checkpoint folder opened for running: headers read, layer graphs at hand, weights left in their files. */
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, relative, sep } from 'node:path';
import { runnable, specifyModel, type SpecifiedModel } from '../../../models/architectures/catalogue';
import { usableContext } from '../../../models/architectures/context';
import { requireFit } from '../../../models/architectures/fit';
import { ModelError, type ModelSpec } from '../../../models/architectures/model-spec';
import { rotaryFrequencies } from '../../../models/architectures/rope';
import type { StoredTensor, StoredWeights } from '../../../models/architectures/stored-weights';
import { readGenerationConfig } from '../../../models/formats/companions/companions';
import { parseConfig } from '../../../models/formats/config/parse-config';
import { describeModel } from '../../../models/formats/describe-model';
import { readFolderFile, type FolderFile } from '../../../models/formats/folder-file';
import type { ModelDescription, ModelPart } from '../../../models/formats/model-description';
import { largestConfig, ownFamiliesOf, readSmallJson } from '../../../models/formats/model-folder';
import { openCheckpoint, type CheckpointProblem } from '../../../models/formats/safetensors/checkpoint';
import type { MultimodalSpec, VisionTower } from '../../../models/architectures/vision-tower';
import type { ModelSummary, VisionSummary, DeviceSummary, HeldWeights } from '../../../protocol/schema/parts';
import { FailureError } from '../../../protocol/wire/failures';
import { heldWeights } from '../../../protocol/inputs/weights';
import { LayerSessions } from '../run/graphs/layer-sessions';
import { requireRoom, type DeviceRoom } from '../run/stream/budget';
import { PackedWeights } from '../weights/packed-weights';
import { WeightCache } from '../weights/weight-cache';
import { weightNotes } from '../weights/weight-notes';
import {
  deviceNotes,
  requireParts,
  roomOn,
  summaryOf,
  type ModelDevice,
  type Sessions,
  type WeightOptions,
} from './model-device';
import { hashOfModel, watchFiles } from './model-files';
import { openTokeniser, type TokeniserOutcome } from '../text/tokeniser';
import {
  checkedProcessor,
  fittedTower,
  openProcessor,
  visionGraphs,
  type ProcessorOutcome,
  type VisionModel,
} from './vision-model';

export interface LoadedModel {
  readonly folder: string;
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
  /** What a run may take on a device other than the cpu. */
  readonly room?: DeviceRoom;
  /** Where it runs, with the parts that run on the cpu instead. */
  device(): Promise<DeviceSummary>;
  /** Ids that end a generation. */
  readonly stopIds: readonly number[];
  /** `bos_token_id` of the config, when it is one of the vocabulary. */
  readonly bosId?: number;
  /** The vision encoder of a model that reads images. */
  readonly vision?: VisionModel;
  readonly multimodal?: MultimodalSpec;
  /** The vision encoder as a model of its own, whose rows are patches (the model itself where it reads nothing else). */
  readonly encoder?: LoadedModel;
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
  /** Bytes of weights that may be open at once. */
  readonly limitBytes: number;
  /** The limit of the process. A part of the model that alone exceeds it is refused; where it is absent, none is. */
  readonly memoryLimit?: number;
  /** Weights up to which they are laid out anew when opened (LayerSessions); default 256 MB. */
  readonly prepackedBytes?: number;
}

const unusable = (folder: string, detail: string): FailureError =>
  new FailureError({ code: 'model-unusable', folder, detail });

/** `path` is the folder or its config.json. Reads headers only. */
export async function openModel(path: string, options: OpenOptions): Promise<LoadedModel> {
  const folder = await folderOf(path);
  const choice = options.weights ?? 'as-stored';
  const held = heldWeights(choice, options.device);
  const config = await readFolderFile(folder, 'config.json', largestConfig);
  if (!config.ok) throw unusable(folder, sentenceOfConfig(config));
  const { text } = config;
  const parsed = parseConfig(text);
  if (!parsed.ok) throw unusable(folder, `Its config.json cannot be read: ${parsed.message}`);
  const description = describeModel(parsed.value, (await ownFamiliesOf(folder)).families);
  const verdict = runnable(description);
  if (verdict !== true) throw unusable(folder, verdict);
  const checkpoint = await openCheckpoint(folder);
  const [problem] = checkpoint.problems.filter(({ code }) => code !== 'total-size' && code !== 'not-in-index');
  if (problem) throw unusable(folder, sentenceOfProblem(problem));
  const root = commonFolder(checkpoint.files.map(({ path: file }) => file));
  const tensors = new Map<string, StoredTensor>(
    checkpoint.tensors.map((tensor) => [
      tensor.name,
      {
        name: tensor.name,
        dtype: tensor.dtype,
        shape: tensor.shape,
        location: relative(root, tensor.file).split(sep).join('/'),
        offset: tensor.offset,
        length: tensor.length,
      },
    ]),
  );
  const weights: StoredWeights = { find: (name) => tensors.get(name) };
  const watched = await watchFiles(folder, checkpoint);
  const requireUnchanged = async (): Promise<void> => {
    const why = await watched.changed();
    if (why !== undefined) throw unusable(folder, why);
  };
  const processor = await openProcessor(folder);
  let specified: SpecifiedModel;
  let notes: readonly string[];
  let opened: Sessions;
  let reference: Sessions | undefined;
  let hash: string;
  let packed: PackedWeights | undefined;
  let cache: WeightCache | undefined;
  let room: DeviceRoom | undefined;
  try {
    const known = specifyModel(description, weights);
    specified =
      known.kind === 'vision' || known.kind === 'pair'
        ? { ...known, vision: fittedTower(known.vision, processor) }
        : known;
    notes = requireFit(description, checkpoint.tensors, specified);
    hash = await hashOfModel(folder, text, checkpoint);
    if (held === 'q8' || held === 'q4') {
      const key = `${hash} ${watched.stamp} ${held}`;
      cache = options.cache && new WeightCache(options.cache, key, options.say ?? (() => undefined));
      packed = new PackedWeights(held === 'q8' ? 8 : 4, cache);
    }
    const holding = { ...options, ...(packed ? { packed } : {}), ...(held === 'float16' ? { products: held } : {}) };
    opened = openSessions(specified, weights, root, holding, requireUnchanged);
    requireParts(opened, options.memoryLimit);
    if (options.device !== 'cpu') {
      room = roomOn(options.device, options.memoryBytes, opened);
      requireRoom(room);
    }
    if (options.device !== 'cpu' || held !== 'float32') {
      const onCpu = { ...options, device: 'cpu', selfTest: undefined } as const;
      reference = openSessions(specified, weights, root, onCpu, requireUnchanged);
    }
    if (options.device !== 'cpu') {
      for (const sessions of [opened.text, opened.vision]) await sessions?.place();
    }
  } catch (error) {
    if (error instanceof ModelError) throw unusable(folder, error.message);
    throw error;
  }
  const weightBytes = checkpoint.tensors.reduce((sum, { length }) => sum + length, 0);
  const dtypes = [...new Set(checkpoint.tensors.map(({ dtype }) => dtype))];
  const device = (): Promise<DeviceSummary> => summaryOf(options, opened);
  const common = {
    ...{ folder, description, weights, weightsFolder: root, weightsHeld: held, device, requireUnchanged },
    ...{ config: parsed.value as Readonly<Record<string, unknown>>, tensors: [...tensors.values()] },
    ...(room ? { room } : {}),
    ...(cache ? { packAgain: () => packAgain(cache, opened) } : {}),
    changed: watched.changed,
    // Numbers of two devices, or of two ways to hold weights, are not put together.
    stamp: `${watched.stamp}${options.device === 'cpu' ? '' : ` on ${options.device}`}${held === 'float32' ? '' : ` in ${held}`}`,
  };
  const elsewhere = options.device === 'cpu' ? undefined : await device();
  const where = elsewhere ?? (await device());
  const bytes = (opened.text?.weightBytes() ?? 0) + (opened.vision?.weightBytes() ?? 0);
  const { limitBytes } = options;
  const kept = await cache?.check(bytes);
  const ofWeights = [
    ...weightNotes({ choice, held, dtypes, bytes, limitBytes, device: where }),
    ...(kept === undefined ? [] : [kept]),
    ...(options.whyWeights === undefined ? [] : [options.whyWeights]),
  ];
  notes = [...notes, ...(await deviceNotes(where, ofWeights, opened, room))];
  const summary = (part: ModelPart, spec: ModelSpec, tokeniser: TokeniserOutcome): ModelSummary => {
    const context = usableContext(spec);
    return {
      folder,
      name: basename(folder),
      family: part.family,
      hash,
      layers: spec.blocks.length,
      heads: Math.max(...spec.blocks.map(({ attention }) => attention.heads)),
      kvHeads: Math.max(...spec.blocks.map(({ attention }) => attention.kvHeads)),
      headDim: part.headDim,
      hiddenSize: part.hiddenSize,
      vocabulary: part.vocabularySize ?? 0,
      ...(context === undefined || part.role === 'vision' ? {} : { contextLength: context }),
      causal: spec.blocks.every(({ attention }) => attention.causal),
      weightBytes,
      dtypes,
      windows: spec.blocks.map(({ attention }) => attention.window ?? attention.around ?? null),
      tokenizer: tokeniser.ok ? true : tokeniser.why,
      chatTemplate: tokeniser.ok && tokeniser.tokeniser.hasChatTemplate,
      ...(notes.length > 0 ? { notes } : {}),
      weights: held,
      ...(elsewhere ? { device: elsewhere } : {}),
    };
  };
  const vision =
    specified.kind === 'text' || !opened.vision ? undefined : openVision(processor, specified, opened.vision);
  const withVision = vision
    ? { vision: visionSummary(vision, specified.kind === 'multimodal' ? specified.spec.imageToken : undefined) }
    : {};
  const encoder: LoadedModel | undefined = vision && {
    ...common,
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
  const tokeniser = await openTokeniser(folder);
  return {
    ...common,
    spec,
    sessions: opened.text,
    ...(reference?.text ? { reference: reference.text } : {}),
    tokeniser,
    ...(specified.kind === 'multimodal' ? { multimodal: specified.spec } : {}),
    ...(vision && encoder ? { vision, encoder } : {}),
    ...(await tokenIds(folder, description, part.vocabularySize ?? 0)),
    summary: { ...summary(part, spec, tokeniser), ...withVision },
  };
}

/** Where packed weights came from the disk: their sessions are closed, and they are made again when they are opened. */
async function packAgain(cache: WeightCache, { text, vision }: Sessions): Promise<boolean> {
  for (const sessions of [text, vision]) await sessions?.release();
  return cache.makeAgain();
}

const noText: TokeniserOutcome = { ok: false, why: 'A vision encoder reads images and no text; give an image.' };

/** Sessions of the two parts, which share the limit: as much as the encoder's weights take, at most half, is its own. */
function openSessions(
  specified: SpecifiedModel,
  weights: StoredWeights,
  root: string,
  options: OpenOptions & { readonly packed?: PackedWeights; readonly products?: 'float16' },
  requireUnchanged: () => Promise<void>,
): Sessions {
  const { text, vision: tower }: { readonly text?: ModelSpec; readonly vision?: VisionTower } =
    specified.kind === 'multimodal' ? specified.spec : specified;
  const connector = specified.kind === 'multimodal' ? specified.spec.connector : undefined;
  const open = (spec: ModelSpec, limitBytes: number, further = {}): LayerSessions => {
    const sessions = new LayerSessions(spec, weights, root, { ...options, limitBytes }, requireUnchanged, further);
    sessions.check();
    return sessions;
  };
  if (text) requireRopes(text);
  const vision = tower && open(tower.stack, options.limitBytes, visionGraphs(tower, connector));
  const share = vision && text ? Math.min(vision.weightBytes(), options.limitBytes / 2) : 0;
  if (vision && text) vision.limit(share);
  return {
    ...(text ? { text: open(text, options.limitBytes - share) } : {}),
    ...(vision ? { vision } : {}),
  };
}

function openVision(
  processor: ProcessorOutcome,
  specified: Exclude<SpecifiedModel, { kind: 'text' }>,
  sessions: LayerSessions,
): VisionModel {
  const { tower, connector, layout } =
    specified.kind === 'multimodal'
      ? { tower: specified.spec.vision, connector: specified.spec.connector, layout: specified.spec.layout }
      : { tower: specified.vision, connector: undefined, layout: { kind: 'single' } as const };
  const checked = checkedProcessor(processor, tower, connector, layout);
  return { tower, connector, layout, processor: checked, sessions };
}

function visionSummary({ tower, processor }: VisionModel, imageToken: number | undefined): VisionSummary {
  const { stack, patches } = tower;
  return {
    family: stack.family,
    layers: stack.blocks.length,
    heads: Math.max(...stack.blocks.map(({ attention }) => attention.heads)),
    headDim: Math.max(...stack.blocks.map(({ attention }) => attention.headDim)),
    hiddenSize: stack.hiddenSize,
    imageSize: patches.size,
    patchSize: patches.patch,
    ...(imageToken === undefined ? {} : { imageToken }),
    processor: processor.ok ? true : processor.why,
  };
}

async function folderOf(path: string): Promise<string> {
  try {
    const real = await realpath(path);
    return (await stat(real)).isDirectory() ? real : dirname(path);
  } catch {
    throw unusable(path, 'There is no such folder. Check the path.');
  }
}

function sentenceOfConfig({ code, message }: Extract<FolderFile, { ok: false }>): string {
  if (code === 'not-found') return 'It has no config.json. Choose a Hugging Face model folder.';
  if (code === 'outside-folder') return `${message} Put the file into the folder.`;
  return `${message} Fetch the file again.`;
}

/** The words of the language server's finding `shard-missing`; other problems carry a sentence of their own. */
function sentenceOfProblem({ code, file, message }: CheckpointProblem): string {
  if (code === 'shard-missing') {
    return `${file ?? 'A file of weights'} is missing, and other files of the model are here. Download it again; its tensors cannot be loaded.`;
  }
  if (code === 'no-weights') return `${message} Fetch the weights in the safetensors format, or convert them to it.`;
  if (code === 'outside-folder') return `${message} Put the file into the folder.`;
  return `${message} Fetch the file again.`;
}

/** Forms that need a field which the config lacks, or that have no formula here, are refused before anything runs. */
function requireRopes(spec: ModelSpec): void {
  const { ropes, blocks, contextLength } = spec;
  for (const { attention } of blocks) {
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

/** The folder that holds all data files: onnxruntime reads weights below one folder only. */
function commonFolder(files: readonly string[]): string {
  const [first, ...rest] = files.map((file) => dirname(file).split(sep));
  if (!first) return '.';
  let length = first.length;
  for (const parts of rest) {
    while (length > 0 && first.slice(0, length).join(sep) !== parts.slice(0, length).join(sep)) length--;
  }
  return first.slice(0, length).join(sep) || sep;
}

async function tokenIds(
  folder: string,
  description: ModelDescription,
  vocabulary: number,
): Promise<{ readonly stopIds: readonly number[]; readonly bosId?: number }> {
  const own = (key: string): readonly number[] => description.tokenIds.find((each) => each.key === key)?.ids ?? [];
  // generation_config.json has the last word on where a generation ends; most folders of base models have none.
  const generation = (await readSmallJson(folder, 'generation_config.json')) ?? {};
  const { eosIds } = readGenerationConfig(generation);
  const stop = eosIds.length > 0 ? eosIds : own('eos_token_id');
  const bos = own('bos_token_id').find((id) => id >= 0 && id < vocabulary);
  return { stopIds: stop, ...(bos === undefined ? {} : { bosId: bos }) };
}
