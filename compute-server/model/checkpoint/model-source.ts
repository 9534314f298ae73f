/** What a model is opened from: the files of a checkpoint folder, or a GGUF file. */
import { open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { runnable, type SpecifiedModel } from '../../../models/architectures/catalogue';
import { requireFit } from '../../../models/architectures/fit';
import { asGgufStores, ggufTensor } from '../../../models/architectures/gguf-weights';
import { asStored, type StoredTensor } from '../../../models/architectures/stored-weights';
import { readAdapterConfig, type AdapterConfig } from '../../../models/formats/adapter/adapter-config';
import { isObject } from '../../../models/formats/config/config-reader';
import { resolveInside } from '../../../models/formats/containment';
import { parseConfig } from '../../../models/formats/config/parse-config';
import { describeModel } from '../../../models/formats/describe-model';
import { readFolderFile, type FolderFile } from '../../../models/formats/folder-file';
import type { GgufArchitecture } from '../../../models/formats/gguf/architecture';
import { openGguf } from '../../../models/formats/gguf/checkpoint';
import { isOllamaManifest } from '../../../models/formats/gguf/ollama';
import { tokenizerValues } from '../../../models/formats/gguf/token-keys';
import { namedGguf, nameOfGguf, towersBeside } from '../../../models/formats/gguf/parts';
import { mainPart, type ModelDescription } from '../../../models/formats/model-description';
import { largestConfig, ownFamiliesOf, withQuantisationBeside } from '../../../models/formats/model-folder';
import { adapterFile, adapterWeights } from '../../../models/formats/read-adapter';
import { findOther, folderOfBase } from '../../../models/formats/read-other';
import { readSafetensorsHeader } from '../../../models/formats/safetensors/read-header';
import {
  openCheckpoint,
  type Checkpoint,
  type CheckpointProblem,
  type CheckpointTensor,
} from '../../../models/formats/safetensors/checkpoint';
import { FailureError } from '../../../protocol/wire/failures';
import type { PoolingMode } from '../readout/pooling';
import type { BaseStores } from './adapted-tensors';
import { openGgufTokeniser, openTokeniser, type TokeniserOutcome } from '../text/tokeniser';

export interface ModelSource {
  /** The folder, or the file where the model is one. */
  readonly folder: string;
  /** The folder of the other files that a run reads; for an adapter, that of its base. */
  readonly filesFolder: string;
  readonly name: string;
  /** config.json as stored; for a GGUF file, the one that its header amounts to. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Text of the config, for the hash of the model. */
  readonly text: string;
  readonly description: ModelDescription;
  readonly checkpoint: Checkpoint;
  /** A tensor of the checkpoint with its number format; `at` gives the location of a file as in StoredTensor. */
  readonly storedTensor: (tensor: CheckpointTensor, at: (file: string) => string) => StoredTensor;
  /** The specification, adapted to how these files store the weights. */
  readonly stores: (specified: SpecifiedModel) => SpecifiedModel;
  /** Throws ModelError where config and weights do not fit together, and says what would be left unread. */
  readonly fits: (specified: SpecifiedModel) => readonly string[];
  readonly readTokeniser: () => Promise<TokeniserOutcome>;
  /** How a text becomes one vector, where a GGUF file says it; a folder has files for it. */
  readonly pooling?: PoolingMode;
  /** How its files hold matrices, for an adapter that is put on it. */
  readonly holds?: BaseStores;
  /** What is put on the model, from a folder of its own. */
  readonly adapter?: {
    readonly folder: string;
    readonly config: AdapterConfig;
    readonly tensors: readonly CheckpointTensor[];
    /** Name of the model that it is put on. */
    readonly base: string;
  };
}

export const unusable = (folder: string, detail: string): FailureError =>
  new FailureError({ code: 'model-unusable', folder, detail });

/** `adapter`: the folder of an adapter that is put on the model. Refuses, in a sentence, what cannot be run. */
export async function openSource(path: string, adapter?: string): Promise<ModelSource> {
  const file = await ggufOf(path);
  const found = file === undefined ? await findOther(path) : undefined;
  const own = found?.kind === 'other' && basename(found.path) === adapterFile ? found.path : undefined;
  if (adapter === undefined) {
    if (own !== undefined) return openAdapter(own);
    return file === undefined ? openFolder(path) : openFile(file);
  }
  if (own !== undefined)
    throw unusable(
      path,
      'It is an adapter itself, but an adapter needs a base. Name the folder or the GGUF file of its base.',
    );
  const base = file === undefined ? await openFolder(path) : await openFile(file);
  const put = await openAdapter(join(adapter, adapterFile), base);
  return { ...put, folder: put.filesFolder };
}

/** A folder of PEFT on its base model: the one that is given, else the one of that name beside it. */
async function openAdapter(path: string, given?: ModelSource): Promise<ModelSource> {
  const folder = await folderOf(dirname(path));
  if (given && (await stat(path).catch(() => undefined)) === undefined)
    throw unusable(folder, `It has no ${adapterFile}, so it is not an adapter. Name a folder that PEFT wrote.`);
  const read = await readFolderFile(folder, adapterFile, largestConfig);
  const parsed = read.ok ? parseConfig(read.text) : undefined;
  const config = parsed?.ok === true && isObject(parsed.value) ? readAdapterConfig(parsed.value) : undefined;
  if (!read.ok || config === undefined)
    throw unusable(folder, `Its ${adapterFile} describes no adapter. Fetch the file again.`);
  const base = given ?? (await openFolder(await baseBeside(folder, config)));
  const place = await resolveInside(folder, adapterWeights);
  const header = place.ok ? await readSafetensorsHeader(place.path) : undefined;
  if (!place.ok || header?.ok !== true || header.header.problems.length > 0)
    throw unusable(folder, `Its ${adapterWeights} is missing or cannot be read. Fetch the file again.`);
  const { dataStart, tensors, fileSize } = header.header;
  const file = place.path;
  return {
    ...base,
    folder,
    name: `${basename(folder)} on ${base.name}`,
    text: `${base.text}\n${read.text}`,
    description: base.holds ? base.description : await withQuantisationBeside(base.description, base.folder),
    checkpoint: {
      ...base.checkpoint,
      files: [...base.checkpoint.files, { name: adapterWeights, path: file, size: fileSize }],
    },
    adapter: {
      ...{ folder, config, base: base.name },
      tensors: tensors.map(({ name, dtype, shape, begin, end }) => ({
        ...{ name, dtype, shape, file, offset: dataStart + begin, length: end - begin },
      })),
    },
  };
}

async function baseBeside(folder: string, { baseModel }: AdapterConfig): Promise<string> {
  if (baseModel === undefined)
    throw unusable(folder, `Its ${adapterFile} names no base model. Write its name into base_model_name_or_path.`);
  const at = folderOfBase(join(folder, adapterFile), baseModel);
  if ((await stat(at).catch(() => undefined)) !== undefined) return at;
  throw unusable(
    folder,
    `It is an adapter of ${baseModel}, which is not beside it. Put that model into ${at}, or name its folder and give this one as the adapter.`,
  );
}

/** The GGUF file that a path stands for: itself, or the one of a folder without a config.json. */
async function ggufOf(path: string): Promise<GgufPath | undefined> {
  const about = await stat(path).catch(() => undefined);
  if (about?.isDirectory() === true) {
    const found = await findOther(path);
    if (found.kind === 'several') throw unusable(path, found.message);
    const inside = found.kind === 'other' && found.path.endsWith('.gguf') ? resolve(found.path) : undefined;
    return inside === undefined ? undefined : { path: inside, file: inside };
  }
  // Ollama names its files by their hashes.
  if (!path.endsWith('.gguf') && !isOllamaManifest(path) && !(about?.isFile() === true && (await beginsAsGguf(path))))
    return undefined;
  return { path: resolve(path), file: await namedGguf(resolve(path)) };
}

interface GgufPath {
  /** As it was named. */
  readonly path: string;
  /** What is read: another file if the named one is a link. */
  readonly file: string;
}

async function beginsAsGguf(path: string): Promise<boolean> {
  const handle = await open(path, 'r').catch(() => undefined);
  if (!handle) return false;
  try {
    const { buffer } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return buffer.toString('latin1') === 'GGUF';
  } finally {
    await handle.close();
  }
}

/** Values of `pooling_type`. 0 is none, and 4 scores a pair of texts instead of giving a vector. */
const poolings: readonly (PoolingMode | undefined)[] = [undefined, 'mean', 'cls', 'lasttoken'];

async function openFile({ path, file }: GgufPath): Promise<ModelSource> {
  const opened = await openGguf(file);
  if (!opened.ok) throw unusable(path, opened.message);
  const { config, description, checkpoint, metadata, assumed, stores, reordered } = opened.gguf;
  const verdict = runnable(description);
  if (verdict !== true) throw unusable(path, verdict);
  const pooling = poolings[metadata.ownNumber('pooling_type') ?? 0];
  const towers = await towersBeside(file);
  const unread = towers.map(
    (name) => `${name} beside it holds what reads pictures or sound for this model. Only the text part runs.`,
  );
  return {
    folder: path,
    filesFolder: path,
    name: nameOfGguf(path) ?? metadata.text('general.name') ?? basename(path),
    config,
    // With the tokenizer, as the hash of a folder covers its tokenizer.json.
    text: JSON.stringify([config, tokenizerValues(metadata)]),
    description,
    checkpoint,
    storedTensor: ggufTensor,
    stores: (specified) => asGgufStores(specified, stores),
    // What is lacking or would be left unread was refused when the file was opened.
    fits: () => [...assumed, ...unread],
    holds: { converted: true, ...rowOrderOf(description, stores, reordered) },
    readTokeniser: () => Promise.resolve(openGgufTokeniser(metadata)),
    ...(pooling === undefined ? {} : { pooling }),
  };
}

function rowOrderOf(
  description: ModelDescription,
  { fused }: GgufArchitecture,
  reordered: boolean,
): Pick<BaseStores, 'rowOrder'> {
  if (fused !== undefined) return { rowOrder: groupsOf(description) };
  return reordered ? { rowOrder: pairsOf(description) } : {};
}

/**
 * Conversion puts all queries of a joint projection first, then all keys and all values. The class has them by heads of keys: the queries
 * that read them, the key and the value.
 */
const groupsOf =
  (description: ModelDescription): NonNullable<BaseStores['rowOrder']> =>
  (module) => {
    const { heads, kvHeads, headDim } = mainPart(description) ?? {};
    if (heads === undefined || kvHeads === undefined || headDim === undefined) return undefined;
    if (!module.endsWith('.query_key_value')) return undefined;
    const queries = heads / kvHeads;
    return (row) => {
      const head = Math.floor(row / headDim);
      const isQuery = head < heads;
      const group = isQuery ? Math.floor(head / queries) : (head - heads) % kvHeads;
      const inGroup = isQuery ? head % queries : queries + Math.floor((head - heads) / kvHeads);
      return (group * (queries + 2) + inGroup) * headDim + (row % headDim);
    };
  };

/**
 * Conversion puts row i of the first half of a head, and of the second, at 2i and 2i + 1 where llama.cpp rotates neighbours
 * (`permute` of convert_hf_to_gguf.py).
 */
const pairsOf =
  (description: ModelDescription): NonNullable<BaseStores['rowOrder']> =>
  (module) => {
    const width = mainPart(description)?.headDim;
    if (width === undefined || !/\.\d+\..*\.(q|k)_proj$/.test(module)) return undefined;
    return (row) => {
      const at = row % width;
      return row - at + (at % 2) * (width / 2) + Math.floor(at / 2);
    };
  };

async function openFolder(path: string): Promise<ModelSource> {
  const folder = await folderOf(path);
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
  return {
    folder,
    filesFolder: folder,
    name: basename(folder),
    config: parsed.value as Readonly<Record<string, unknown>>,
    text,
    description,
    checkpoint,
    storedTensor: (tensor, at) => asStored(tensor, at(tensor.file)),
    stores: (specified) => specified,
    fits: (specified) => requireFit(description, checkpoint.tensors, specified),
    readTokeniser: () => openTokeniser(folder),
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
