/** The vision encoder of an opened checkpoint: a picture to the embeddings that stand for it in the text. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { buildConnector, buildPatches } from '../../../models/architectures/patch-graphs';
import { ModelError, type ModelSpec } from '../../../models/architectures/model-spec';
import {
  towerOver,
  type ConnectorSpec,
  type ImageLayout,
  type VisionTower,
} from '../../../models/architectures/vision-tower';
import { readFolderFile } from '../../../models/formats/folder-file';
import { PictureError } from '../../../models/images/pixels';
import { processPicture, tileSize, tileSizeOf, type ProcessedPicture } from '../../../models/images/process';
import { ProcessorError, readProcessor, type ProcessorSettings } from '../../../models/images/processor';
import { tokenLayout, type TileCells, type TokenLayout } from '../../../models/images/token-layout';
import { FailureError, refusal } from '../../../protocol/wire/failures';
import { parseJsonText } from '../../../protocol/wire/json-text';
import type { DecodedPicture } from '../../images/decode';
import { readPicture } from '../../images/read-picture';
import { largestChunk } from '../run/stream/budget';
import { requireFinite } from '../run/graphs/run-stream';
import type { LayerSessions } from '../run/graphs/layer-sessions';
import type { FurtherGraphs } from '../run/graphs/pieces';
import { runPrompt } from '../run/stream/model-run';
import { floats, range } from '../run/graphs/runtime-arrays';
import type { ResidualStream } from '../run/stream/run-request';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';

export type ProcessorOutcome =
  | { readonly ok: true; readonly settings: ProcessorSettings }
  | { readonly ok: false; readonly why: string };

export interface VisionModel {
  readonly tower: VisionTower;
  /** Absent: the encoder stands alone. */
  readonly connector?: ConnectorSpec | undefined;
  readonly layout: ImageLayout;
  readonly processor: ProcessorOutcome;
  readonly sessions: LayerSessions;
}

/** The graphs of a vision part besides its blocks. */
export function visionGraphs(tower: VisionTower, connector: ConnectorSpec | undefined): FurtherGraphs {
  return {
    patches: { build: (weights) => buildPatches(tower, weights), output: 'residual.out' },
    ...(connector
      ? { connector: { build: (weights) => buildConnector(tower, connector, weights), output: 'features' } }
      : {}),
  };
}

/** Cells of a tile as the language model gets them. */
export function cellsOf({ patches }: VisionTower, connector: ConnectorSpec | undefined): TileCells {
  const shuffle = connector?.shuffle ?? 1;
  return {
    leading: patches.leading.length - (connector?.skipped ?? 0),
    rows: patches.rows / shuffle,
    columns: patches.columns / shuffle,
    coverage: {
      height: (patches.rows * patches.patch) / patches.size,
      width: (patches.columns * patches.patch) / patches.size,
    },
  };
}

/** The settings of the folder's processor. */
export async function openProcessor(folder: string): Promise<ProcessorOutcome> {
  try {
    const [own, joint] = await Promise.all([
      jsonIn(folder, 'preprocessor_config.json'),
      jsonIn(folder, 'processor_config.json'),
    ]);
    return { ok: true, settings: readProcessor(own, joint) };
  } catch (error) {
    if (error instanceof ProcessorError) return { ok: false, why: error.message };
    throw error;
  }
}

/** The settings held against the config; a processor that contradicts it is none. */
export function checkedProcessor(
  processor: ProcessorOutcome,
  tower: VisionTower,
  connector: ConnectorSpec | undefined,
  layout: ImageLayout,
): ProcessorOutcome {
  const problem = processor.ok ? contradiction(processor.settings, tower, connector, layout) : undefined;
  return problem === undefined ? processor : { ok: false, why: problem };
}

/** The tower over the size of image that the processor makes, where the family resizes its positions. */
export function fittedTower(tower: VisionTower, processor: ProcessorOutcome): VisionTower {
  const made = processor.ok ? tileSize(processor.settings, { kind: 'single' }) : undefined;
  return made && made[0] === made[1] ? towerOver(tower, made[0]) : tower;
}

