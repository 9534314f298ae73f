/** What an encoded graph gives the runtime to do, node by node: the measure from which a time is predicted. */
import type { GraphProto, NodeProto } from './onnx_pb';
import { countNode } from './count';
import { GraphError } from './records';
import {
  numbersOf,
  readGraph,
  tensorOf,
  tensorsOf,
  type Sizes,
  type StoredTensor,
  type StoredTensors,
} from './stored-tensors';

/**
 * Kinds of work that run at rates of their own:
 * - `product`: matrix products and convolutions, whose time goes by their multiply-adds;
 * - `softmax`: softmax and normalisation, several passes over rows with exponentials or roots;
 * - `exponential`: one transcendental function a number;
 * - `elementwise`: additions, products, comparisons, choices;
 * - `copy`: numbers moved and not changed (gather, concatenate, transpose, slice, scatter);
 * - `reduction`: sums and maxima over axes, running sums;
 * - `selection`: the largest k of each row;
 * - `view`: a new shape for the same numbers, only the call of the operator.
 */
export type WorkKind =
  | 'product'
  | 'softmax'
  | 'exponential'
  | 'elementwise'
  | 'copy'
  | 'reduction'
  | 'selection'
  | 'view';

export interface Work {
  readonly kind: WorkKind;
  /** Operators called: 1, or 0 for a part of an operator that does more than one kind of work. */
  readonly calls: number;
  /** Operations of one call in products alone, two for each multiply-add. */
  readonly flops: number;
  /**
   * Bytes that one call passes over. What it reads and writes; of a copy twice what it writes, since a slice or a gather reads
   * no more; of a reduction or selection what it reads; of attention operators the scores, read and written once, 4 bytes each.
   */
  readonly bytes: number;
  /** How often a run does it: 1, or the steps of the Scan around it. */
  readonly times: number;
}

/** Every node of the graph and of the bodies of its Scans. Throws a GraphError where a shape is not known or control flow is not a Scan. */
export function workOf(model: Uint8Array): readonly Work[] {
  const { graph, sizes } = readGraph(model);
  const found: Work[] = [];
  if (graph) visit(graph, new Map(), sizes, 1, found);
  return found;
}

function visit(graph: GraphProto, outer: StoredTensors, sizes: Sizes, times: number, found: Work[]): void {
  const tensors = tensorsOf(graph, outer, sizes);
  for (const node of graph.node) {
    if (node.opType === 'Scan') {
      const body = node.attribute.find(({ name }) => name === 'body')?.g;
      const steps = tensorOf(node, node.input.at(-1), tensors).shape[0] ?? 1;
      found.push({ kind: 'view', calls: 1, flops: 0, bytes: 0, times });
      if (body) visit(body, tensors, sizes, times * steps, found);
      continue;
    }
    for (const work of worksOf(node, tensors, sizes)) found.push({ ...work, times });
  }
}

type OneCall = Omit<Work, 'times'>;

function worksOf(node: NodeProto, tensors: StoredTensors, sizes: Sizes): readonly OneCall[] {
  const all = (names: readonly string[]) =>
    names.filter((name) => name !== '').map((name) => tensorOf(node, name, tensors));
  const read = bytesOf(all(node.input));
  const written = bytesOf(all(node.output));
  const kind = kindOf(node);
  const call = { kind, calls: 1, flops: 0 };
  switch (kind) {
    case 'product': {
      const product = { ...call, flops: 2 * countNode(node, tensors, sizes) };
      const scores = scoresOf(node, product.flops, tensors);
      if (scores === undefined) return [{ ...product, bytes: read + written }];
      return [
        { ...product, bytes: read + written },
        { kind: 'softmax', calls: 0, flops: 0, bytes: 2 * 4 * scores },
      ];
    }
    case 'copy':
      return [{ ...call, bytes: 2 * written }];
    case 'reduction':
    case 'selection':
      return [{ ...call, bytes: read }];
    case 'view':
      return [{ ...call, bytes: 0 }];
    case 'softmax':
    case 'exponential':
    case 'elementwise':
      return [{ ...call, bytes: read + written }];
  }
}

/** Scores that an attention operator passes through its softmax: its flops over 2 (d + e). */
function scoresOf(node: NodeProto, flops: number, tensors: StoredTensors): number | undefined {
  if (node.opType !== 'MultiHeadAttention' && node.opType !== 'GroupQueryAttention') return undefined;
  const heads = Number(node.attribute.find(({ name }) => name === 'num_heads')?.i ?? 1);
  const [query, output] = [tensorOf(node, node.input[0], tensors), tensorOf(node, node.output[0], tensors)];
  const widths = ((query.shape.at(-1) ?? 1) + (output.shape.at(-1) ?? 1)) / heads;
  return flops / (2 * widths);
}

const bytesOf = (tensors: readonly StoredTensor[]): number =>
  tensors.reduce((sum, { shape, width }) => sum + numbersOf(shape) * width, 0);

const kinds: Readonly<Record<Exclude<WorkKind, 'elementwise'>, readonly string[]>> = {
  product: [
    'MatMul',
    'FusedMatMul',
    'Gemm',
    'Conv',
    'CausalConvWithState',
    'MultiHeadAttention',
    'GroupQueryAttention',
    'LinearAttention',
  ],
  softmax: ['Softmax', 'LogSoftmax', 'LayerNormalization', 'SimplifiedLayerNormalization', 'RMSNormalization'],
  exponential: ['Exp', 'Log', 'Elu', 'Sigmoid', 'Tanh', 'Softplus', 'Erf', 'Gelu', 'Sin', 'Cos', 'Atan', 'Pow'],
  copy: [
    'Gather',
    'GatherElements',
    'GatherND',
    'ScatterElements',
    'ScatterND',
    'Concat',
    'Split',
    'Slice',
    'Transpose',
    'Expand',
    'Tile',
    'Pad',
    'Trilu',
    'Cast',
    'Identity',
    'ConstantOfShape',
    'Range',
    'OneHot',
  ],
  reduction: [
    'ReduceSum',
    'ReduceMax',
    'ReduceMin',
    'ReduceMean',
    'ReduceL2',
    'ReduceSumSquare',
    'ReduceLogSumExp',
    'ArgMax',
    'CumSum',
    'NonZero',
  ],
  selection: ['TopK'],
  view: ['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Shape', 'Size', 'Constant'],
};

const kindByOperator = new Map(
  Object.entries(kinds).flatMap(([kind, operators]) => operators.map((operator) => [operator, kind as WorkKind])),
);

function kindOf(node: NodeProto): WorkKind {
  if (['If', 'Loop', 'Einsum', 'Attention'].includes(node.opType)) {
    throw new GraphError(`${node.opType} "${node.name}": what it does cannot be read off its shapes here.`);
  }
  return kindByOperator.get(node.opType) ?? 'elementwise';
}
