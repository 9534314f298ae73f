/**
 * Weights of a checkpoint as values of a graph. The bytes stay in the `.safetensors` file: an initialiser points at them by
 * offset and length; float16 and bfloat16 are widened by a Cast inside the graph.
 */
import { GraphBuilder } from '../../kernels/graph/builder';
import { borrow } from '../../kernels/graph/operators/conditional';
import type { ElementType } from '../../kernels/graph/types';
import type { ExternalData, Value } from '../../kernels/graph/records';
import { cast } from '../../kernels/graph/operators/elementwise';
import { reshape, slice } from '../../kernels/graph/operators/layout';
import type { NumberFormat, NumberTable } from '../formats/number-formats/number-format';
import { ModelError } from './model-spec';
import type { Linear } from './weights-spec';

/** Numbers that are not stored as plain floats. A graph reads them as float32, unless a product takes their codes. */
export interface EncodedTensor {
  readonly format: NumberFormat;
  /** The byte ranges that the format reads, by part name. */
  readonly parts: Readonly<Record<string, ExternalData>>;
  /** The transpose is stored: of a tensor with three axes, that of each of its matrices. */
  readonly transposed?: true;
}

export interface StoredTensor {
  readonly name: string;
  /** As safetensors spells it: `F32`, `F16`, `BF16`, `I8`, …; for an encoded tensor the name of its format. */
  readonly dtype: string;
  /** The shape of its numbers, also for an encoded tensor. */
  readonly shape: readonly number[];
  /** Present for an encoded tensor, whose byte range here is that of its main part. */
  readonly encoded?: EncodedTensor;
  /** Path of the data file relative to the folder that sessions are opened with. */
  readonly location: string;
  /** Byte offset in that file. */
  readonly offset: number;
  readonly length: number;
}

/** A tensor of a checkpoint as it is stored. */
export const asStored = (
  { name, dtype, shape, offset, length }: Pick<StoredTensor, 'name' | 'dtype' | 'shape' | 'offset' | 'length'>,
  location: string,
): StoredTensor => ({ name, dtype, shape, location, offset, length });

/** Whether a run reads numbers of this form. */
export const isReadable = ({ encoded, dtype }: Pick<StoredTensor, 'encoded' | 'dtype'>): boolean =>
  encoded !== undefined || Object.hasOwn(floating, dtype);

/** The weight of a linear map in integers with a factor for each block of inputs (matmulBlockwise). */
export interface PackedMatrix {
  readonly kind: 'integers';
  readonly bits: 4 | 8;
  readonly block: number;
  readonly values: ExternalData;
  readonly scales: ExternalData;
  /** Absent: the middle of the codes. */
  readonly zeroPoints?: ExternalData;
  /** The low halves of codes of 8 bits that are split into two matrices of 4 bits; the other fields then hold the high halves. */
  readonly low?: { readonly values: ExternalData; readonly zeroPoints: ExternalData };
  /** What is subtracted from scale x (code - zero point) in each block, in float32. */
  readonly minima?: ExternalData;
  /** int32: the input that each column of codes belongs to. Absent: in order. */
  readonly order?: ExternalData;
  /** Inputs are multiplied as they are, or rounded to 8 bits. */
  readonly activations: 'float' | 'int8';
}

/** The weight of a linear map in float16, which is widened at each product. */
export interface HalfMatrix {
  readonly kind: 'halves';
  /** [outputs, inputs] */
  readonly values: ExternalData;
  /** float32: one for each output; for each input of every run of outputs; or for each group of inputs of an output. */
  readonly scales: ExternalData;
  /** How many outputs each run has. */
  readonly runs?: readonly number[];
  /** Inputs of a group. */
  readonly group?: number;
}

/** The weight of a linear map in 4 bits that stand for numbers of a table, each times the size of its block (matmulTable). */
export interface TableMatrix {
  readonly kind: 'table';
  readonly table: NumberTable;
  readonly block: number;
  /** [outputs, inputs / 2] */
  readonly values: ExternalData;
  /** float32 [outputs, inputs / block] */
  readonly sizes: ExternalData;
}

/** A weight that a product reads in a form of its own. */
export type HeldMatrix = PackedMatrix | HalfMatrix | TableMatrix;

/**
 * A weight that is a stored matrix plus a product of two small ones (an adapter of low rank). A linear map multiplies by each of the three,
 * so that the matrix stays as it is stored.
 */
export interface SummedWeight {
  /** Name of the stored matrix. */
  readonly base: string;
  /** Name of the first of the small ones, [rank, inputs]. */
  readonly down: string;
  /** Name of the second, [outputs, rank]. */
  readonly up: string;
  readonly rank: number;
  /** Their product is multiplied by it. */
  readonly factor: number;
}

export interface StoredWeights {
  /** A sum is found with its numbers. */
  find(name: string): StoredTensor | undefined;
  /** What a weight is the sum of; undefined of one that is none. */
  sum?(name: string): SummedWeight | undefined;
  /** The weight of a linear map that is not held in floats, stored in `shape`; undefined: it is held as it is stored. */
  readonly pack?: (linear: Linear, shape: readonly number[]) => HeldMatrix | undefined;
  /**
   * The weights of linear maps of the same inputs as one, the rows of each behind those of the one before: from then on `pack` gives parts
   * of it. Undefined: they are not held in one form.
   */
  packTogether?(linears: readonly Linear[]): PackedMatrix | undefined;
  /** Where tables are held in integers: all rows of a tensor [rows, columns]; undefined: as float numbers. */
  packTable?(name: string, shape: readonly number[]): PackedMatrix | undefined;
  /** Linear maps of float16 multiply in float16, on devices that do. */
  readonly products?: 'float16';
  /** Bytes, in float32 or as integers, above which a linear map is several products, each of some rows of the weight. */
  readonly largest?: number;
}

