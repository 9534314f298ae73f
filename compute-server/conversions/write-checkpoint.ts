/** A new checkpoint into a folder: tensor by tensor, with the files beside the weights. */
import { join } from 'node:path';
import {
  tensorBytes,
  type NewCheckpoint,
  type NewTensor,
  type WriteStep,
} from '../../diagnostics/model-runner/checkpoint';
import { readRegular } from '../../models/formats/regular-file';
import { safetensorsHeader } from '../training/write-checkpoint';
import { headscopeVersion } from '../version';
import { filesToCopy, largestCopied } from './copied-files';
import type { Disk } from './disk';
import { bytesOfTensor, type Source } from './tensor-bytes';

/** Bytes of tensors in one file, the default of Hugging Face's save_pretrained. */
const shardBytes = 5e9;

export interface ConvertedFrom {
  readonly folder: string;
  readonly name: string;
  readonly hash: string;
  readonly weights: Source;
}

const json = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

/** Fails with what the disk says; whoever calls removes the folder. */
export async function* writeFolder(
  folder: string,
  { config, tensors, record }: NewCheckpoint,
  from: ConvertedFrom,
  on: Disk,
  mostBytes = shardBytes,
): AsyncGenerator<WriteStep, void> {
  const whole = async (name: string, content: Uint8Array): Promise<void> => {
    const file = await on.create(join(folder, name));
    try {
      await file.write(content);
    } catch (error) {
      await file.drop();
      throw error;
    }
    await file.finish();
  };
  // The code that a config names is not copied.
  const { auto_map: _, ...plain } = config;
  await whole('config.json', json(plain));
  for (const { name, path } of await filesToCopy(from.folder))
    await whole(name, await readRegular(path, largestCopied));
  const totalBytes = tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  const shards = shardsOf(tensors, mostBytes);
  const nameOf = (at: number): string =>
    shards.length === 1 ? 'model.safetensors' : `model-${padded(at + 1)}-of-${padded(shards.length)}.safetensors`;
  let bytes = 0;
  for (const [at, shard] of shards.entries()) {
    const file = await on.create(join(folder, nameOf(at)));
    let open = true;
    try {
      await file.write(safetensorsHeader(shard.map((tensor) => ({ ...tensor, length: tensorBytes(tensor) }))));
      for (const tensor of shard) {
        let written = 0;
        for await (const piece of bytesOfTensor(tensor, from.weights)) {
          yield { tensor: tensor.name, bytes, totalBytes };
          await file.write(piece);
          written += piece.length;
          bytes += piece.length;
        }
        if (written !== tensorBytes(tensor)) throw new RangeError(`${tensor.name} came to ${written} bytes`);
      }
      open = false;
      await file.finish();
    } finally {
      if (open) await file.drop();
    }
  }
  if (shards.length > 1) {
    const weightMap = Object.fromEntries(
      shards.flatMap((shard, at) => shard.map(({ name }) => [name, nameOf(at)] as const)),
    );
    await whole('model.safetensors.index.json', json({ metadata: { total_size: totalBytes }, weight_map: weightMap }));
  }
  const { facts, ...done } = record;
  const source = { name: from.name, hash: from.hash };
  await whole('headscope-conversion.json', json({ headscope: headscopeVersion, source, ...done, ...facts }));
  await whole('README.md', Buffer.from(readme({ config, tensors, record }, from)));
}

const padded = (at: number): string => String(at).padStart(5, '0');

function shardsOf(tensors: readonly NewTensor[], mostBytes: number): readonly (readonly NewTensor[])[] {
  const shards: NewTensor[][] = [[]];
  let size = 0;
  for (const tensor of tensors) {
    const bytes = tensorBytes(tensor);
    if (size > 0 && size + bytes > mostBytes) {
      shards.push([]);
      size = 0;
    }
    shards.at(-1)?.push(tensor);
    size += bytes;
  }
  return shards;
}

const readme = ({ record }: NewCheckpoint, { name, hash }: ConvertedFrom): string =>
  [
    `# ${name}, converted by ${record.method}`,
    '',
    `Headscope ${headscopeVersion} made this checkpoint of \`${name}\` (hash \`${hash}\`) with \`headscope convert ${record.method}\`.`,
    record.sentence,
    '',
    '| setting | value |',
    '| --- | --- |',
    ...Object.entries(record.settings).map(([key, value]) => `| ${key} | ${cell(String(value))} |`),
    `| seed | ${record.seed} |`,
    '',
    'What was done to each layer is in `headscope-conversion.json`. The license of the source applies.',
    '',
  ].join('\n');

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