/** One sentence where the processor's files and the vision config cannot both be right. */
function contradiction(
  settings: ProcessorSettings,
  tower: VisionTower,
  connector: ConnectorSpec | undefined,
  layout: ImageLayout,
): string | undefined {
  const { size, patch, leading } = tower.patches;
  const { claims, pinpoints } = settings;
  const made = tileSize(settings, layout);
  const next = 'Take both files from the same release of the model.';
  if (made && (made[0] !== size || made[1] !== size)) {
    return `Its image processor makes pictures of ${made[1]} x ${made[0]} pixels, and the vision config takes ${size} x ${size}. ${next}`;
  }
  if (claims.patch !== undefined && claims.patch !== patch) {
    return `processor_config.json says patch_size ${claims.patch}, and the vision config ${patch}. ${next}`;
  }
  if (claims.leading !== undefined && claims.leading !== leading.length && connector) {
    return `processor_config.json counts ${claims.leading} additional image tokens, and the vision encoder has ${leading.length}. ${next}`;
  }
  const strategy = connector && connector.skipped > 0 ? 'default' : 'full';
  const selects = connector && layout.kind !== 'splits' && !connector.norm;
  if (selects && claims.selectStrategy !== undefined && claims.selectStrategy !== strategy) {
    return `processor_config.json says vision_feature_select_strategy "${claims.selectStrategy}", and the config "${strategy}". ${next}`;
  }
  const cells = cellsOf(tower, connector);
  const tokens = cells.leading + cells.rows * cells.columns;
  if (claims.tokens !== undefined && connector && layout.kind !== 'anyres' && claims.tokens !== tokens) {
    return `processor_config.json counts ${claims.tokens} image tokens a tile, and the vision config makes ${tokens}. ${next}`;
  }
  if (layout.kind === 'anyres' && pinpoints && JSON.stringify(pinpoints) !== JSON.stringify(layout.pinpoints)) {
    return `image_grid_pinpoints of the image processor and of the config differ. ${next}`;
  }
  if (layout.kind === 'splits' && !settings.tile) {
    return `Its image processor "${settings.type}" does not split pictures as this family does. ${next}`;
  }
  const uneven =
    layout.kind === 'anyres' ? layout.pinpoints.find((each) => each.some((side) => side % size !== 0)) : undefined;
  if (uneven) {
    return `image_grid_pinpoints holds ${uneven[0]} x ${uneven[1]}, which tiles of ${size} pixels do not fill. ${next}`;
  }
  return undefined;
}

/** Published ones have a few KB. */
const largestProcessor = 1024 * 1024;

async function jsonIn(folder: string, name: string): Promise<unknown> {
  const found = await readFolderFile(folder, name, largestProcessor);
  if (!found.ok) {
    if (found.code === 'not-found') return undefined;
    throw new ProcessorError(found.message);
  }
  const parsed = parseJsonText(found.text);
  if (!parsed.ok) throw new ProcessorError(`${name} is not valid JSON (${parsed.fault}).`);
  return parsed.value;
}

/** A picture made ready for the encoder, with what will stand for it in the text. */
export interface PreparedPicture {
  readonly path: string;
  readonly name: string;
  readonly picture: DecodedPicture;
  readonly processed: ProcessedPicture;
  readonly tokens: TokenLayout;
  /** Hash of the pixels and their tiles: two files of one picture have the same key. */
  readonly key: string;
}

export async function preparePicture(
  folder: string,
  vision: VisionModel,
  path: string,
  memoryLimit?: number,
): Promise<PreparedPicture> {
  if (!vision.processor.ok) throw new FailureError({ code: 'model-unusable', folder, detail: vision.processor.why });
  const picture = await readPicture(path, { memoryLimit });
  const { size } = vision.tower.patches;
  const [height, width] = tileSizeOf(picture, vision.processor.settings, vision.layout);
  if (height !== size || width !== size) {
    const detail = `Its image processor makes ${width} x ${height} pixels of this image, and the vision config takes ${size} x ${size}.`;
    throw new FailureError({ code: 'model-unusable', folder, detail });
  }
  const processed = processedPicture(picture, vision.processor.settings, vision.layout, path);
  const tokens = tokenLayout(picture, processed, vision.layout, cellsOf(vision.tower, vision.connector));
  const key = createHash('sha256').update(picture.sha256).update(JSON.stringify(tokens.tiles)).digest('hex');
  return { path, name: basename(path), picture, processed, tokens, key };
}

