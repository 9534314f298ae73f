/**
 * A GGUF file, or its parts, as a checkpoint of its family: a config, and tensors under the names that the family's checkpoints use. Reads
 * headers, and the numbers of tables that belong to the config.
 */
import { expectedTensors, tensorNames } from '../expected-tensors';
import type { ExpectedTensor } from '../tensors/tensor-table';
import { compareTensors } from '../compare-tensors';
import { describeModel } from '../describe-model';
import { familyById } from '../families/catalogue';
import { baseKeys } from '../families/shared/run-keys';
import type { JsonObject } from '../config/config-reader';
import type { ModelDescription } from '../model-description';
import { openRegular } from '../regular-file';
import type { Checkpoint, CheckpointTensor } from '../safetensors/checkpoint';
import { shortened } from '../short-text';
import { lackSentence } from '../tensors/tensor-sentences';
import type { GgufArchitecture, GgufFacts } from './architecture';
import { ggufArchitecture, ggufArchitectures } from './architectures';
import { GgufBudget } from './budget';
import { configOf } from './config';
import { tokenIdsOf } from './token-keys';
import type { GgufTensor } from './header';
import type { Metadata } from './metadata';
import { metadataOf, problemsOf, readGgufParts, type GgufPart } from './read-gguf';
import { axesOf, wholeParts, type MadeTensor, type RowRange } from './made-tensors';
import { areExperts, expertMap, inLayerOf, isDown, placeInGguf, type GgufPlace } from './tensor-names';
import { tensorType } from './tensor-types';
import { isTokenizerKey } from './token-keys';

/** A tensor of a checkpoint; `made` where it is not a range of the file. */
export interface GgufCheckpointTensor extends CheckpointTensor {
  readonly made?: {
    readonly parts: readonly (CheckpointTensor & { readonly transposed?: true })[];
    readonly rows: readonly RowRange[];
    readonly how: Pick<MadeTensor, 'numbers' | 'columns'>;
  };
}

interface GgufCheckpoint {
  readonly architecture: string;
  /** How its tensors differ from those of a checkpoint. */
  readonly stores: GgufArchitecture;
  /** Conversion put the rows of queries and keys into another order than those of the family's checkpoints. */
  readonly reordered: boolean;
  readonly metadata: Metadata;
  /** What the header does not say, and how it is taken. */
  readonly assumed: readonly string[];
  /** As a config.json of the same model would be. */
  readonly config: JsonObject;
  readonly description: ModelDescription;
  readonly checkpoint: Checkpoint & { readonly tensors: readonly GgufCheckpointTensor[] };
}

export type OpenedGguf =
  | { readonly ok: true; readonly gguf: GgufCheckpoint }
  | { readonly ok: false; readonly message: string };

/** Bytes of vocabularies, scores, merges and templates, which a run keeps and the view of a file does not need. */
const keptForRuns = 256_000_000;

const refused = (message: string): OpenedGguf => ({ ok: false, message });

