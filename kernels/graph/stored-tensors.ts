/** The tensors of an encoded graph: the shapes and types that the builder writes beside its nodes. */
import { fromBinary } from '@bufbuild/protobuf';
import {
  ModelProtoSchema,
  TensorProto_DataType,
  type GraphProto,
  type NodeProto,
  type ValueInfoProto,
} from './onnx_pb';
import { sizeOfDim } from './dims';
import { GraphError } from './records';

/** Metadata of a graph with dimensions that a run decides: JSON of name to the number expected on random inputs. */
export const expectedSizes = 'expected sizes';

export type Sizes = Readonly<Record<string, number>>;

export interface StoredTensor {
  readonly shape: readonly number[];
  /** Bytes of one number. */
  readonly width: number;
}

export type StoredTensors = ReadonlyMap<string, StoredTensor>;

/** The graph of a model, and the sizes that its metadata expects of dimensions that only a run decides. */
export function readGraph(model: Uint8Array): { readonly graph: GraphProto | undefined; readonly sizes: Sizes } {
  const { graph, metadataProps } = fromBinary(ModelProtoSchema, model);
  const expected = metadataProps.find(({ key }) => key === expectedSizes)?.value ?? '{}';
  return { graph, sizes: JSON.parse(expected) as Sizes };
}

/** By name, those of the graph around a body included. Without sizes a dimension that only a run decides is NaN. */
export function tensorsOf(graph: GraphProto, outer: StoredTensors, sizes: Sizes | undefined): StoredTensors {
  const tensors = new Map(outer);
  for (const value of [...graph.input, ...graph.valueInfo, ...graph.output]) {
    const type = value.type?.value;
    const width = widthOf(type?.case === 'tensorType' ? type.value.elemType : undefined);
    tensors.set(value.name, { shape: shapeOf(value, sizes), width });
  }
  for (const { name, dims, dataType } of graph.initializer) {
    tensors.set(name, { shape: dims.map(Number), width: widthOf(dataType) });
  }
  return tensors;
}

export function tensorOf(node: NodeProto, name: string | undefined, tensors: StoredTensors): StoredTensor {
  const found = name === undefined ? undefined : tensors.get(name);
  if (!found) throw new GraphError(`${node.opType} "${node.name}": the shape of "${name}" is not in the file.`);
  return found;
}

export const numbersOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

const { INT64, UINT64, DOUBLE, FLOAT16, BFLOAT16, INT16, UINT16, BOOL, INT8, UINT8 } = TensorProto_DataType;
const widths: ReadonlyMap<number | undefined, number> = new Map<number, number>([
  ...[INT64, UINT64, DOUBLE].map((type) => [type, 8] as const),
  ...[FLOAT16, BFLOAT16, INT16, UINT16].map((type) => [type, 2] as const),
  ...[BOOL, INT8, UINT8].map((type) => [type, 1] as const),
]);

const widthOf = (type: number | undefined): number => widths.get(type) ?? 4;

function shapeOf(value: ValueInfoProto, sizes: Sizes | undefined): readonly number[] {
  const type = value.type?.value;
  if (type?.case !== 'tensorType') return [];
  return (type.value.shape?.dim ?? []).map((dim) => {
    if (dim.value.case === 'dimValue') return Number(dim.value.value);
    if (!sizes) return Number.NaN;
    const size = dim.value.case === 'dimParam' ? sizeOfDim(dim.value.value, sizes) : undefined;
    if (size === undefined) throw new GraphError(`"${value.name}" has a dimension that only a run decides.`);
    return size;
  });
}
