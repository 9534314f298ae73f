/** The model that a command names: a folder or a file of one, or captured attention. */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { captureSuffix, isCapture } from '../../protocol/wire/capture-name';
import { wrongUsage } from './exit-codes';

/** Absolute. A folder with one capture and no model stands for the capture. */
export async function modelPath(model: string): Promise<string> {
  const path = resolve(model);
  if (/\.(npz|pt|pth|pkl)$/u.test(path)) {
    throw wrongUsage(
      `${model} is no model. If it holds captured attention, describe it in a file NAME${captureSuffix} beside it, and name that file (docs/captured-tensors.md).`,
    );
  }
  const names = await readdir(path).catch((): string[] => []);
  const captures = names.filter(isCapture);
  const [only, more] = captures;
  if (only === undefined || names.includes('config.json')) return path;
  if (more !== undefined)
    throw wrongUsage(`${model} has ${captures.length} captures. Name one of ${captures.join(', ')}.`);
  return join(path, only);
}
