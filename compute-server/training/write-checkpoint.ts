/** A trained model as the files of a checkpoint: config.json, model.safetensors, and those of its tokenizer. */
import { mkdir, readFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CheckpointFiles } from '../../diagnostics/experiment';
import { FailureError } from '../../protocol/wire/failures';

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

/** Written by an experiment, or a folder of such folders and nothing else. */
async function isOurs(folder: string): Promise<boolean> {
  try {
    const config: unknown = JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'));
    return typeof config === 'object' && config !== null && mark in config;
  } catch {
    return false;
  }
}

export async function writeCheckpoint(folder: string, experiment: string, files: CheckpointFiles): Promise<void> {
  const why = await whyNotWritten(folder);
  if (why !== undefined) throw new FailureError({ code: 'bad-request', detail: why });
  const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
  try {
    await mkdir(folder, { recursive: true });
    // First, so that a run that ends between two files may write the folder again.
    await put(folder, 'config.json', json({ ...files.config, [mark]: experiment }));
    await put(folder, 'model.safetensors', safetensors(files.tensors));
    for (const [name, text] of Object.entries(files.texts ?? {})) await put(folder, name, text);
    if (!files.tokenizer) return;
    await put(folder, 'tokenizer.json', json(files.tokenizer.tokenizer));
    await put(folder, 'tokenizer_config.json', json(files.tokenizer.config));
  } catch (error) {
    const detail = `${folder} cannot be written (${(error as Error).message}). Choose another folder.`;
    throw new FailureError({ code: 'bad-request', detail });
  }
}

/** Whole or not at all. */
async function put(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  const fresh = join(folder, `${name}.new`);
  await writeFile(fresh, content);
  await rename(fresh, join(folder, name));
}

/** Header length in 8 bytes, header, data: https://huggingface.co/docs/safetensors, section Format. */
export function safetensors(tensors: CheckpointFiles['tensors']): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + data.byteLength] };
    end += data.byteLength;
  }
  // Data that begins at a multiple of 8 can be mapped as it is.
  const text = JSON.stringify(header);
  const json = Buffer.from(text.padEnd(Math.ceil(Buffer.byteLength(text) / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const pieces = Object.values(tensors).map(
    ({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
  return Buffer.concat([length, json, ...pieces]);
}
