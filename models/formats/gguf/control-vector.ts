/**
 * Control vectors as llama.cpp keeps them in a GGUF file: `general.architecture` is "controlvector", `controlvector.model_hint` the
 * architecture of the model, `controlvector.layer_count` the number of directions, and `direction.N` [hidden size] in float32 is
 * added to what leaves block N, counted from 0. Block 0 has none: the loader refuses `direction.0` (common.cpp and
 * llama-adapter.cpp of llama.cpp, `export_gguf` of repeng, 2026-11). Published files count layers in several ways, so that the count is
 * written and not read.
 */
import { openRegular, readBytes } from '../regular-file';
import { shortened } from '../short-text';
import { readGgufHeader } from './header';
import { Metadata } from './metadata';

const controlVectorArchitecture = 'controlvector';

/** Says that Headscope wrote the file; the first key of its metadata, so that it stands at a place that is known (files/output.ts). */
const controlVectorMark = 'headscope.version';

export type ReadControlVector =
  | {
      readonly ok: true;
      /** By block. */
      readonly directions: ReadonlyMap<number, Float32Array>;
    }
  /** One sentence about the file, which it does not name. */
  | { readonly ok: false; readonly why: string };

const refused = (why: string): ReadControlVector => ({ ok: false, why });

/** `largestBytes`: of all directions. Other tensors of the file are passed over. */
export async function readControlVector(path: string, largestBytes: number): Promise<ReadControlVector> {
  const read = await readGgufHeader(path);
  if (!read.ok) return refused(read.message);
  const { tensors, metadata, problems, bigEndian, dataStart } = read.header;
  const about = new Metadata(metadata);
  const { architecture } = about;
  if (architecture !== controlVectorArchitecture) {
    return refused(
      `Its general.architecture is ${architecture === undefined ? 'missing' : `"${shortened(architecture)}"`}, and that of a control vector is "${controlVectorArchitecture}".`,
    );
  }
  if (problems[0] !== undefined) return refused(problems[0]);
  if (bigEndian) return refused('Its numbers are big-endian. Convert it to little-endian.');
  const wanted = tensors.flatMap((tensor) => {
    const [, block] = /^direction\.(\d{1,6})$/.exec(tensor.name) ?? [];
    return block === undefined ? [] : [{ ...tensor, block: Number(block) }];
  });
  if (wanted.length === 0) return refused('It has no tensor direction.1, direction.2, …');
  const bytes = wanted.reduce((sum, tensor) => sum + 4 * tensor.elements, 0);
  if (bytes > largestBytes) return refused(`Its directions take ${bytes} bytes, and at most ${largestBytes} are read.`);
  const directions = new Map<number, Float32Array>();
  const { handle } = await openRegular(path);
  try {
    for (const { name, block, type, shape, elements, offset } of wanted) {
      if (block === 0) return refused(`It has "${name}", and a control vector has none for block 0.`);
      if (type !== 'F32') return refused(`"${name}" is stored as ${type}, and a control vector holds F32.`);
      if (shape.length !== 1) return refused(`"${name}" has ${shape.length} axes, and a direction has one.`);
      const data = await readBytes(handle, 4 * elements, dataStart + offset);
      if (data.length !== 4 * elements) return refused('It became shorter while it was read.');
      directions.set(block, new Float32Array(Uint8Array.from(data).buffer));
    }
  } finally {
    await handle.close();
  }
  return { ok: true, directions };
}

const alignment = 32;

/** The bytes of such a file, version 3; the directions of blocks from 1 on, all of one length. */
export function controlVectorBytes(
  directions: ReadonlyMap<number, Float32Array>,
  { modelHint, headscope }: { readonly modelHint: string; readonly headscope: string },
): Uint8Array {
  const metadata = [
    [controlVectorMark, headscope],
    ['general.architecture', controlVectorArchitecture],
    [`${controlVectorArchitecture}.model_hint`, modelHint],
    [`${controlVectorArchitecture}.layer_count`, directions.size],
  ] as const;
  const padded = (bytes: number): number => Math.ceil(bytes / alignment) * alignment;
  const head: Buffer[] = [
    Buffer.from('GGUF'),
    uint32(3),
    uint64(directions.size),
    uint64(metadata.length),
    ...metadata.flatMap(([key, value]) => [
      ...text(key),
      ...(typeof value === 'number' ? [uint32(uint32Type), uint32(value)] : [uint32(stringType), ...text(value)]),
    ]),
  ];
  let offset = 0;
  const data: Buffer[] = [];
  for (const [block, vector] of [...directions].toSorted(([one], [other]) => one - other)) {
    head.push(...text(`direction.${block}`), uint32(1), uint64(vector.length), uint32(f32Type), uint64(offset));
    const room = padded(vector.byteLength);
    const bytes = Buffer.alloc(room);
    vector.forEach((value, at) => bytes.writeFloatLE(value, 4 * at));
    data.push(bytes);
    offset += room;
  }
  const header = Buffer.concat(head);
  return Buffer.concat([header, Buffer.alloc(padded(header.length) - header.length), ...data]);
}

/** `gguf_metadata_value_type` and `ggml_type`. */
const uint32Type = 4;
const stringType = 8;
const f32Type = 0;

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

const text = (value: string): readonly Buffer[] => {
  const bytes = Buffer.from(value);
  return [uint64(bytes.length), bytes];
};
