/** A trained model as the files of a checkpoint: config.json, model.safetensors, and those of its tokenizer. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { writeInOneStep } from '../../files/write-file';
import type { CheckpointFiles, NetworkFiles } from '../../diagnostics/experiment';
import { networksFamily } from '../../protocol/results/heads';
import { type ModelSummary } from '../../protocol/schema/parts';
import { refusal } from '../../protocol/wire/failures';

/** In config.json: says that Headscope wrote the folder, so that it may be written again. */
const mark = 'headscope_experiment';

/** One sentence where the folder may not be written: it holds other files, or it is none. */
export async function whyNotWritten(folder: string): Promise<string | undefined> {
  let names: readonly string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? undefined : `${folder} is no folder that can be written (${message}). Choose another.`;
  }
  const own = names.length === 0 || (await isOurs(folder));
  return own ? undefined : `${folder} holds other files. Choose an empty folder.`;
}

/**
 * Written by an experiment. `save_pretrained` of transformers keeps our mark in a model that was trained further, and adds its own
 * version: that model is a person's.
 */
async function isOurs(folder: string): Promise<boolean> {
  try {
    const config: unknown = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
    return typeof config === 'object' && config !== null && mark in config && !('transformers_version' in config);
  } catch {
    return false;
  }
}

/** What is written behind config.json, by name. */
type Contents = Readonly<Record<string, string | Uint8Array>>;

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

export function writeCheckpoint(
  folder: string,
  experiment: string,
  { config, tensors, texts, tokenizer }: CheckpointFiles,
): Promise<void> {
  return written(folder, experiment, config, {
    'model.safetensors': safetensors(tensors),
    ...texts,
    ...(tokenizer
      ? { 'tokenizer.json': json(tokenizer.tokenizer), 'tokenizer_config.json': json(tokenizer.config) }
      : {}),
  });
}

/** The summary of networks whose files are written: SHA-256 over config.json and the weights in the order of their names. */
export async function writeNetworks(
  folder: string,
  experiment: string,
  { size, config, weights, texts }: NetworkFiles,
): Promise<ModelSummary> {
  const files = Object.entries(weights)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, tensors]) => [`${name}.safetensors`, safetensors(tensors)] as const);
  await written(folder, experiment, config, { ...Object.fromEntries(files), ...texts });
  const hash = createHash('sha256').update(json(config));
  for (const [name, data] of files) hash.update(name).update(data);
  return {
    folder,
    name: basename(folder),
    family: networksFamily,
    hash: hash.digest('hex'),
    ...size,
    kvHeads: size.heads,
    vocabulary: 0,
    causal: false,
    weightBytes: files.reduce((sum, [, data]) => sum + data.byteLength, 0),
    dtypes: ['F32'],
    windows: [],
    tokenizer: 'These networks are no model of a known family: they read no text.',
    chatTemplate: false,
  };
}

async function written(folder: string, experiment: string, config: object, contents: Contents): Promise<void> {
  const why = await whyNotWritten(folder);
  if (why !== undefined) throw refusal(why);
  try {
    await mkdir(folder, { recursive: true });
    // First, so that a run that ends between two files may write the folder again.
    await put(folder, 'config.json', json({ ...config, [mark]: experiment }));
    for (const [name, content] of Object.entries(contents)) await put(folder, name, content);
  } catch (error) {
    const detail = `${folder} cannot be written (${(error as Error).message}). Choose another folder.`;
    throw refusal(detail);
  }
}

/** Whole or not at all. */
const put = (folder: string, name: string, content: string | Uint8Array): Promise<void> =>
  writeInOneStep(join(folder, name), content);

/** Header length in 8 bytes, header, data: https://huggingface.co/docs/safetensors, section Format. */
export function safetensors(
  tensors: CheckpointFiles['tensors'],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const header = safetensorsHeader(
    Object.entries(tensors).map(([name, { shape, data }]) => ({ name, dtype: 'F32', shape, length: data.byteLength })),
    metadata,
  );
  const pieces = Object.values(tensors).map(
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  return Buffer.concat([header, ...pieces]);
}

/** Everything before the data of the tensors, which lie in this order. */
export function safetensorsHeader(
  tensors: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
    /** Bytes. */
    readonly length: number;
  }[],
  metadata: Readonly<Record<string, string>> = { format: 'pt' },
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const { name, dtype, shape, length } of tensors) {
    header[name] = { dtype, shape, data_offsets: [end, end + length] };
    end += length;
  }
  // Data that begins at a multiple of 8 can be mapped as it is.
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(Buffer.byteLength(text) / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json]);
}
