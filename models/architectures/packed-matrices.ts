/** Products with weights that are held in integers, and rows of tables of them. */
import type { GraphBuilder } from '../../kernels/graph/builder';
import type { ExternalData, Value } from '../../kernels/graph/records';
import { add, cast, multiply, subtract } from '../../kernels/graph/operators/elementwise';
import { concat, gather, reshape } from '../../kernels/graph/operators/layout';
import {
  blocksOf,
  fusedMatmul,
  gatherBlockwise,
  matmulBlockwise,
  zeroPointBytes,
} from '../../kernels/graph/operators/matrix';
import { reduceSum } from '../../kernels/graph/operators/reduce';
import { unreachable } from '../unreachable';
import {
  externalOf,
  partLabel,
  storedWeight,
  type HeldMatrix,
  type PackedMatrix,
  type StoredWeights,
} from './stored-weights';
import type { Linear } from './weights-spec';
import { widenedProduct } from './widened-products';

/** How many rows of a matrix fit into so many bytes, at least one. */
export const rowsWithin = (bytes: number | undefined, rowBytes: number): number =>
  Math.max(1, Math.floor((bytes ?? Infinity) / rowBytes));

/** The outputs of products of at most `most` rows each, side by side. */
export function inPieces(
  outputs: number,
  most: number,
  product: (rows: { readonly first: number; readonly count: number }) => Value,
): Value {
  const pieces: Value[] = [];
  for (let first = 0; first < outputs; first += most) {
    pieces.push(product({ first, count: Math.min(most, outputs - first) }));
  }
  return concat(pieces, -1);
}

type Part = 'values' | 'scales' | 'zeroPoints' | 'minima' | 'low.values' | 'low.zeroPoints';

/** Bytes of each part of a row. */
function bytesOfRow(inputs: number, { bits, block }: PackedMatrix): Readonly<Record<Part, number>> {
  const blocks = blocksOf(inputs, block);
  const [values, zeroPoints] = [(blocks * block * bits) / 8, zeroPointBytes(blocks, bits)];
  return {
    ...{ values, zeroPoints, scales: 4 * blocks, minima: 4 * blocks },
    ...{ 'low.values': values, 'low.zeroPoints': zeroPoints },
  };
}

/** x times a weight that is held in a form of its own. */
export function heldProduct(
  graph: GraphBuilder,
  spec: Linear,
  held: HeldMatrix,
  x: Value,
  largest: number | undefined,
): Value {
  switch (held.kind) {
    case 'integers':
      return packedProduct(graph, spec, held, x, largest);
    case 'halves':
    case 'table':
      return widenedProduct(graph, spec, held, x);
    default:
      return unreachable(held);
  }
}

function packedProduct(
  graph: GraphBuilder,
  spec: Linear,
  packed: PackedMatrix,
  x: Value,
  largest: number | undefined,
): Value {
  const { inputs, outputs } = spec;
  const { bits, block, activations, zeroPoints, low, minima, order } = packed;
  const blocks = blocksOf(inputs, block);
  const bytes = bytesOfRow(inputs, packed);
  const label = partLabel(spec);
  const own = order ? gather(x, externalOf(graph, `${label}.order`, 'int32', [inputs], order), -1) : x;
  const sums = minima && blockSums(own, blocks, block);
  const product = ({ first, count }: { readonly first: number; readonly count: number }): Value => {
    const part = (of: Part, data: ExternalData, type: 'uint8' | 'float32', shape: readonly number[]): Value => {
      const name = count === outputs ? `${label}.${of}` : `${label}.${of}[${first}:${first + count}]`;
      const { location, offset } = data;
      const some = { location, offset: offset + first * bytes[of], length: count * bytes[of] };
      return externalOf(graph, name, type, shape, some);
    };
    const scales = part('scales', packed.scales, 'float32', [count * blocks]);
    const times = (values: ExternalData, zeros: ExternalData | undefined, half: '' | 'low.'): Value => {
      const matrix = {
        ...{ inputs, outputs: count, bits, block, scales },
        values: part(`${half}values`, values, 'uint8', [count, blocks, bytes.values / blocks]),
        zeroPoints: zeros && part(`${half}zeroPoints`, zeros, 'uint8', [count * bytes.zeroPoints]),
      };
      return matmulBlockwise(own, matrix, activations);
    };
    const high = times(packed.values, zeroPoints, '');
    const above = low ? add(multiply(high, 16), times(low.values, low.zeroPoints, 'low.')) : high;
    if (!minima || !sums) return above;
    return subtract(above, fusedMatmul(sums, part('minima', minima, 'float32', [count, blocks]), { transposeB: true }));
  };
  const most = rowsWithin(largest, bytes.values);
  return outputs <= most ? product({ first: 0, count: outputs }) : inPieces(outputs, most, product);
}

/** Sums of inputs, by the inputs and the size of a block. Queries, keys and values share them, and so do gate and up. */
const summed = new WeakMap<Value, Map<number, Value>>();

/** x [..., blocks x block] to the sum of each block, [..., blocks]. A block of padding has no minimum to subtract. */
function blockSums(x: Value, blocks: number, block: number): Value {
  const known = summed.get(x) ?? new Map<number, Value>();
  summed.set(x, known);
  const sums = known.get(block) ?? reduceSum(reshape(x, [...x.shape.slice(0, -1), blocks, block]), [-1], false);
  known.set(block, sums);
  return sums;
}

/** Rows of a table [rows, columns] by number, as float32. They are picked before they are widened, since a cast would copy the table. */
export function tableRows(
  graph: GraphBuilder,
  weights: StoredWeights,
  name: string,
  shape: readonly [rows: number, columns: number],
  ids: Value,
): Value {
  const packed = weights.packTable?.(name, shape);
  if (packed) return packedRows(graph, name, shape, packed, ids);
  const rows = gather(storedWeight(graph, weights, name, shape), ids);
  return rows.type === 'float32' ? rows : cast(rows, 'float32');
}

function packedRows(
  graph: GraphBuilder,
  name: string,
  [rows, columns]: readonly [rows: number, columns: number],
  packed: PackedMatrix,
  ids: Value,
): Value {
  const { bits, block, minima, zeroPoints } = packed;
  const blocks = blocksOf(columns, block);
  const bytes = bytesOfRow(columns, packed);
  const part = (of: Part, data: ExternalData, type: 'uint8' | 'float32', width: number): Value =>
    externalOf(graph, `${name}.${of}`, type, [rows, width], data);
  const above = gatherBlockwise(ids, {
    ...{ bits, block },
    values: part('values', packed.values, 'uint8', bytes.values),
    scales: part('scales', packed.scales, 'float32', blocks),
    zeroPoints: zeroPoints && part('zeroPoints', zeroPoints, 'uint8', bytes.zeroPoints),
  });
  if (!minima) return above;
  const below = gather(part('minima', minima, 'float32', blocks), ids);
  const split = subtract(reshape(above, [...ids.shape, blocks, block]), reshape(below, [...ids.shape, blocks, 1]));
  return reshape(split, [...ids.shape, columns]);
}
