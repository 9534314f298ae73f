/**
 * The weights of one piece of a model (a layer, the language head) laid out as one file: the matrices of its linear maps in
 * integers, other encoded tensors as float32, everything else as it is stored. The runtime reads the weights of a graph from one
 * folder, so the file holds all of them.
 */
import { createHash } from 'node:crypto';
import type { ExternalData } from '../../../kernels/graph/records';
import type { Linear } from '../../../models/architectures/weights-spec';
import type { ExactForm } from '../../../models/formats/number-formats/number-format';
import { unreachable } from '../../../models/unreachable';
import {
  checkedTensor,
  type HalfMatrix,
  type HeldMatrix,
  type PackedMatrix,
  type StoredTensor,
  type StoredWeights,
  type TableMatrix,
} from '../../../models/architectures/stored-weights';
import { blocksOf, zeroPointBytes } from '../../../kernels/graph/operators/matrix';
import { blockLength, bytesOfBlock, type Bits } from './quantise';
import { isEncoded, storedAxes, type Encoded } from './tensor-source';

/** Name of the file; each has a folder of its own. */
export const pieceFile = 'weights.bin';

/** Bytes before the first weight, where a file that is kept says what it is. */
export const headerBytes = 4096;

/** Blocks of rows that share a scale are products of their own, unless they have fewer rows. */
const fewestRows = 8;

/** Offsets are multiples of it. */
const alignment = 64;

interface CopiedTensor {
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

/** An encoded tensor as float32. */
export interface WidenedTensor {
  readonly kind: 'widened';
  readonly tensor: Encoded;
  readonly offset: number;
}

/** Rows of an encoded tensor. */
export interface CodedRows {
  readonly tensor: Encoded;
  readonly firstRow: number;
  readonly rows: number;
}

/** Rows of encoded tensors, one behind the other, as their stored codes, laid out for MatMulNBits. */
export interface CodedMatrix {
  readonly kind: 'coded';
  readonly of: readonly CodedRows[];
  readonly form: ExactForm;
  readonly columns: number;
  /** In the order of the file. */
  readonly parts: Omit<PackedMatrix, 'kind' | 'bits' | 'block' | 'activations'>;
}

/** Rows of an encoded tensor as numbers of float16 or codes of a table, which products widen. */
export interface NarrowMatrix {
  readonly kind: 'narrow';
  readonly tensor: Encoded;
  readonly firstRow: number;
  readonly rows: number;
  readonly columns: number;
  readonly held: HalfMatrix | TableMatrix;
}

/** How the weights of a piece are held. */
export interface Holding {
  /** What linear maps of float weights are quantised to. Absent: not at all. */
  readonly bits?: Bits;
  /** Encoded weights that have codes are multiplied as codes. False: all are widened. */
  readonly codes: boolean;
  /** How the inputs of a product with stored codes are multiplied. Weights that are quantised here always get rounded inputs. */
  readonly activations: 'float' | 'int8';
}

/** Which uses of a piece's weights may take integers. */
export interface PackedUses {
  readonly products: boolean;
  /** Products with stored codes. A gradient multiplies by them in both directions, so it widens them once instead. */
  readonly codes: boolean;
  readonly tables: boolean;
}

export type Entry = CopiedTensor | PackedTensor | WidenedTensor | CodedMatrix | NarrowMatrix;

/** What the file of a piece is written from. */
export interface PieceEntries {
  /** In the order of their offsets. */
  readonly parts: readonly Entry[];
  /** Bytes of the file. */
  readonly size: number;
}

export class PieceLayout implements StoredWeights, PieceEntries {
  private readonly entries = new Map<string, Entry>();
  /** Matrices that lie in one with others, by label. */
  private readonly together = new Map<string, CodedMatrix['parts']>();
  private end = headerBytes;
  private hash: string | undefined;
  readonly largest?: number;
  readonly sum?: NonNullable<StoredWeights['sum']>;

  constructor(
    private readonly weights: StoredWeights,
    private readonly holding: Holding,
    private readonly uses: PackedUses,
  ) {
    if (weights.largest !== undefined) this.largest = weights.largest;
    // Gradients are of the whole weight, so its numbers are added up for them.
    if (weights.sum && uses.codes) this.sum = (name) => weights.sum?.(name);
  }

