/** What the files of sentence-transformers say of a model's embeddings: modules.json, and the folders of pooling and dense layers. */
import { basename, dirname, join } from 'node:path';
import { isObject } from '../../../models/formats/config/config-reader';
import { parseConfig } from '../../../models/formats/config/parse-config';
import { readFolderFile } from '../../../models/formats/folder-file';
import { largestConfig } from '../../../models/formats/model-folder';
import { openCheckpoint } from '../../../models/formats/safetensors/checkpoint';
import type { StoredTensor } from '../../../models/architectures/stored-weights';
import { poolingModes, type PoolingMode } from './pooling';
import type { ReadActivation } from './steps';

export interface EmbeddingHead {
  readonly modes: readonly PoolingMode[];
  /** Behind the pooling, in turn. */
  readonly modules: readonly EmbeddingModule[];
  readonly width: number;
}

export type EmbeddingModule =
  | { readonly kind: 'normalised' }
  | {
      readonly kind: 'dense';
      /** Folder that the locations of its tensors are relative to. */
      readonly folder: string;
      readonly weight: StoredTensor;
      readonly bias?: StoredTensor;
      readonly inputs: number;
      readonly outputs: number;
      readonly activation: ReadActivation;
    };

/** Undefined where the folder is of no such model; a sentence where its files cannot be followed. `hidden`: width of a row. */
export async function readEmbeddingHead(folder: string, hidden: number): Promise<EmbeddingHead | string | undefined> {
  try {
    return await embeddingHead(folder, hidden);
  } catch (error) {
    if (error instanceof Unread) return error.message;
    throw error;
  }
}

/** One sentence. */
class Unread extends Error {}

async function embeddingHead(folder: string, hidden: number): Promise<EmbeddingHead | undefined> {
  const modules = await jsonOf(folder, 'modules.json', true);
  if (modules === undefined) return undefined;
  if (!Array.isArray(modules)) throw new Unread(`modules.json is no list of modules. ${again}`);
  let modes: readonly PoolingMode[] | undefined;
  const behind: EmbeddingModule[] = [];
  let width = hidden;
  for (const one of modules as readonly unknown[]) {
    const { type, path } = isObject(one) ? one : {};
    if (typeof type !== 'string' || typeof path !== 'string')
      throw new Unread(`modules.json names a module without a type and a path. ${again}`);
    const kind = type.split('.').at(-1) ?? type;
    if (kind === 'Transformer') continue;
    if (kind === 'Pooling' && !modes) {
      modes = await readModes(folder, `${path}/config.json`, hidden);
      width = modes.length * hidden;
    } else if (kind === 'Normalize' && modes) behind.push({ kind: 'normalised' });
    else if (kind === 'Dense' && modes) {
      const dense = await readDense(folder, path, width);
      behind.push(dense);
      width = dense.outputs;
    } else
      throw new Unread(
        `modules.json has a module "${kind}" where Headscope follows Transformer, Pooling, Dense and Normalize in this order, so embeddings are not computed.`,
      );
  }
  return modes && { modes, modules: behind, width };
}

const again = 'Fetch the file again.';

async function jsonOf(folder: string, name: string, mayLack = false): Promise<unknown> {
  const read = await readFolderFile(folder, name, largestConfig);
  if (!read.ok) {
    if (mayLack && read.code === 'not-found') return undefined;
    throw new Unread(
      read.code === 'not-found' ? `${name} is missing, and modules.json names it. ${again}` : read.message,
    );
  }
  const parsed = parseConfig(read.text);
  if (!parsed.ok) throw new Unread(`${name} cannot be read: ${parsed.message}`);
  return parsed.value;
}

async function readModes(folder: string, name: string, hidden: number): Promise<readonly PoolingMode[]> {
  const config = await jsonOf(folder, name);
  if (!isObject(config)) throw new Unread(`${name} is no object. ${again}`);
  const { word_embedding_dimension: width, pooling_mode: word, ...flags } = config;
  if (typeof width === 'number' && width !== hidden)
    throw new Unread(`${name} pools rows of ${width} numbers, and the model has rows of ${hidden}. ${again}`);
  if (typeof word === 'string') {
    const named = poolingModes.find((mode) => mode === word.toLowerCase());
    if (!named) throw new Unread(unknownMode(name, word));
    return [named];
  }
  const on = Object.entries(flags).flatMap(([key, value]) => {
    const mode = /^pooling_mode_(.+)$/.exec(key)?.[1];
    return mode !== undefined && value === true ? [mode] : [];
  });
  const names: Readonly<Record<string, PoolingMode>> = {
    cls_token: 'cls',
    max_tokens: 'max',
    mean_tokens: 'mean',
    weightedmean_tokens: 'weightedmean',
  };
  const known = on.map((mode): PoolingMode => {
    const own = names[mode] ?? poolingModes.find((one) => one === mode);
    if (!own) throw new Unread(unknownMode(name, mode));
    return own;
  });
  // The class takes the mean where nothing is said of it.
  const all = flags['pooling_mode_mean_tokens'] === undefined ? [...known, 'mean' as const] : known;
  if (all.length === 0)
    throw new Unread(`${name} switches every mode of pooling off. Switch one on, e.g. pooling_mode_mean_tokens.`);
  return poolingModes.filter((mode) => all.includes(mode));
}

const unknownMode = (name: string, mode: string): string =>
  `${name} names the pooling mode "${mode.slice(0, 40)}", and Headscope knows ${poolingModes.join(', ')}. Choose one of these.`;

const activationNames: Readonly<Record<string, ReadActivation>> = {
  Tanh: 'tanh',
  Identity: 'identity',
  ReLU: 'relu',
  GELU: 'gelu',
  Sigmoid: 'sigmoid',
  SiLU: 'silu',
};

async function readDense(
  folder: string,
  path: string,
  inputs: number,
): Promise<Extract<EmbeddingModule, { kind: 'dense' }>> {
  const name = `${path}/config.json`;
  const config = await jsonOf(folder, name);
  const { in_features: reads, out_features: outputs, activation_function: said, bias } = isObject(config) ? config : {};
  if (reads !== inputs)
    throw new Unread(
      `${name} reads ${typeof reads === 'number' ? reads : 'no'} numbers, and what stands in front gives ${inputs}. ${again}`,
    );
  const named = typeof said === 'string' ? said.slice(0, 60) : '';
  const activation = activationNames[named.split('.').at(-1) ?? ''];
  if (!activation || typeof outputs !== 'number')
    throw new Unread(
      `${name} names the activation "${named}", and Headscope knows ${Object.keys(activationNames).join(', ')}.`,
    );
  const { tensors } = await openCheckpoint(join(folder, path));
  const stored = (tensor: string, shape: readonly number[]): StoredTensor => {
    const found = tensors.find((one) => one.name === tensor);
    if (!found || !['F32', 'F16', 'BF16'].includes(found.dtype))
      throw new Unread(
        `${path} has no ${tensor} in safetensors, so embeddings are not computed. Fetch ${path}/model.safetensors.`,
      );
    if (found.shape.join() !== shape.join())
      throw new Unread(
        `${tensor} of ${path} is [${found.shape.join(', ')}], and ${name} makes it [${shape.join(', ')}]. ${again}`,
      );
    return { ...found, location: basename(found.file) };
  };
  return {
    kind: 'dense',
    folder: dirname(tensors[0]?.file ?? folder),
    weight: stored('linear.weight', [outputs, inputs]),
    ...(bias === false ? {} : { bias: stored('linear.bias', [outputs]) }),
    inputs,
    outputs,
    activation,
  };
}