function processedPicture(
  picture: DecodedPicture,
  settings: ProcessorSettings,
  layout: ImageLayout,
  path: string,
): ProcessedPicture {
  try {
    return processPicture(picture, settings, layout);
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    throw refusal(`The image ${path} ${error.message}.`);
  }
}

/** The rows of one tile as they enter the encoder's first block. */
export async function patchRows(vision: VisionModel, pixels: Float32Array, signal?: AbortSignal): Promise<Sequence> {
  signal?.throwIfAborted();
  const { size, channels, rows, columns, leading } = vision.tower.patches;
  const session = await vision.sessions.session({ kind: 'further', name: 'patches' });
  const values = await session.run({ pixels: { data: pixels, shape: [1, channels, size, size] } });
  const ids = range(0, rows * columns + leading.length);
  return {
    ids,
    embeddings: { rows: ids, data: floats(values, 'residual.out') },
    groups: [{ name: 'patches', positions: ids.slice(leading.length) }],
  };
}

/** Features of each tile [m, W] row by row, and the newline row where the model has one. */
export interface Features {
  readonly tiles: readonly Float32Array[];
  readonly newline?: Float32Array;
}

export async function encodePicture(
  vision: VisionModel,
  processed: Pick<ProcessedPicture, 'tiles'>,
  memoryLimit: number,
  signal?: AbortSignal,
): Promise<Features> {
  const { connector } = vision;
  if (!connector) throw new RangeError('the vision encoder has no connector');
  const tiles: Float32Array[] = [];
  let newline: Float32Array | undefined;
  for (const pixels of processed.tiles) {
    const states = await hiddenStates(
      vision,
      await patchRows(vision, pixels, signal),
      connector.states,
      memoryLimit,
      signal,
    );
    const session = await vision.sessions.session({ kind: 'further', name: 'connector' });
    const width = vision.tower.stack.hiddenSize;
    const values = await session.run(
      Object.fromEntries(
        states.map((data, at) => [`state.${at}`, { data, shape: [1, data.length / width, width] }] as const),
      ),
    );
    const features = floats(values, 'features');
    requireFinite(features, connector.linears.at(-1)?.outputs ?? 1, 1, 0, 'The projector');
    tiles.push(features);
    if (connector.newline !== undefined) newline = floats(values, 'newline');
  }
  return { tiles, ...(newline ? { newline } : {}) };
}

/** Residual streams behind the given numbers of blocks. */
export async function hiddenStates(
  { tower, sessions }: VisionModel,
  sequence: Sequence,
  wanted: readonly number[],
  memoryLimit: number,
  signal: AbortSignal | undefined,
): Promise<Float32Array[]> {
  const last = Math.max(...wanted);
  const stack: ModelSpec = { ...tower.stack, blocks: tower.stack.blocks.slice(0, last) };
  const rows = sequence.ids.length;
  const chunk = rowsOfEncoder(tower.stack, rows, memoryLimit);
  const run = await runPrompt(
    stack,
    sessions,
    {
      ...sequence,
      chunk,
      logits: 'none',
      plain: true,
      keepResiduals: wanted.filter((state) => state < last),
      keepLast: true,
    },
    { signal },
  );
  const kept = new Map<number, ResidualStream>(
    [...run.residuals, ...(run.last ? [run.last] : [])].map((stream) => [stream.layer, stream]),
  );
  return wanted.map((state) => {
    const [data] = kept.get(state)?.chunks ?? [];
    if (!data) throw new ModelError(`The vision encoder gave no output behind block ${state}.`);
    return data;
  });
}

/** All rows of a tile at once: every patch reads every other. Refuses an encoder that does not fit, in its own words. */
function rowsOfEncoder(stack: ModelSpec, rows: number, memoryLimit: number): number {
  return largestChunk(
    stack,
    { length: rows, batch: 1, keepCache: false, logits: 'none' },
    memoryLimit,
    undefined,
    false,
  );
}