const floating = {
  F32: { type: 'float32', bytes: 4 },
  F16: { type: 'float16', bytes: 2 },
  BF16: { type: 'bfloat16', bytes: 2 },
} as const;

/** The tensor of a weight, checked against the shape that the config asks for. */
export function checkedTensor(weights: StoredWeights, name: string, shape: readonly number[]): StoredTensor {
  const tensor = weights.find(name);
  if (!tensor)
    throw new ModelError(`The weights lack ${name}, which the config asks for. Download the whole checkpoint.`);
  if (tensor.shape.join() !== shape.join()) {
    // The sentence of the language server's finding `tensor-shape`.
    throw new ModelError(
      `${name} is [${tensor.shape.join(', ')}], and the config makes it [${shape.join(', ')}]. Correct the config, or fetch the weights that belong to it.`,
    );
  }
  if (!isReadable(tensor)) {
    throw new ModelError(
      `${name} is stored as ${tensor.dtype}, which Headscope does not run. Use a form of the checkpoint that is listed in docs/weights.md.`,
    );
  }
  return tensor;
}

/** The type of the numbers that a graph reads. An encoded tensor is widened. */
export const floatOf = ({ encoded, dtype }: StoredTensor): (typeof floating)[keyof typeof floating] =>
  encoded ? floating.F32 : floating[dtype as keyof typeof floating];

/** The weight in its stored float type, checked against the shape that the config asks for; `rows` takes part of axis 0. */
export function storedWeight(
  graph: GraphBuilder,
  weights: StoredWeights,
  name: string,
  shape: readonly number[],
  rows?: { readonly first: number; readonly count: number },
): Value {
  const tensor = checkedTensor(weights, name, shape);
  const { type, bytes } = floatOf(tensor);
  const rowLength = shape.slice(1).reduce((product, axis) => product * axis, 1) * bytes;
  const first = rows?.first ?? 0;
  const count = rows?.count ?? shape[0] ?? 1;
  const label = rows ? `${name}[${first}:${first + count}]` : name;
  const parameter = rows && parameterOf(graph, name);
  if (parameter) return slice(parameter, 0, first, first + count);
  return externalOf(graph, label, type, [count, ...shape.slice(1)], {
    location: tensor.location,
    offset: tensor.offset + first * rowLength,
    length: count * rowLength,
  });
}

/** Names the part of a stored weight that a linear map has. */
export const partLabel = ({ weight, storedRows, storedShape, firstRow = 0, firstColumn }: Linear): string =>
  (storedRows ?? storedShape) === undefined
    ? weight
    : `${weight}[${firstRow}${firstColumn === undefined ? '' : `, ${firstColumn}`}]`;

/** A stored value of the outermost graph, which the branches inside it share; the same again where it is known. */
export function externalOf(
  graph: GraphBuilder,
  name: string,
  type: ElementType,
  shape: readonly number[],
  data: ExternalData,
): Value {
  let home = graph;
  while (home.parent instanceof GraphBuilder) home = home.parent;
  const value = home.values.get(name) ?? home.external(name, type, shape, data);
  return home === graph ? value : borrow(graph, value);
}

/** Rows of a tensor of several axes, read as rows of `columns` numbers one after the other, as float32. */
export function rowsOfTensor(
  graph: GraphBuilder,
  weights: StoredWeights,
  name: string,
  shape: readonly number[],
  { first, count, columns }: { readonly first: number; readonly count: number; readonly columns: number },
): Value {
  const tensor = checkedTensor(weights, name, shape);
  const parameter = parameterOf(graph, name);
  if (parameter) {
    const rows = shape.reduce((product, axis) => product * axis, 1) / columns;
    return slice(reshape(parameter, [rows, columns]), 0, first, first + count);
  }
  const { type, bytes } = floatOf(tensor);
  const stored = externalOf(graph, `${name}[${first}:${first + count}]`, type, [count, columns], {
    location: tensor.location,
    offset: tensor.offset + first * columns * bytes,
    length: count * columns * bytes,
  });
  return stored.type === 'float32' ? stored : cast(stored, 'float32');
}

/** What a weight is the sum of, unless it is trained. */
export const sumOf = (graph: GraphBuilder, weights: StoredWeights, name: string): SummedWeight | undefined =>
  weights.sum && parameterOf(graph, name) === undefined ? weights.sum(name) : undefined;

/** A weight that is no stored tensor of the graph, but a value that is trained. */
function parameterOf(graph: GraphBuilder, name: string): Value | undefined {
  const value = graph.values.get(name);
  return graph.initialisers.some((each) => each.value === value) ? undefined : value;
}

/** The weight as float32. */
export function weight(
  graph: GraphBuilder,
  weights: StoredWeights,
  name: string,
  shape: readonly number[],
  rows?: { readonly first: number; readonly count: number },
): Value {
  const stored = storedWeight(graph, weights, name, shape, rows);
  return stored.type === 'float32' ? stored : cast(stored, 'float32');
}
