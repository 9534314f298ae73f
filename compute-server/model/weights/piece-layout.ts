/**
 * The weights of one piece of a model (a layer, the language head) laid out as one file: the matrices of its linear maps in
 * integers, everything else as it is stored. The runtime reads the weights of a graph below one folder, so a file of its own
 * needs all of them.
 */
import { createHash } from 'node:crypto';
import type { Linear } from '../../../models/architectures/model-spec';
import {
  checkedTensor,
  type PackedMatrix,
  type StoredTensor,
  type StoredWeights,
} from '../../../models/architectures/stored-weights';
import { blocksOf } from '../../../kernels/graph/operators/matrix';
import { blockLength, bytesOfBlock, type Bits } from './quantise';

/** Name of the file; each has a folder of its own. */
export const pieceFile = 'weights.bin';

/** Bytes before the first weight, where a file that is kept says what it is. */
export const headerBytes = 4096;

/** Offsets are multiples of it. */
const alignment = 64;

export interface CopiedTensor {
  readonly kind: 'copy';
  readonly tensor: StoredTensor;
  readonly offset: number;
}

export interface PackedTensor {
  readonly kind: 'packed';
  readonly tensor: StoredTensor;
  readonly bits: Bits;
  readonly inputs: number;
  readonly outputs: number;
  readonly stored: Linear['stored'];
  /** First row in a tensor that other maps share, stored by outputs. */
  readonly firstRow: number;
  /** Offsets of the two parts, the integers before the factors. */
  readonly values: number;
  readonly scales: number;
}

export class PieceLayout implements StoredWeights {
  private readonly entries = new Map<string, CopiedTensor | PackedTensor>();
  private end = headerBytes;
  readonly largest?: number;

  constructor(
    private readonly weights: StoredWeights,
    private readonly bits: Bits,
  ) {
    if (weights.largest !== undefined) this.largest = weights.largest;
  }

  find(name: string): StoredTensor | undefined {
    const tensor = this.weights.find(name);
    if (!tensor) return undefined;
    const known = this.entries.get(name);
    const offset = known?.kind === 'copy' ? known.offset : this.place(tensor.length);
    if (!known) this.entries.set(name, { kind: 'copy', tensor, offset });
    return { ...tensor, location: pieceFile, offset };
  }

  pack(linear: Linear, shape: readonly number[]): PackedMatrix {
    const tensor = checkedTensor(this.weights, linear.weight, shape);
    const { inputs, outputs, stored, firstRow = 0 } = linear;
    const blocks = outputs * blocksOf(inputs, blockLength);
    const [values, scales] = [blocks * bytesOfBlock(this.bits), blocks * 4];
    const label = `${linear.weight} from ${firstRow} by ${outputs}`;
    const before = this.entries.get(label);
    const entry =
      before?.kind === 'packed'
        ? before
        : ({
            kind: 'packed',
            tensor,
            bits: this.bits,
            inputs,
            outputs,
            stored,
            firstRow,
            values: this.place(values),
            scales: this.place(scales),
          } as const);
    this.entries.set(label, entry);
    return {
      bits: this.bits,
      block: blockLength,
      values: { location: pieceFile, offset: entry.values, length: values },
      scales: { location: pieceFile, offset: entry.scales, length: scales },
    };
  }

  /** In the order of their offsets. */
  get parts(): readonly (CopiedTensor | PackedTensor)[] {
    return [...this.entries.values()];
  }

  /** False: no linear map is in the piece, and its weights are better read where they are. */
  get packs(): boolean {
    return this.parts.some(({ kind }) => kind === 'packed');
  }

  /** Bytes of the file. */
  get size(): number {
    return this.end;
  }

  /** Bytes that each weight takes when it is open, by a label of its own. */
  get bytes(): ReadonlyMap<string, number> {
    return new Map(
      [...this.entries].map(([label, entry]) => [label, entry.kind === 'copy' ? entry.tensor.length : bytesOf(entry)]),
    );
  }

  /** Tensors that are read to make the file. */
  get sources(): readonly StoredTensor[] {
    return this.parts.map(({ tensor }) => tensor);
  }

  /** Hash of everything that decides where things are in the file. */
  get digest(): string {
    return createHash('sha256')
      .update(JSON.stringify([...this.entries]))
      .digest('hex')
      .slice(0, 16);
  }

  private place(bytes: number): number {
    const at = this.end;
    this.end = Math.ceil((at + bytes) / alignment) * alignment;
    return at;
  }
}

const bytesOf = ({ bits, inputs, outputs }: PackedTensor): number =>
  outputs * blocksOf(inputs, blockLength) * (bytesOfBlock(bits) + 4);
