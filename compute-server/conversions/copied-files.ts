/** The files beside config and weights that a new checkpoint takes over from its source. */
import { FileRefused, openRegular } from '../../models/formats/regular-file';
import { resolveInside } from '../../models/formats/containment';
import { refusal } from '../../protocol/wire/failures';

/** What belongs to a model besides config and weights. Code is none of it. */
const names = [
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'tokenizer.model',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'vocab.txt',
  'merges.txt',
  'spiece.model',
  'chat_template.jinja',
  'chat_template.json',
  'preprocessor_config.json',
  'processor_config.json',
  'LICENSE',
  'LICENSE.txt',
  'LICENSE.md',
  'NOTICE',
  'USE_POLICY.md',
];

/** The largest published tokenizers have 40 MB. */
export const largestCopied = 2 ** 28;

export interface CopiedFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/** Those that are there. Fails with a sentence on one that cannot be copied: a pipe, a device, a file of gigabytes. */
export async function filesToCopy(folder: string): Promise<readonly CopiedFile[]> {
  const found: CopiedFile[] = [];
  for (const name of names) {
    const place = await resolveInside(folder, name);
    if (!place.ok) continue;
    const bytes = await sizeOf(place.path).catch((error: unknown) => {
      if (!(error instanceof FileRefused)) throw error;
      throw refusal(`${name} of the model cannot be copied. ${error.message} Remove it from ${folder}, or replace it.`);
    });
    if (bytes > largestCopied) {
      throw refusal(
        `${name} of the model has ${Math.ceil(bytes / 1e6)} MB, and at most ${Math.floor(largestCopied / 1e6)} MB are copied. Remove it from ${folder}, or replace it.`,
      );
    }
    found.push({ name, path: place.path, bytes });
  }
  return found;
}

async function sizeOf(path: string): Promise<number> {
  const { handle, size } = await openRegular(path);
  await handle.close();
  return size;
}
