import type { ShardFact, TensorFact } from '../service/folder-facts';

/** Bytes of a header that is read; the format allows 100 MB, the largest published is near 12 MB. */
export const longestHeader = 32 * 1024 * 1024;

/** Bits of an element by its name in a header (safetensors 0.7). */
const dtypeBits: Readonly<Record<string, number>> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E4M3: 8,
  F8_E5M2: 8,
  F8_E8M0: 8,
  F8_E4M3FNUZ: 8,
  F8_E5M2FNUZ: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U16: 16,
  I16: 16,
  F16: 16,
  BF16: 16,
  U32: 32,
  I32: 32,
  F32: 32,
  U64: 64,
  I64: 64,
  F64: 64,
  C64: 64,
};

type Outcome = Pick<ShardFact, 'tensors' | 'problem'>;

const problem = (code: string, message: string, tensors: readonly TensorFact[] = []): Outcome => ({
  tensors,
  problem: { code, message },
});

/** The length of the header as the first 8 bytes of the file give it, or the sentence that says why it cannot be. */
export const headerLength = (start: Uint8Array, fileBytes: number): number | Outcome => {
  if (start.length < 8) {
    return problem('truncated', `the file has ${fileBytes} bytes and is cut off before its header. Download it again.`);
  }
  const length = Buffer.from(start.buffer, start.byteOffset, 8).readBigUInt64LE();
  if (length > BigInt(Math.max(0, fileBytes - 8))) {
    return problem(
      'header-length',
      `the header claims ${length} bytes and the file has ${fileBytes}. It is cut off or no safetensors file.`,
    );
  }
  if (length > BigInt(longestHeader)) {
    return problem('header-length', `the header claims ${length} bytes, more than any real one; it is not read.`);
  }
  if (length < 2n) return problem('header-length', 'the header is empty: this is no safetensors file.');
  return Number(length);
};

const isCount = (value: unknown): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const readTensor = (name: string, entry: unknown): TensorFact | string => {
  if (typeof entry !== 'object' || entry === null) return `the entry of ${name} is no object.`;
  const { dtype, shape, data_offsets: offsets } = entry as Record<string, unknown>;
  if (typeof dtype !== 'string') return `${name} has no dtype.`;
  if (!Array.isArray(shape) || !shape.every(isCount)) return `the shape of ${name} is no list of whole numbers.`;
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    return `the offsets of ${name} are not two whole numbers.`;
  }
  const [begin = 0, end = 0] = offsets;
  if (end < begin) return `${name} ends (${end}) before it begins (${begin}).`;
  const bits = dtypeBits[dtype];
  if (bits !== undefined) {
    const bytes = (shape).reduce((product, size) => product * size, bits) / 8;
    if (bytes !== end - begin) {
      return `${name} of shape [${shape.join(', ')}] in ${dtype} takes ${bytes} bytes; its offsets give it ${end - begin}.`;
    }
  }
  return { name, dtype, shape: shape, begin, end };
};

/** Reads a header and proves it against the file: every byte of data belongs to one tensor. Never throws. */
export const readHeader = (header: Uint8Array, fileBytes: number): Outcome => {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(header);
  } catch {
    return problem('header-not-text', 'the header is not UTF-8 text; this is no safetensors file, or it is damaged.');
  }
  // Entries are objects with two lists: a deeper header is none, and would cost seconds to take apart.
  let depth = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 92) index += 1;
      else if (code === 34) inString = false;
    } else if (code === 34) inString = true;
    else if (code === 123 || code === 91) {
      depth += 1;
      if (depth > 8) return problem('header-too-deep', 'the header nests deeper than a safetensors header can.');
    } else if (code === 125 || code === 93) depth -= 1;
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return problem('header-not-json', 'the header is no JSON; this is no safetensors file, or it is damaged.');
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return problem('header-not-json', 'the header is no JSON object; this is no safetensors file.');
  }
  const tensors: TensorFact[] = [];
  for (const [name, entry] of Object.entries(parsed)) {
    if (name === '__metadata__') continue;
    const tensor = readTensor(name, entry);
    if (typeof tensor === 'string') return problem('tensor-malformed', tensor, tensors);
    tensors.push(tensor);
  }
  const ordered = [...tensors].sort((left, right) => left.begin - right.begin || left.end - right.end);
  let position = 0;
  let previous = '';
  for (const { name, begin, end } of ordered) {
    if (begin < position) return problem('tensors-overlap', `${name} overlaps ${previous}. The file is damaged.`, tensors);
    if (begin > position) {
      return problem('tensors-gap', `${begin - position} bytes before ${name} belong to no tensor.`, tensors);
    }
    position = end;
    previous = name;
  }
  const dataBytes = fileBytes - 8 - header.length;
  if (position > dataBytes) {
    return problem(
      'truncated',
      `the tensors need ${position} bytes and the file holds ${dataBytes}. It is cut off; download it again.`,
      tensors,
    );
  }
  if (position < dataBytes) {
    return problem('trailing-bytes', `${dataBytes - position} bytes after the last tensor belong to none.`, tensors);
  }
  return { tensors };
};
