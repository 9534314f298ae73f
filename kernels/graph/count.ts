/** Multiply-adds of an encoded graph, counted from its nodes and the shapes written beside them. */
import { fromBinary } from '@bufbuild/protobuf';
import { ModelProtoSchema, type GraphProto, type NodeProto, type ValueInfoProto } from 'onnx-buf';
import { sizeOfDim } from './dims';
import { GraphError } from './records';

/**
 * Products counted: MatMul, FusedMatMul, Gemm (m n k each), MultiHeadAttention and GroupQueryAttention (pairs times the
 * widths of a query and a value; GroupQueryAttention computes the readable pairs only), Conv (each output number reads one
 * kernel), and the bodies of Scan times their steps. Dimensions that only a run decides count as the graph's metadata
 * `expected sizes` says. Operators without products count nothing; Einsum is refused, since its cost depends on the runtime's
 * plan.
 */
export function countMultiplyAdds(model: Uint8Array): number {
  const { graph, metadataProps } = fromBinary(ModelProtoSchema, model);
  const expected = metadataProps.find(({ key }) => key === expectedSizes)?.value ?? '{}';
  return graph ? countGraph(graph, new Map(), JSON.parse(expected) as Sizes) : 0;
}

/** Metadata of a graph with dimensions that a run decides: JSON of name to the number expected on random inputs. */
export const expectedSizes = 'expected sizes';

type Shapes = Map<string, readonly number[]>;
type Sizes = Readonly<Record<string, number>>;

function countGraph(graph: GraphProto, outer: Shapes, sizes: Sizes): number {
  const shapes: Shapes = new Map(outer);
  for (const value of [...graph.input, ...graph.valueInfo, ...graph.output])
    shapes.set(value.name, shapeOf(value, sizes));
  for (const tensor of graph.initializer) shapes.set(tensor.name, tensor.dims.map(Number));
  return graph.node.reduce((sum, node) => sum + countNode(node, shapes, sizes), 0);
}

function countNode(node: NodeProto, shapes: Shapes, sizes: Sizes): number {
  const shape = (name: string | undefined): readonly number[] => {
    const found = name === undefined ? undefined : shapes.get(name);
    if (!found) throw new GraphError(`${node.opType} "${node.name}": the shape of "${name}" is not in the file.`);
    return found;
  };
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
    case 'Scan': {
      const scanned = shape(node.input.at(-1));
      const inner = node.attribute.find((entry) => entry.name === 'body')?.g;
      return inner ? (scanned[0] ?? 1) * countGraph(inner, shapes, sizes) : 0;
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

const size = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

function shapeOf(value: ValueInfoProto, sizes: Sizes): readonly number[] {
  const type = value.type?.value;
  if (type?.case !== 'tensorType') return [];
  return (type.value.shape?.dim ?? []).map((dim) => {
    if (dim.value.case === 'dimValue') return Number(dim.value.value);
    const size = dim.value.case === 'dimParam' ? sizeOfDim(dim.value.value, sizes) : undefined;
    if (size === undefined) throw new GraphError(`"${value.name}" has a dimension that only a run decides.`);
    return size;
  });
}
