/**
 * Weights of a checkpoint as values of a graph. The bytes stay in the `.safetensors` file: an initialiser points at them by
 * offset and length; float16 and bfloat16 are widened by a Cast inside the graph.
 */
import { GraphBuilder } from '../../kernels/graph/builder';
import { borrow } from '../../kernels/graph/operators/conditional';
import type { ElementType } from '../../kernels/graph/types';
import type { ExternalData, Value } from '../../kernels/graph/records';
import { cast } from '../../kernels/graph/operators/elementwise';
import { slice } from '../../kernels/graph/operators/layout';
import { ModelError, type Linear } from './model-spec';

export interface StoredTensor {
  readonly name: string;
  /** As safetensors spells it: `F32`, `F16`, `BF16`, `I8`, … */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Path of the data file relative to the folder that sessions are opened with. */
  readonly location: string;
  /** Byte offset in that file. */
  readonly offset: number;
  readonly length: number;
}

/** The weight of a linear map in integers with a factor for each block of inputs (matmulBlockwise). */
export interface PackedMatrix {
  readonly bits: 4 | 8;
  readonly block: number;
  readonly values: ExternalData;
  readonly scales: ExternalData;
}

export interface StoredWeights {
  find(name: string): StoredTensor | undefined;
  /** Where linear maps are held in integers: the weight of one, stored in `shape`; undefined: this one stays as it is stored. */
  pack?(linear: Linear, shape: readonly number[]): PackedMatrix | undefined;
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
  if (!Object.hasOwn(floating, tensor.dtype)) {
    throw new ModelError(
      `${name} is stored as ${tensor.dtype}: Headscope runs F32, F16 and BF16 weights. Use the unquantised checkpoint.`,
    );
  }
  return tensor;
}

/** The weight in its stored float type, checked against the shape that the config asks for; `rows` takes part of axis 0. */
export function storedWeight(
  graph: GraphBuilder,
  weights: StoredWeights,
  name: string,
  shape: readonly number[],
  rows?: { readonly first: number; readonly count: number },
): Value {
  const tensor = checkedTensor(weights, name, shape);
  const { type, bytes } = floating[tensor.dtype as keyof typeof floating];
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
  const { type, bytes } = floating[tensor.dtype as keyof typeof floating];
  const stored = externalOf(graph, `${name}[${first}:${first + count}]`, type, [count, columns], {
    location: tensor.location,
    offset: tensor.offset + first * columns * bytes,
    length: count * columns * bytes,
  });
  return stored.type === 'float32' ? stored : cast(stored, 'float32');
}

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
