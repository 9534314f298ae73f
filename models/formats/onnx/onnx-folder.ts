import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { resolveInside } from '../containment';
import type { ReadOnnx } from './read-onnx';
import { readOnnx } from './read-onnx';

/** Exports come in some ten variants (fp16, int8, q4, with and without cache). */
const mostFiles = 64;

/** The .onnx files of a model folder and of its `onnx` folder, where exporters put them. */
export async function readOnnxFolder(
  folder: string,
): Promise<readonly { readonly file: string; readonly read: ReadOnnx }[]> {
  const list = async (inner: string): Promise<readonly string[]> => {
    const place = await resolveInside(folder, inner);
    const names = place.ok ? await readdir(place.path).catch((): string[] => []) : [];
    return names.filter((name) => name.endsWith('.onnx')).map((name) => join(inner, name));
  };
  const files = [...(await list('.')), ...(await list('onnx'))].sort().slice(0, mostFiles);
  const results: { file: string; read: ReadOnnx }[] = [];
  for (const file of files) {
    const place = await resolveInside(folder, file);
    results.push({ file, read: place.ok ? await readOnnx(place.path) : { ok: false, message: place.message } });
  }
  return results;
}
