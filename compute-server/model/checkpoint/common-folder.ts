import { dirname, sep } from 'node:path';

/** The folder that holds all data files: onnxruntime reads weights below one folder only. */
export function commonFolder(files: readonly string[]): string {
  const [first, ...rest] = files.map((file) => dirname(file).split(sep));
  if (!first) return '.';
  let length = first.length;
  for (const parts of rest) {
    while (length > 0 && first.slice(0, length).join(sep) !== parts.slice(0, length).join(sep)) length--;
  }
  return first.slice(0, length).join(sep) || sep;
}
