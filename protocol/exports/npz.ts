/**
 * Arrays as an .npz file: a zip archive with a .npy file for each (version 1.0 of
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), and `meta.json`, which says what they are. Texts are arrays of
 * `<U`, which numpy loads without pickles.
 */
import { codePoints, joined, utf8 } from './bytes';
import { aboutWords, arraysForm, type FileTexts } from './described';
import type { About, Exported } from './exported';
import { zipFile } from './zip';

const types = { number: '<f8', whole: '<i8', flag: '|b1' } as const;

/** Every text of a `<U` array takes the room of the longest: where that is more, they stand in `meta.json`. */
const mostTextBytes = 2 ** 26;

export function npzFile(exported: Exported, about: About): Uint8Array {
  const { arrays, texts, described } = arraysForm(exported);
  const fit = texts.map((one) => ({ ...one, array: textArray(one) }));
  const long = fit.filter(({ array }) => array === undefined);
  const meta = {
    ...aboutWords(about, exported),
    arrays: described,
    ...(long.length > 0 ? { texts: Object.fromEntries(long.map((one) => [one.name, one.texts])) } : {}),
  };
  return zipFile([
    // First, where the mark is looked for before a file is replaced.
    { name: 'meta.json', content: utf8(`${JSON.stringify(meta, undefined, 2)}\n`) },
    ...arrays.map(({ name, type, shape, data }) => ({ name: `${name}.npy`, content: npy(types[type], shape, data) })),
    ...fit.flatMap(({ name, array }) => (array ? [{ name: `${name}.npy`, content: array }] : [])),
  ]);
}

function npy(descr: string, shape: readonly number[], data: Uint8Array): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const words = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const before = 10;
  // The numbers begin at a multiple of 64 bytes.
  const padded = `${words.padEnd(64 * Math.ceil((words.length + 1 + before) / 64) - before - 1)}\n`;
  const start = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8);
  return joined([start, utf8(padded), data]);
}

/** Undefined where it is too large. */
function textArray({ texts }: FileTexts): Uint8Array | undefined {
  const points = texts.map(codePoints);
  const width = points.reduce((most, { length }) => Math.max(most, length), 1);
  if (4 * width * texts.length > mostTextBytes) return undefined;
  const bytes = new Uint8Array(4 * width * texts.length);
  const view = new DataView(bytes.buffer);
  points.forEach((text, row) => text.forEach((point, at) => view.setUint32(4 * (row * width + at), point, true)));
  return npy(`<U${width}`, [texts.length], bytes);
}
