/** The files of an opened model: which model they are, and whether they are still those that were opened. */
import { createHash, type Hash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { largestTokenizer } from '../../../models/formats/companions/tokenizer-vocabulary';
import { readFolderFile } from '../../../models/formats/folder-file';
import { largestConfig, quantisationFiles } from '../../../models/formats/model-folder';
import type { Checkpoint, CheckpointTensor } from '../../../models/formats/safetensors/checkpoint';

/** Files beside the weights that decide what a run gives. */
const besides = [
  'config.json',
  ...quantisationFiles,
  'adapter_config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'chat_template.json',
  'preprocessor_config.json',
  'processor_config.json',
];

export interface WatchedFiles {
  /** Hash of sizes and change times, for caches on this machine. A copy of the model has another one. */
  readonly stamp: string;
  /** The first file that is gone or no longer what it was, as one sentence. */
  readonly changed: () => Promise<string | undefined>;
}

/** `folders`: that of the model, and for an adapter that of its base. */
export async function watchFiles(folders: readonly string[], { files }: Checkpoint): Promise<WatchedFiles> {
  const paths = [
    ...folders.flatMap((folder) => besides.map((name) => join(folder, name))),
    ...files.map(({ path }) => path),
  ];
  const stamps = await Promise.all(paths.map(async (file) => ({ file, stamp: await stampOf(file) })));
  return {
    stamp: createHash('sha256')
      .update(JSON.stringify(stamps.map(({ stamp }) => stamp)))
      .digest('hex')
      .slice(0, 16),
    changed: async () => {
      for (const { file, stamp } of stamps) {
        const now = await stampOf(file);
        if (now === stamp) continue;
        return `${basename(file)} ${now === undefined ? 'is gone' : 'was changed'} since the model was opened. Run again when the folder is complete.`;
      }
      return undefined;
    },
  };
}

/** Size and time of change; undefined when there is no such file. */
export async function stampOf(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  try {
    const { mtimeMs, size } = await stat(file);
    return `${size}.${mtimeMs}`;
  } catch {
    return undefined;
  }
}

/** Bytes of each tensor that are hashed, from its middle; smaller tensors are hashed whole. */
const sampled = 4096;
/** Tensors that are sampled at most, spread over the checkpoint: reads of a slow disk stay within seconds. */
const mostSampled = 2048;

/**
 * SHA-256 (its first 16 hexadecimal digits) over config.json, tokenizer.json, the files that describe quantised weights, name, type and
 * shape of every tensor, and 4 KiB
 * from the middle of each tensor, of {@link mostSampled} at most. A copy of the folder, a clone or another sharding of the same
 * weights has the same hash.
 */
export async function hashOfModel(folder: string, config: string, { tensors }: Checkpoint): Promise<string> {
  const hash = createHash('sha256').update(config);
  const tokenizer = await readFolderFile(folder, 'tokenizer.json', largestTokenizer);
  hash.update(JSON.stringify(tokenizer.ok ? tokenizer.text : null));
  for (const name of quantisationFiles) {
    const beside = await readFolderFile(folder, name, largestConfig);
    if (beside.ok) hash.update(JSON.stringify([name, beside.text]));
  }
  const ordered = [...tensors].sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const { name, dtype, shape } of ordered) hash.update(JSON.stringify([name, dtype, shape]));
  const step = Math.max(1, ordered.length / mostSampled);
  const chosen = Array.from(
    { length: Math.min(ordered.length, mostSampled) },
    (_, at) => ordered[Math.floor(at * step)],
  );
  await addSamples(
    hash,
    chosen.filter((tensor) => tensor !== undefined),
  );
  return hash.digest('hex').slice(0, 16);
}

async function addSamples(hash: Hash, tensors: readonly CheckpointTensor[]): Promise<void> {
  const handles = new Map<string, Awaited<ReturnType<typeof open>>>();
  try {
    for (const { file, offset, length } of tensors) {
      const handle = handles.get(file) ?? (await open(file, 'r'));
      handles.set(file, handle);
      const block = Buffer.alloc(Math.min(sampled, length));
      const start = offset + Math.floor((length - block.length) / 2);
      const { bytesRead } = await handle.read(block, 0, block.length, start);
      hash.update(block.subarray(0, bytesRead));
    }
  } finally {
    await Promise.all([...handles.values()].map((handle) => handle.close()));
  }
}
