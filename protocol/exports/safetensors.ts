/**
 * Arrays as a safetensors file (https://github.com/huggingface/safetensors, "Format"): F64, I64 and BOOL. Texts have no place among
 * tensors: they are lists in the metadata, whose values are JSON.
 */
import { joined, utf8 } from './bytes';
import { aboutWords, arraysForm } from './described';
import type { About, Exported } from './exported';

const types = { number: 'F64', whole: 'I64', flag: 'BOOL' } as const;

/** Readers take no larger header. */
const largestHeader = 100_000_000;

export function safetensorsFile(exported: Exported, about: About): Uint8Array {
  const { arrays, texts, described } = arraysForm(exported);
  const header: Record<string, unknown> = {
    // The mark stands first, where it is looked for before a file is replaced.
    __metadata__: {
      headscope_export: about.headscope,
      export: JSON.stringify(aboutWords(about, exported)),
      arrays: JSON.stringify(described),
      texts: JSON.stringify(Object.fromEntries(texts.map((one) => [one.name, one.texts]))),
    },
  };
  let at = 0;
  for (const { name, type, shape, data } of arrays) {
    header[name] = { dtype: types[type], shape, data_offsets: [at, at + data.length] };
    at += data.length;
  }
  const json = utf8(JSON.stringify(header));
  if (json.length + 8 > largestHeader) {
    throw new Error('Its texts are too long for the header of a safetensors file. Export npz or Arrow instead.');
  }
  // Blanks, so that the numbers begin at a multiple of 8 bytes.
  const blanks = new Uint8Array((8 - (json.length % 8)) % 8).fill(0x20);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(json.length + blanks.length), true);
  return joined([length, json, blanks, ...arrays.map(({ data }) => data)]);
}
