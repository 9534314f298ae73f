/** What the block formats of ggml have in common: each row is divided into blocks with the same count of numbers, one after the other. */
import { halfNumbers } from '../../../kernels/tensors/half';
import { ReusedArrays, type ExactForm, type ExactRows, type NumberFormat } from './number-format';

/** The only part of a tensor in a GGUF file. */
const blocksPart = 'blocks';

/** Rows to fill, whose codes are also written four at a time, the first in the lowest byte. */
interface BlockRows extends ExactRows {
  readonly fours: Uint32Array;
  readonly scales: Float32Array;
}

/**
 * Decodes one block: its bytes begin at `at`, which is no multiple of 4 in some formats; codes are written from `codes[to]` on, scales and
 * minima from `[block]` on. `view` is of the same bytes.
 */
export type BlockReader = (
  bytes: Uint8Array,
  at: number,
  into: BlockRows,
  to: number,
  block: number,
  view: DataView,
) => void;

/** A format whose blocks of `weights` numbers take `size` bytes. One block of ggml may be several blocks of the form. */
export function exactBlocks(
  name: string,
  { weights, size, ...form }: ExactForm & { readonly weights: number; readonly size: number },
  read: BlockReader,
): NumberFormat {
  const each = weights / form.block;
  const arrays = new ReusedArrays();
  return {
    name,
    byRow: [blocksPart],
    recipe: { maker: 'gguf', of: name },
    decoder: {
      kind: 'exact',
      form,
      codes: ({ parts, count, columns }) => {
        const bytes = parts[blocksPart]!;
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        const blocks = (count * columns) / weights;
        const codes = arrays.uint8('codes', count * columns);
        const into: BlockRows = {
          codes,
          fours: new Uint32Array(codes.buffer),
          scales: arrays.float32('scales', blocks * each),
          ...(form.minima ? { minima: arrays.float32('minima', blocks * each) } : {}),
        };
        for (let block = 0; block < blocks; block++)
          read(bytes, block * size, into, block * weights, block * each, view);
        return into;
      },
    },
  };
}

/** The float16 at byte `at`. */
export const halfAt = (bytes: Uint8Array, at: number): number => halfNumbers()[bytes[at]! | (bytes[at + 1]! << 8)]!;

/** `count` bytes from `at` on hold twice as many codes: first those in their low halves, then those in their high halves. */
export function unpackHalves(view: DataView, at: number, count: number, fours: Uint32Array, to: number): void {
  const first = to >> 2;
  const high = count >> 2;
  for (let i = 0; i < high; i++) {
    const four = view.getUint32(at + 4 * i, true);
    fours[first + i] = four & 0x0f0f0f0f;
    fours[first + high + i] = (four >>> 4) & 0x0f0f0f0f;
  }
}