  find(name: string): StoredTensor | undefined {
    const tensor = this.weights.find(name);
    if (!tensor) return undefined;
    const known = this.entries.get(name);
    if (isEncoded(tensor)) {
      const length = 4 * numbersOf(tensor);
      const offset = known?.kind === 'widened' ? known.offset : this.place(length);
      if (!known) this.entries.set(name, { kind: 'widened', tensor, offset });
      const { encoded: _, ...rest } = tensor;
      return { ...rest, dtype: 'F32', location: pieceFile, offset, length };
    }
    const offset = known?.kind === 'copy' ? known.offset : this.place(tensor.length);
    if (!known) this.entries.set(name, { kind: 'copy', tensor, offset });
    return { ...tensor, location: pieceFile, offset };
  }

  pack(linear: Linear, shape: readonly number[]): HeldMatrix | undefined {
    if (!this.uses.products) return undefined;
    const tensor = checkedTensor(this.weights, linear.weight, shape);
    const { inputs, outputs, stored, firstRow = 0 } = linear;
    if (isEncoded(tensor)) {
      const isLaid = (stored === 'inputs-outputs') === (tensor.encoded.transposed ?? false);
      const { codes, activations } = this.holding;
      if (!isLaid || !codes || !this.uses.codes) return undefined;
      const first = firstStored(tensor, linear);
      const { decoder } = tensor.encoded.format;
      return decoder.kind === 'exact'
        ? this.coded(tensor, first, outputs, activations)
        : this.narrow(tensor, first, outputs);
    }
    const { bits } = this.holding;
    // Experts that share one tensor stay as they are stored.
    if (bits === undefined || linear.storedShape) return undefined;
    const blocks = outputs * blocksOf(inputs, blockLength);
    const [values, scales] = [blocks * bytesOfBlock(bits), blocks * 4];
    const label = `${linear.weight} from ${firstRow} by ${outputs}`;
    const before = this.entries.get(label);
    const entry =
      before?.kind === 'packed'
        ? before
        : ({
            kind: 'packed',
            tensor,
            bits,
            inputs,
            outputs,
            stored,
            firstRow,
            values: this.place(values),
            scales: this.place(scales),
          } as const);
    this.entries.set(label, entry);
    return {
      kind: 'integers',
      bits,
      block: blockLength,
      values: { location: pieceFile, offset: entry.values, length: values },
      scales: { location: pieceFile, offset: entry.scales, length: scales },
      activations: 'int8',
    };
  }

  packTogether(linears: readonly Linear[]): PackedMatrix | undefined {
    const { codes, activations } = this.holding;
    if (!this.uses.products || !this.uses.codes || !codes) return undefined;
    const rows = linears.map((linear) => {
      const { outputs, storedRows = outputs, inputs } = linear;
      const tensor = checkedTensor(this.weights, linear.weight, [storedRows, inputs]);
      if (!isEncoded(tensor) || tensor.encoded.transposed) return undefined;
      return { tensor, firstRow: firstStored(tensor, linear), rows: outputs };
    });
    if (!rows.every((each) => each !== undefined)) return undefined;
    const forms = rows.map(({ tensor }) => exactForm(tensor));
    const [form] = forms;
    const isOne = forms.every((each) => each && form && JSON.stringify(each) === JSON.stringify(form));
    return form && isOne && !form.ordered ? this.codedRows(rows, activations) : undefined;
  }

  packTable(name: string, shape: readonly number[]): PackedMatrix | undefined {
    if (!this.uses.tables || !this.holding.codes) return undefined;
    const tensor = checkedTensor(this.weights, name, shape);
    if (!isEncoded(tensor) || tensor.encoded.transposed) return undefined;
    const { decoder } = tensor.encoded.format;
    if (decoder.kind !== 'exact' || decoder.form.ordered) return undefined;
    const { rows, columns } = storedAxes(tensor);
    return columns % decoder.form.block === 0 ? this.coded(tensor, 0, rows) : undefined;
  }

  /** Undefined if the tensor has to be read as float numbers. */
  private coded(
    tensor: Encoded,
    firstRow: number,
    rows: number,
    activations: 'float' | 'int8' | 'none' = 'none',
  ): PackedMatrix | undefined {
    return this.codedRows([{ tensor, firstRow, rows }], activations);
  }