/** `path` is the file, or one of its parts. With `tokenizer`, vocabulary and templates are read too. */
export async function openGguf(
  path: string,
  { tokenizer = true }: { readonly tokenizer?: boolean } = {},
): Promise<OpenedGguf> {
  const read = tokenizer
    ? await readGgufParts(path, new GgufBudget({ kept: keptForRuns }), isTokenizerKey)
    : await readGgufParts(path);
  if (!read.ok) return read;
  const { parts, count, missing } = read;
  const [first] = [...missing, ...splitProblems(parts, count), ...problemsOf(parts, count, true)];
  if (first !== undefined) return refused(`${first} Fetch the file again.`);
  const metadata = metadataOf(parts);
  const { architecture: name } = metadata;
  const type = metadata.text('general.type') ?? 'model';
  if (type !== 'model')
    return refused(
      `This GGUF file is not a whole model: its general.type is "${shortened(type, 40)}". Choose the file of the model.`,
    );
  if (name === undefined)
    return refused(
      'This GGUF file names no general.architecture, so its family is not known. Convert the model again.',
    );
  const architecture = ggufArchitecture(name);
  if (architecture === undefined) {
    return refused(
      `Headscope does not run GGUF files of the architecture "${shortened(name, 40)}" yet. It runs ${ggufArchitectures.join(', ')}.`,
    );
  }
  const tensors = parts.flatMap((part) => part.header.tensors.map((tensor) => ({ tensor, part })));
  const byName = new Map(tensors.map((each) => [each.tensor.name, each]));
  if (byName.size < tensors.length) return refused('Two of its parts hold tensors of the same name. Fetch them again.');
  const cut = tensors.find(({ tensor: { type: of, shape } }) => (shape.at(-1) ?? 1) % weightsOf(of) !== 0);
  if (cut) {
    const { name: named, type: of, shape } = cut.tensor;
    return refused(
      `Rows of ${shortened(named)} have ${shape.at(-1) ?? 0} numbers, which is not a whole number of blocks of ${weightsOf(of)} (${of}). Fetch the file again.`,
    );
  }
  const tables = await tablesOf(byName);
  if (typeof tables === 'string') return refused(tables);
  const facts: GgufFacts = {
    metadata,
    has: (tensor) => byName.has(tensor),
    shape: (tensor) => byName.get(tensor)?.tensor.shape,
  };
  const isLengthened = Object.keys(tables).length > 0 || metadata.text(metadata.own('rope.scaling.type')) === 'yarn';
  const odd = unfollowed(metadata, architecture, isLengthened) ?? architecture.refused?.(facts);
  if (odd !== undefined) return refused(odd);
  const config = runConfig(facts, architecture, byName, tables);
  if (config === undefined) return refused('This GGUF file describes no stack of layers. Convert the model again.');
  const plain = describeModel(config);
  const description: ModelDescription = {
    ...plain,
    title: shortened(metadata.text('general.name') ?? plain.title),
    parts: plain.parts.map((part) => ({
      ...part,
      ropes: part.ropes.map((rope) => ({
        ...rope,
        layout: architecture.rotation === 'neighbours' ? 'interleaved' : 'half',
      })),
    })),
  };
  const named = namedTensors(description, architecture, byName, facts);
  if (named.unread.length > 0) {
    const more = named.unread.length - 1;
    return refused(
      `The file holds ${shortened(named.unread[0] ?? '')}${more > 0 ? ` and ${more} more tensors` : ''}, which Headscope does not read for the architecture "${name}", so the results would be those of another model. Use the safetensors checkpoint.`,
    );
  }
  const lacking = (compareTensors(description, named.tensors)?.missing ?? []).filter(
    ({ name: of }) => !areExperts(of) && architecture.dropped?.test(of) !== true,
  );
  if (lacking[0] !== undefined) {
    const lacked = placeOf(lacking[0].name, architecture)?.name ?? lacking[0].name;
    return refused(`${lackSentence(lacked, lacking.length)} Fetch the file again.`);
  }
  return {
    ok: true,
    gguf: {
      architecture: name,
      stores: architecture,
      reordered:
        architecture.rotation === 'neighbours' &&
        plain.parts.some(({ ropes }) => ropes.some(({ layout }) => layout === 'half')),
      metadata,
      assumed: architecture.assumed?.(facts) ?? [],
      config,
      description,
      checkpoint: {
        folder: path,
        tensors: named.tensors,
        files: parts.map((part) => ({ name: part.name, path: part.path, size: part.header.fileSize })),
        problems: [],
        bytesRead: parts.reduce((sum, { header }) => sum + header.bytesRead, 0),
      },
    },
  };
}

const weightsOf = (type: string): number => tensorType(type)?.weights ?? 1;

