/** Multiply-adds of an encoded graph, counted from its nodes and the shapes written beside them. */
import type { GraphProto, NodeProto } from './onnx_pb';
import { GraphError } from './records';
import { numbersOf as size, readGraph, tensorOf, tensorsOf, type Sizes, type StoredTensors } from './stored-tensors';

/**
 * Products counted: MatMul, FusedMatMul, Gemm (m n k each), MultiHeadAttention and GroupQueryAttention (pairs times the
 * widths of a query and a value; GroupQueryAttention computes the readable pairs only), Conv (each output number reads one
 * kernel, as does CausalConvWithState), LinearAttention (a token changes each number of the state and reads it, by the delta rules twice),
 * and the bodies of Scan times their steps. Dimensions that only a run decides count as the graph's metadata
 * `expected sizes` says. Operators without products count nothing; Einsum is refused, since its cost depends on the runtime's
 * plan.
 */
export function countMultiplyAdds(model: Uint8Array): number {
  const { graph, sizes } = readGraph(model);
  return graph ? countGraph(graph, new Map(), sizes) : 0;
}

function countGraph(graph: GraphProto, outer: StoredTensors, sizes: Sizes): number {
  const tensors = tensorsOf(graph, outer, sizes);
  return graph.node.reduce((sum, node) => sum + countNode(node, tensors, sizes), 0);
}

/** Multiply-adds of one node; those of a Scan are its steps times its body. */
export function countNode(node: NodeProto, tensors: StoredTensors, sizes: Sizes): number {
  const shape = (name: string | undefined): readonly number[] => tensorOf(node, name, tensors).shape;
  const attribute = (name: string): number => Number(node.attribute.find((entry) => entry.name === name)?.i ?? 0);
  switch (node.opType) {
    case 'MatMul':
    case 'FusedMatMul':
    case 'Gemm': {
      const left = shape(node.input[0]);
      return size(shape(node.output[0])) * (left.at(attribute('transA') ? -2 : -1) ?? 1);
    }
    case 'MultiHeadAttention': {
      const [batch = 1, queries = 1, width = 1] = shape(node.input[0]);
      const key = shape(node.input[1]);
      const keys = (key.length === 4 ? key[2] : key[1]) ?? 1;
      const valueWidth = shape(node.output[0])[2] ?? 1;
      return batch * queries * keys * (width + valueWidth);
    }
    case 'GroupQueryAttention': {
      const [batch = 1, queries = 1, width = 1] = shape(node.input[0]);
      const total = shape(node.output[1])[2] ?? 1;
      return (batch * queries * (2 * total - queries + 1) * 2 * width) / 2;
    }
    case 'Conv': {
      const weight = shape(node.input[1]);
      return (size(shape(node.output[0])) * size(weight)) / (weight[0] ?? 1);
    }
    case 'CausalConvWithState':
      return size(shape(node.output[0])) * (shape(node.input[1])[2] ?? 1);
    case 'LinearAttention': {
      const [batch = 1, tokens = 1] = shape(node.input[0]);
      const [, heads = 1, width = 1, valueWidth = 1] = shape(node.output[1]);
      // Only the delta rules have a sixth input: they ask the state for the value of a key before they change it.
      return batch * tokens * heads * width * valueWidth * (node.input[5] ? 3 : 2);
    }
    case 'Scan': {
      const scanned = shape(node.input.at(-1));
      const inner = node.attribute.find((entry) => entry.name === 'body')?.g;
      return inner ? (scanned[0] ?? 1) * countGraph(inner, tensors, sizes) : 0;
    }
    case 'Einsum':
    case 'Loop':
    case 'If':
    case 'Attention':
      throw new GraphError(`${node.opType} "${node.name}": its multiply-adds cannot be read off its shapes here.`);
    default:
      return 0;
  }
}