  /** Of tensors of one form. */
  private codedRows(of: readonly CodedRows[], activations: 'float' | 'int8' | 'none'): PackedMatrix | undefined {
    const [first] = of;
    const form = first && exactForm(first.tensor);
    if (!form) return undefined;
    const { columns } = storedAxes(first.tensor);
    const { block } = form;
    if (form.minima && columns % block !== 0) return undefined;
    // The kernel that multiplies codes by floats takes 4 bits, so codes of 8 bits become two matrices: the high and the low halves.
    const split = form.bits === 8 && activations === 'float';
    const bits = split ? 4 : form.bits;
    const labels = of.map((rows) => `${labelOf(rows)}${activations === 'none' ? ' as a table' : ''}`);
    const label = labels.join(', ');
    const before = this.entries.get(label);
    const all = of.reduce((sum, { rows }) => sum + rows, 0);
    const parts =
      this.together.get(label) ?? (before?.kind === 'coded' ? before.parts : this.codedParts(form, bits, all, columns));
    if (!this.together.has(label)) this.entries.set(label, { kind: 'coded', of, form, columns, parts });
    let above = 0;
    for (const [at, { rows }] of of.length > 1 ? of.entries() : []) {
      this.together.set(labels[at]!, rowsOfParts(parts, above / all, rows / all));
      above += rows;
    }
    return { kind: 'integers', bits, block, ...parts, activations: activations === 'none' ? 'float' : activations };
  }

  /** Undefined if the tensor has to be read as float numbers. */
  private narrow(tensor: Encoded, firstRow: number, rows: number): HalfMatrix | TableMatrix | undefined {
    const label = labelOf({ tensor, firstRow, rows });
    const before = this.entries.get(label);
    if (before?.kind === 'narrow') return before.held;
    const { columns } = storedAxes(tensor);
    const { decoder } = tensor.encoded.format;
    const part = (length: number): ExternalData => ({ location: pieceFile, offset: this.place(length), length });
    let held: HalfMatrix | TableMatrix;
    if (decoder.kind === 'table') {
      const { kind, table, block } = decoder;
      held = { kind, table, block, values: part((rows * columns) / 2), sizes: part((4 * rows * columns) / block) };
    } else if (decoder.kind === 'halves') {
      const spread = spreadOf(decoder.block, firstRow, rows, columns);
      if (!spread) return undefined;
      const { count, ...more } = spread;
      held = { kind: 'halves', values: part(2 * rows * columns), scales: part(4 * count), ...more };
    } else return undefined;
    this.entries.set(label, { kind: 'narrow', tensor, firstRow, rows, columns, held });
    return held;
  }

  private codedParts(form: ExactForm, bits: 4 | 8, rows: number, columns: number): CodedMatrix['parts'] {
    const { block, zeroPoints, minima, ordered } = form;
    const blocks = blocksOf(columns, block);
    const part = (length: number): ExternalData => ({ location: pieceFile, offset: this.place(length), length });
    const values = (rows * blocks * block * bits) / 8;
    const zeros = rows * zeroPointBytes(blocks, bits);
    return {
      values: part(values),
      scales: part(4 * rows * blocks),
      ...(zeroPoints === 'middle' ? {} : { zeroPoints: part(zeros) }),
      ...(bits < form.bits ? { low: { values: part(values), zeroPoints: part(zeros) } } : {}),
      ...(minima ? { minima: part(4 * rows * blocks) } : {}),
      ...(ordered ? { order: part(4 * columns) } : {}),
    };
  }

  /** In the order of their offsets. */
  get parts(): readonly Entry[] {
    return [...this.entries.values()];
  }

  /** Some of its products are MatMulNBits. */
  get packs(): boolean {
    return this.parts.some(({ kind }) => kind === 'packed' || kind === 'coded');
  }

  /** False if all weights of the piece are stored floats: these are better read where they are. */
  get changes(): boolean {
    return this.parts.some(({ kind }) => kind !== 'copy');
  }

  /** Bytes of the file. */
  get size(): number {
    return this.end;
  }

  /** Bytes that each weight takes when it is open, by a label of its own. */
  get bytes(): ReadonlyMap<string, number> {
    return new Map([...this.entries].map(([label, entry]) => [label, bytesOf(entry)]));
  }

  /** Tensors that are read to make the file. */
  get sources(): readonly StoredTensor[] {
    return this.parts.flatMap((entry) =>
      entry.kind === 'coded' ? entry.of.map(({ tensor }) => tensor) : entry.tensor,
    );
  }

  /** Hash of everything that decides where things are in the file. To be asked for when the graph is built. */
  get digest(): string {
    return (this.hash ??= createHash('sha256')
      .update(JSON.stringify([...this.entries], withoutDecoders))
      .digest('hex')
      .slice(0, 16));
  }

