/** The graph that a kernel process hands over, read from its bytes: nothing that the process says of it is taken over. */
import { countMultiplyAdds } from '../../kernels/graph/count';
import type { Cost } from '../../kernels/cost/cost';
import type { Graph, GraphValue } from '../../kernels/graph/graph';
import { liveBytes } from '../../kernels/graph/live-bytes';
import {
  TensorProto_DataLocation,
  type GraphProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../kernels/graph/onnx_pb';
import { readGraph } from '../../kernels/graph/stored-tensors';
import { onnxTypeCode, type ElementType } from '../../kernels/graph/types';
import { workOf } from '../../kernels/graph/work';
import type { Mechanism, Weight } from '../../kernels/mechanism';
import type { AttentionShape, Precision } from '../../kernels/shape';

type Layout = Mechanism['layout'];

export interface Handed {
  readonly layout: Layout;
  readonly weights: readonly Weight[];
  readonly precision: Precision;
}

/** Throws a RangeError, one sentence, where the graph is not one of this shape. */
export function handedGraph(model: Uint8Array, shape: AttentionShape, { layout, weights, precision }: Handed): Graph {
  let graph: GraphProto | undefined;
  try {
    ({ graph } = readGraph(model));
  } catch {
    throw new RangeError('build gave bytes that are no ONNX graph. Return what builder.finish() gives.');
  }
  if (!graph) throw new RangeError('build gave a model without a graph. Return what builder.finish() gives.');
  refuseOutside(graph);
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim } = shape;
  const laid = (count: number, length: number, width: number): readonly number[] =>
    layout === 'heads-first' ? [batch, count, length, width] : [batch, length, count * width];
  const wanted: Readonly<Record<string, readonly number[]>> = {
    query: laid(heads, queries, headDim),
    key: laid(kvHeads, keys, headDim),
    value: laid(kvHeads, keys, valueDim),
    ...Object.fromEntries(weights.map((weight) => [weight.name, weight.shape])),
  };
  const inputs = graph.input.map(describe);
  for (const [name, dims] of Object.entries(wanted)) requireValue('input', name, dims, precision, inputs);
  const further = inputs.find(({ name }) => !Object.hasOwn(wanted, name));
  if (further) {
    throw new RangeError(
      `The graph has an input "${further.name}" that nothing fills. Inputs are query, key, value and the weights.`,
    );
  }
  const outputs = graph.output.map(describe);
  requireValue('output', 'output', laid(heads, queries, valueDim), precision, outputs);
  return { model: Uint8Array.from(model), inputs, outputs };
}

function requireValue(
  kind: 'input' | 'output',
  name: string,
  dims: readonly number[],
  precision: Precision,
  values: readonly GraphValue[],
): void {
  const found = values.find((value) => value.name === name);
  if (!found) throw new RangeError(`The graph has no ${kind} "${name}" of shape [${dims.join(', ')}].`);
  if (found.type !== precision)
    throw new RangeError(`The ${kind} "${name}" is ${found.type}, and ${precision} is asked for.`);
  if (found.shape.join() !== dims.join()) {
    throw new RangeError(
      `The ${kind} "${name}" has the shape [${found.shape.join(', ')}], and [${dims.join(', ')}] is asked for.`,
    );
  }
}

const typeOf = new Map(Object.entries(onnxTypeCode).map(([name, code]) => [code, name as ElementType]));

function describe({ name, type }: ValueInfoProto): GraphValue {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  const dims = tensor?.shape?.dim.map(({ value }) => (value.case === 'dimValue' ? Number(value.value) : -1)) ?? [];
  const element = typeOf.get(tensor?.elemType ?? 0);
  if (!element) throw new RangeError(`"${name}" has a type that no graph here may have.`);
  return { name, type: element, shape: dims };
}

/** What to do where numbers of a graph lie in another file. */
const intoGraph = 'Put its numbers into the graph: builder.constant(…).';

/** Weights in files of their own could be any file of this machine; operators of other domains could be any code. */
export function refuseOutside(graph: GraphProto, inside = intoGraph): void {
  const external = ({ dataLocation, externalData }: TensorProto): boolean =>
    dataLocation !== TensorProto_DataLocation.DEFAULT || externalData.length > 0;
  const refuse = (name: string): never => {
    throw new RangeError(`The constant "${name}" lies in another file. ${inside}`);
  };
  for (const tensor of graph.initializer) if (external(tensor)) refuse(tensor.name);
  for (const sparse of graph.sparseInitializer) {
    if ([sparse.values, sparse.indices].some((part) => part && external(part))) refuse(sparse.values?.name ?? '');
  }
  for (const node of graph.node) {
    if (!['', 'ai.onnx', 'com.microsoft'].includes(node.domain)) {
      throw new RangeError(`The operator ${node.opType} is of the domain "${node.domain}", which is not known here.`);
    }
    if (/^(Random|Bernoulli|Multinomial)/u.test(node.opType)) {
      throw new RangeError(
        `The operator ${node.opType} draws numbers: a kernel gives the same output for the same input.`,
      );
    }
    for (const { t, tensors, g, graphs } of node.attribute) {
      for (const tensor of [...(t ? [t] : []), ...tensors]) if (external(tensor)) refuse(tensor.name);
      for (const inner of [...(g ? [g] : []), ...graphs]) refuseOutside(inner, inside);
    }
  }
}

/** Counted in the graph: what a file says of its own cost decides nothing. */
export function countedCost({ model }: Graph): Cost {
  const bytes = workOf(model).reduce((sum, work) => sum + work.bytes * work.times, 0);
  return { flops: 2 * countMultiplyAdds(model), bytes, peakBytes: liveBytes(model) };
}
