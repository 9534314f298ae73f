import { readdir } from 'node:fs/promises';
import { readFolderFile } from '../folder-file';
import { fileIdentity } from '../regular-file';
import { shortened } from '../short-text';
import { resolveInside } from '../containment';
import type { HeaderProblemCode } from './header';
import { mostHeaderBytes, readSafetensorsHeader, type HeaderRoom } from './read-header';
import type { ShardIndex } from './shard-index';
import { parseShardIndex } from './shard-index';

export interface CheckpointTensor {
  readonly name: string;
  /** As safetensors writes it: `BF16`, `F32`, … */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Real path of the file. */
  readonly file: string;
  /** First byte in the file. */
  readonly offset: number;
  readonly length: number;
}

type CheckpointProblemCode =
  | HeaderProblemCode
  | 'no-weights'
  | 'bad-index'
  | 'shard-missing'
  | 'shard-unreadable'
  | 'outside-folder'
  | 'duplicate-tensor'
  | 'not-in-shard'
  | 'not-in-index'
  | 'total-size';

export interface CheckpointProblem {
  readonly code: CheckpointProblemCode;
  readonly message: string;
  /** Name of the file within the folder. */
  readonly file?: string;
  readonly tensor?: string;
}

export interface Checkpoint {
  readonly folder: string;
  readonly tensors: readonly CheckpointTensor[];
  readonly files: readonly { readonly name: string; readonly path: string; readonly size: number }[];
  readonly index?: ShardIndex;
  readonly problems: readonly CheckpointProblem[];
  /** Bytes read to learn all this. */
  readonly bytesRead: number;
}

const indexName = 'model.safetensors.index.json';
/** An index of a million tensors is smaller. */
const largestIndex = 256_000_000;
const atOnce = 16;

/** Which files hold the weights: the index's shards, else `model.safetensors`, else the only safetensors file there is. */
async function findFiles(folder: string, problems: CheckpointProblem[]) {
  let bytesRead = 0;
  const indexed = await readFolderFile(folder, indexName, largestIndex);
  if (indexed.ok) {
    const parsed = parseShardIndex(indexed.text);
    bytesRead += indexed.bytes;
    if (parsed.ok) return { names: parsed.index.shards, index: parsed.index, bytesRead };
    problems.push({ code: 'bad-index', message: `${indexName}: ${parsed.message}`, file: indexName });
  } else if (indexed.code !== 'not-found') {
    problems.push({ code: 'bad-index', message: indexed.message, file: indexName });
  }
  const present = (await readdir(folder).catch((): string[] => [])).filter((name) => name.endsWith('.safetensors'));
  const shards = present.filter((name) => /^model-\d+-of-\d+\.safetensors$/.test(name)).sort();
  const names = present.includes('model.safetensors')
    ? ['model.safetensors']
    : shards.length > 0
      ? shards
      : present.length === 1
        ? present
        : [];
  if (names.length === 0) {
    problems.push({ code: 'no-weights', message: 'The folder holds no model.safetensors and no index of shards.' });
  }
  return { names, index: undefined, bytesRead };
}

/** Every tensor of a model folder with its place in its file, by reading headers only. */
export async function openCheckpoint(
  folder: string,
  room: HeaderRoom = { bytes: mostHeaderBytes },
): Promise<Checkpoint> {
  const problems: CheckpointProblem[] = [];
  const { names, index, bytesRead: indexBytes } = await findFiles(folder, problems);
  const files: { name: string; path: string; size: number }[] = [];
  const tensors: CheckpointTensor[] = [];
  const owners = new Map<string, string>();
  let bytesRead = indexBytes;

  const places = await mapAtOnce(names, atOnce, async (name) => {
    const place = await resolveInside(folder, name);
    return { name, place, identity: place.ok ? await fileIdentity(place.path) : undefined };
  });
  /** The first name of each file: what leads to it again holds nothing more. */
  const firstOf = new Map<string | undefined, string>();
  for (const { name, identity } of places) if (!firstOf.has(identity)) firstOf.set(identity, name);
  const scans = await mapAtOnce(places, atOnce, async ({ name, place, identity }) => {
    const first = firstOf.get(identity);
    const same = place.ok && first !== name ? first : undefined;
    return { name, place, same, read: place.ok && !same ? await readSafetensorsHeader(place.path, room) : undefined };
  });
  for (const { name, place, same, read } of scans) {
    if (!place.ok) {
      const code = place.code === 'not-found' ? 'shard-missing' : 'outside-folder';
      problems.push({ code, message: place.message, file: name });
      continue;
    }
    if (same !== undefined) {
      const message = `${shortened(name)} is the same file as ${shortened(same)}, and a file is only one shard of a model.`;
      problems.push({ code: 'shard-unreadable', message, file: name });
      continue;
    }
    if (read?.ok !== true) {
      const code = read?.code === 'not-found' ? 'shard-missing' : 'shard-unreadable';
      problems.push({ code, message: `${name}: ${read?.message ?? ''}`, file: name });
      continue;
    }
    const { header } = read;
    bytesRead += header.bytesRead;
    files.push({ name, path: place.path, size: header.fileSize });
    for (const problem of header.problems) {
      problems.push({ ...problem, message: `${name}: ${problem.message}`, file: name });
    }
    for (const tensor of header.tensors) {
      const owner = owners.get(tensor.name);
      if (owner !== undefined) {
        const message = `${shortened(tensor.name)} is in ${owner} and in ${name}.`;
        problems.push({ code: 'duplicate-tensor', message, file: name, tensor: tensor.name });
        continue;
      }
      owners.set(tensor.name, name);
      tensors.push({
        name: tensor.name,
        dtype: tensor.dtype,
        shape: tensor.shape,
        file: place.path,
        offset: header.dataStart + tensor.begin,
        length: tensor.end - tensor.begin,
      });
    }
  }
  if (index !== undefined) compareWithIndex(index, owners, new Set(files.map(({ name }) => name)), tensors, problems);
  return { folder, tensors, files, ...(index === undefined ? {} : { index }), problems, bytesRead };
}

function compareWithIndex(
  index: ShardIndex,
  owners: ReadonlyMap<string, string>,
  read: ReadonlySet<string>,
  tensors: readonly CheckpointTensor[],
  problems: CheckpointProblem[],
): void {
  for (const [tensor, file] of index.weightMap) {
    if (owners.has(tensor) || !read.has(file)) continue;
    problems.push({
      code: 'not-in-shard',
      message: `${shortened(tensor)} is not in ${shortened(file)}, where the index puts it.`,
      file,
      tensor,
    });
  }
  for (const [tensor, file] of owners) {
    if (index.weightMap.has(tensor)) continue;
    problems.push({
      code: 'not-in-index',
      message: `${shortened(tensor)} of ${file} is not in the index.`,
      file,
      tensor,
    });
  }
  const bytes = tensors.reduce((sum, { length }) => sum + length, 0);
  if (index.totalSize !== undefined && index.totalSize !== bytes && read.size === index.shards.length) {
    const message = `The index gives ${index.totalSize} bytes of tensors, and the shards hold ${bytes}.`;
    problems.push({ code: 'total-size', message, file: indexName });
  }
}

async function mapAtOnce<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      results[at] = await work(items[at] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