  private place(bytes: number): number {
    const at = this.end;
    this.end = Math.ceil((at + bytes) / alignment) * alignment;
    return at;
  }
}

const labelOf = ({ tensor, firstRow, rows }: CodedRows): string => `${tensor.name} from ${firstRow} by ${rows}`;

/** The codes of a tensor that has them. */
function exactForm({ encoded }: Encoded): ExactForm | undefined {
  const { decoder } = encoded.format;
  return decoder.kind === 'exact' ? decoder.form : undefined;
}

/** Some of the rows of a matrix, as shares of all: every part has as many bytes for each row. */
function rowsOfParts<T extends object>(parts: T, first: number, count: number): T {
  const some = Object.entries(parts).map(([key, part]: [string, ExternalData | object]) => {
    if (!('length' in part)) return [key, rowsOfParts(part, first, count)] as const;
    const { location, offset, length } = part;
    return [
      key,
      { location, offset: offset + Math.round(length * first), length: Math.round(length * count) },
    ] as const;
  });
  return Object.fromEntries(some) as T;
}

/** The first row of a linear map among the stored rows. */
function firstStored(tensor: Encoded, { inputs, firstRow = 0, firstColumn = 0 }: Linear): number {
  // In a transpose the rows of the map are columns, and `firstRow` says in which of the matrices.
  return tensor.encoded.transposed ? (firstRow / inputs) * (tensor.shape.at(-1) ?? 1) + firstColumn : firstRow;
}

/** How the scales of blocks are laid out, and how many numbers they then are; undefined for blocks that take too many products. */
function spreadOf(
  [down, across]: readonly [number, number],
  firstRow: number,
  rows: number,
  columns: number,
): (Pick<HalfMatrix, 'runs' | 'group'> & { readonly count: number }) | undefined {
  if (across >= columns) return { count: rows };
  if (down === 1) return columns % across === 0 ? { group: across, count: (rows * columns) / across } : undefined;
  if (down < fewestRows) return undefined;
  const runs = runsIn(firstRow, rows, down);
  return { runs, count: runs.length * columns };
}

/** How many of the rows lie in each block of `down` rows. */
function runsIn(firstRow: number, rows: number, down: number): readonly number[] {
  const runs: number[] = [];
  for (let at = firstRow; at < firstRow + rows;) {
    const end = Math.min(firstRow + rows, (Math.floor(at / down) + 1) * down);
    runs.push(end - at);
    at = end;
  }
  return runs;
}

/** Each layout as it lies in one file of all, one behind the other. Their graphs have been built, so that their sizes are known. */
export function besideEachOther(layouts: readonly PieceLayout[]): readonly StoredWeights[] {
  let before = 0;
  return layouts.map((layout) => {
    const base = before;
    before += layout.size;
    return {
      find: (name) => {
        const tensor = layout.find(name);
        return tensor && movedBy(base, tensor);
      },
      pack: (linear, shape) => {
        const held = layout.pack(linear, shape);
        return held && movedBy(base, held);
      },
      packTogether: (linears) => {
        const held = layout.packTogether(linears);
        return held && movedBy(base, held);
      },
      packTable: () => undefined,
      ...(layout.sum ? { sum: layout.sum } : {}),
      ...(layout.largest === undefined ? {} : { largest: layout.largest }),
    };
  });
}

/** Adds a number of bytes to every place in the file, at any depth. */
function movedBy<T extends object>(bytes: number, held: T): T {
  const parts = Object.entries(held).map(([key, value]: [string, unknown]) => {
    if (key === 'offset') return [key, Number(value) + bytes] as const;
    const isPlain = typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
    return [key, isPlain && key !== 'encoded' ? movedBy(bytes, value) : value] as const;
  });
  return Object.fromEntries(parts) as T;
}

function bytesOf(entry: Entry): number {
  switch (entry.kind) {
    case 'copy':
      return entry.tensor.length;
    case 'packed':
      return entry.outputs * blocksOf(entry.inputs, blockLength) * (bytesOfBlock(entry.bits) + 4);
    case 'widened':
      return 4 * numbersOf(entry.tensor);
    case 'coded':
      return lengthsIn(entry.parts);
    case 'narrow':
      return lengthsIn(entry.held);
    default:
      return unreachable(entry);
  }
}

/** The sum of the lengths of byte ranges, at any depth. */
const lengthsIn = (parts: object): number =>
  Object.entries(parts).reduce(
    (sum, [key, value]) =>
      sum + (key === 'length' ? Number(value) : typeof value === 'object' ? lengthsIn(value as object) : 0),
    0,
  );

const numbersOf = ({ shape }: StoredTensor): number => shape.reduce((product, axis) => product * axis, 1);

/** Formats are replaced by their names. */
const withoutDecoders = (key: string, value: unknown): unknown =>
  key === 'format' ? (value as { readonly name: string }).name : value;