/** Each part says which one it is: a part of another model, or one part under two names, is refused. */
function splitProblems(parts: readonly GgufPart[], count: number): readonly string[] {
  if (count === 1) return [];
  return parts.flatMap(({ name, header: { metadata } }, at) => {
    const [own, all] = [metadata.get('split.no'), metadata.get('split.count')];
    if (own === at && all === count) return [];
    return [
      `${name} says that it is part ${typeof own === 'number' ? own + 1 : 'none'} of ${typeof all === 'number' ? all : 'none'}, but its name says part ${at + 1} of ${count}.`,
    ];
  });
}

/** Keys that llama.cpp reads for every architecture, and what they are where they change nothing. */
const withoutEffect: readonly (readonly [key: string, values: readonly (number | boolean)[]])[] = [
  ['attention.causal', [true]],
  ['rope.scaling.attn_factor', [1]],
  ['rope.scaling.yarn_attn_factor', [1]],
  ['rope.scaling.yarn_ext_factor', [-1, 1]],
  ['rope.scaling.yarn_log_multiplier', [0]],
];

/** The first of them that changes something, as a sentence. With factors in tables, and in YaRN's form, the length of rotated vectors is followed. */
function unfollowed(metadata: Metadata, { follows = [] }: GgufArchitecture, isLengthened: boolean): string | undefined {
  for (const [key, values] of withoutEffect) {
    if (follows.includes(key)) continue;
    const value = metadata.ownNumber(key) ?? metadata.flag(metadata.own(key));
    if (value === undefined || values.includes(value) || (isLengthened && key === 'rope.scaling.attn_factor')) continue;
    return `The file gives ${value} as ${metadata.own(key)}, which Headscope does not follow, so its numbers would be those of another model.`;
  }
  return undefined;
}

type ByName = ReadonlyMap<string, { readonly tensor: GgufTensor; readonly part: GgufPart }>;

/** Factors that divide the frequencies of the rotation; conversion writes these alone, without the settings behind them. */
interface Tables {
  readonly all?: readonly number[];
  readonly long?: readonly number[];
  readonly short?: readonly number[];
}

const tableNames = { all: 'rope_freqs.weight', long: 'rope_factors_long.weight', short: 'rope_factors_short.weight' };

/** More factors than any head has numbers. */
const longestTable = 65_536;

async function tablesOf(tensors: ByName): Promise<Tables | string> {
  const tables: Record<string, readonly number[]> = {};
  for (const [key, name] of Object.entries(tableNames)) {
    const found = tensors.get(name);
    if (!found) continue;
    const { tensor, part } = found;
    if (tensor.type !== 'F32' || tensor.elements > longestTable)
      return `${name} has ${tensor.elements} numbers in ${tensor.type}, but factors of a rotation are at most ${longestTable} in F32. Fetch the file again.`;
    const { handle } = await openRegular(part.path);
    try {
      const bytes = Buffer.alloc(tensor.elements * 4);
      await handle.read(bytes, 0, bytes.length, part.header.dataStart + tensor.offset);
      const numbers = Array.from({ length: tensor.elements }, (_, at) => bytes.readFloatLE(at * 4));
      if (!numbers.every((factor) => Number.isFinite(factor) && factor > 0))
        return `${name} holds factors that are not numbers above 0. Fetch the file again.`;
      tables[key] = numbers;
    } finally {
      await handle.close();
    }
  }
  return tables;
}

/** The config with what the architecture implies, cut to the keys that the family's class has. */
function runConfig(
  facts: GgufFacts,
  { config: own }: GgufArchitecture,
  byName: ByName,
  tables: Tables,
): JsonObject | undefined {
  const { metadata } = facts;
  const tensors = [...byName.values()].map(({ tensor }) => tensor);
  const whole = configOf(metadata, tensors);
  if (whole === undefined) return undefined;
  const epsilon = metadata.ownNumber('attention.layer_norm_epsilon');
  const config: JsonObject = {
    ...whole,
    // Families name it differently; each reads its own key.
    ...(epsilon === undefined ? {} : { layer_norm_eps: epsilon, norm_epsilon: epsilon, norm_eps: epsilon }),
    ...own?.(facts),
    ...tokenIdsOf(metadata),
    ...scalingOf(metadata, tables),
  };
  const family = familyById(describeModel({ model_type: config['model_type'] ?? null }).family);
  const known = { ...baseKeys, ...family?.run };
  return Object.fromEntries(Object.entries(config).filter(([key]) => Object.hasOwn(known, key)));
}

function scalingOf(metadata: Metadata, { all, long, short }: Tables): JsonObject {
  const context = metadata.ownNumber('context_length') ?? 0;
  const original = metadata.ownNumber('rope.scaling.original_context_length');
  const factor = metadata.ownNumber('rope.scaling.attn_factor');
  if (long !== undefined && short !== undefined) {
    return {
      rope_scaling: {
        rope_type: 'longrope',
        long_factor: long,
        short_factor: short,
        original_max_position_embeddings: original ?? context,
        attention_factor: factor ?? 1,
      },
    };
  }
  if (all === undefined) return {};
  return {
    rope_scaling: {
      ...{ rope_type: 'longrope', long_factor: all, short_factor: all },
      ...{ original_max_position_embeddings: context, attention_factor: factor ?? 1 },
    },
  };
}

/** Tensors under the names of the family's checkpoints; `unread` are those of the file that have no such name. */
function namedTensors(
  description: ModelDescription,
  architecture: GgufArchitecture,
  byName: ByName,
  facts: GgufFacts,
): { readonly tensors: readonly GgufCheckpointTensor[]; readonly unread: readonly string[] } {
  const { made, idle } = architecture;
  const tensors: GgufCheckpointTensor[] = [];
  const read = new Set<string>(Object.values(tableNames));
  for (const expected of expectedTensors(description) ?? []) {
    for (const name of namesOf(expected)) {
      const at = made && inLayerOf(name);
      const recipe = at && made(at.name, at.block, facts);
      const found = recipe
        ? madeTensor(name, expected, recipe, byName)
        : storedTensor(name, expected, architecture, byName);
      if (found === undefined) continue;
      for (const part of found.from) read.add(part);
      tensors.push(found.tensor);
    }
  }
  const blocks = description.parts[0]?.layers.length ?? 0;
  const isCopy = copies(facts, blocks);
  const isIdle = (name: string): boolean => isBeyond(name, blocks) || isCopy(name) || idle?.test(name) === true;
  const unread = [...byName.keys()].filter((name) => !read.has(name) && !isIdle(name));
  return { tensors, unread };
}

/** Keys and values of layers that read those of another: conversion writes them, and no model reads them. */
function copies({ metadata }: GgufFacts, blocks: number): (name: string) => boolean {
  const first = blocks - (metadata.ownNumber('attention.shared_kv_layers') ?? 0);
  return (name) => Number(/^blk\.(\d{1,6})\.attn_(?:k|v|k_norm)\./.exec(name)?.[1] ?? -1) >= first;
}

interface Found {
  readonly tensor: GgufCheckpointTensor;
  /** Names of what it is read from. */
  readonly from: readonly string[];
}

const placeOf = (name: string, { place, names }: GgufArchitecture): GgufPlace | undefined =>
  place ? place(name) : placeInGguf(name, names);

function storedTensor(
  name: string,
  { shape: asked }: ExpectedTensor,
  architecture: GgufArchitecture,
  byName: ByName,
): Found | undefined {
  const place = placeOf(name, architecture);
  // Conversion leaves the suffix of some norms out (Falcon-H1).
  const found = place && (byName.get(place.name) ?? byName.get(place.name.replace(/\.weight$/, '')));
  if (!found) return undefined;
  const whole = placed(found);
  const [items = 1, ...rest] = whole.shape;
  const { item } = place;
  // An item that is not there is reported as missing, like any tensor.
  if (item !== undefined && item >= items) return undefined;
  const length = item === undefined ? whole.length : whole.length / items;
  const shape = fitted(item === undefined ? whole.shape : rest, asked);
  return {
    tensor: { ...whole, name, shape, offset: whole.offset + (item ?? 0) * length, length },
    from: [found.tensor.name],
  };
}

/** Undefined if a part is not in the file, or if their sizes contradict each other: the tensor is reported as missing. */
function madeTensor(
  name: string,
  { shape: asked }: ExpectedTensor,
  { parts: named, rows, ...how }: MadeTensor,
  byName: ByName,
): Found | undefined {
  const parts = named.flatMap(({ name: part, transposed }) => {
    const found = byName.get(part);
    if (!found) return [];
    const whole = placed(found);
    // A file may have a vector as a column.
    const shape = asked.length === 1 ? whole.shape.filter((axis) => axis !== 1) : whole.shape;
    return [{ ...whole, shape, ...(transposed ? { transposed } : {}) }];
  });
  const [first] = parts;
  if (parts.length < named.length || !first) return undefined;
  const ranges = rows ?? wholeParts(parts);
  const { columns } = axesOf(first);
  const areRows = ({ part, first: start, count }: RowRange): boolean =>
    [start, count].every((value) => Number.isInteger(value) && value >= 0) &&
    start + count <= axesOf(parts[part] ?? { shape: [0] }).rows;
  const areColumns = (how.columns ?? []).every(({ first: start, count }) => start >= 0 && start + count <= columns);
  if (!areColumns || !parts.every((part) => axesOf(part).columns === columns) || !ranges.every(areRows))
    return undefined;
  const count = ranges.reduce((sum, range) => sum + range.count, 0);
  return {
    tensor: {
      ...{ ...first, name, shape: fitted([count, columns], asked) },
      length: parts.reduce((sum, part) => sum + part.length, 0),
      made: { parts, rows: ranges, how },
    },
    from: named.map(({ name: part }) => part),
  };
}

/** A tensor as it lies in the file. */
const placed = ({ tensor, part }: { readonly tensor: GgufTensor; readonly part: GgufPart }): CheckpointTensor => ({
  ...{ name: tensor.name, dtype: tensor.type, shape: tensor.shape, file: part.path },
  ...{ offset: part.header.dataStart + tensor.offset, length: tensor.bytes ?? 0 },
});

/** GGUF leaves out axes of length 1, divides some vectors into groups, and may have rows of several items one after the other. */
function fitted(shape: readonly number[], asked: readonly number[]): readonly number[] {
  const size = (axes: readonly number[]): number => axes.reduce((product, axis) => product * axis, 1);
  const isVector = asked.length === 1 && size(shape) === asked[0];
  const isRows = shape.length === 2 && shape[1] === asked.at(-1) && size(shape) === size(asked);
  return isVector || isRows || squeezed(shape) === squeezed(asked) ? asked : shape;
}

/** The names of a kind of tensor. Where a checkpoint has the maps of all experts in one tensor, each map is named. */
function* namesOf(expected: ExpectedTensor): Generator<string> {
  for (const whole of tensorNames(expected)) {
    if (!areExperts(whole)) {
      yield whole;
      continue;
    }
    const maps = isDown(whole) ? (['down_proj'] as const) : (['gate_proj', 'up_proj'] as const);
    for (let expert = 0; expert < (expected.shape[0] ?? 0); expert++)
      yield* maps.flatMap((map) => expertMap(whole, expert, map) ?? []);
  }
}

const squeezed = (shape: readonly number[]): string => shape.filter((size) => size !== 1).join();

/** Blocks that predict further tokens come after those of the model. */
const isBeyond = (name: string, blocks: number): boolean => {
  const block = /^blk\.(\d{1,6})\./.exec(name)?.[1];
  return block !== undefined && Number(block) >= blocks;
};
