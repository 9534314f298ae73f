/**
 * The same graph in standard operators, for devices whose provider lacks the fused ones: com.microsoft FusedMatMul is there on
 * the cpu, and not in WebGPU, which has neither Elu nor Or (onnxruntime 1.30, 2026-11).
 */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
} from './onnx_pb';
import { rawData } from './data';
import type { Dim } from './dims';
import type { Graph } from './graph';
import { tensorOf, tensorsOf, type StoredTensors } from './stored-tensors';
import { onnxTypeCode } from './types';

/** WebGPU has If up to this opset, and leaves that of a later one, with all that goes in and out, to the cpu (1.30, 2026-11). */
const lastOfBranches = 22n;

/** Which operators are written otherwise, by type. */
const rewritten: Readonly<Record<string, (writer: Writer) => void>> = {
  FusedMatMul: product,
  Elu: exponentialUnit,
  Or: either,
};

/** Whether graphs in standard operators are without it. */
export const isRewritten = (operator: string): boolean => Object.hasOwn(rewritten, operator);

/** The graph and the bodies of its Scans and branches without FusedMatMul, Elu and Or, which compute the same up to rounding. */
export function inStandardOperators<D extends Dim>(graph: Graph<D>): Graph<D> {
  const model = fromBinary(ModelProtoSchema, graph.model);
  if (model.graph) rewrite(model.graph, new Map());
  if (model.graph?.node.some(({ opType }) => opType === 'If')) {
    for (const each of model.opsetImport) if (each.domain === '') each.version = lastOfBranches;
  }
  return { ...graph, model: toBinary(ModelProtoSchema, model) };
}

function rewrite(graph: GraphProto, outer: StoredTensors): void {
  const tensors = tensorsOf(graph, outer, undefined);
  graph.node = graph.node.flatMap((node) => {
    for (const { g } of node.attribute) if (g) rewrite(g, tensors);
    // Integers times integers is the way of the cpu; a device multiplies by the float32 numbers themselves.
    const level = node.attribute.find(({ name }) => name === 'accuracy_level');
    if (level) level.i = 0n;
    const write = rewritten[node.opType];
    if (!write) return [node];
    const writer = new Writer(node, graph, tensors);
    write(writer);
    return writer.nodes;
  });
}

/** The nodes that take the place of one. */
class Writer {
  readonly nodes: NodeProto[] = [];

  constructor(
    private readonly node: NodeProto,
    private readonly graph: GraphProto,
    private readonly tensors: StoredTensors,
  ) {}

  input(at: number): { readonly name: string; readonly rank: number } {
    const name = this.node.input[at];
    return { name: name!, rank: tensorOf(this.node, name, this.tensors).shape.length };
  }

  attribute(name: string): AttributeProto | undefined {
    return this.node.attribute.find((each) => each.name === name);
  }

  /** A step on the way; gives the name of what it computes. */
  step(opType: string, part: string, input: string[], attribute: AttributeProto[] = []): string {
    const output = `${this.node.name}/${part}`;
    this.nodes.push(create(NodeProtoSchema, { name: output, opType, input, output: [output], attribute }));
    return output;
  }

  /** The step that gives what the node gave. */
  last(opType: string, input: string[]): void {
    const { name, output } = this.node;
    this.nodes.push(create(NodeProtoSchema, { name, opType, input, output: [...output] }));
  }

  /** A scalar of the type of the node's first input. */
  scalar(part: string, value: number): string {
    const type = tensorOf(this.node, this.node.input[0], this.tensors).width === 2 ? 'float16' : 'float32';
    const name = `${this.node.name}/${part}`;
    this.graph.initializer.push(
      create(TensorProtoSchema, { name, dataType: onnxTypeCode[type], rawData: rawData(type, [value]) }),
    );
    return name;
  }
}

/** scale * a' b' as Mul, Transpose and MatMul. */
function product(writer: Writer): void {
  const [left, right] = [writer.input(0), writer.input(1)];
  const inOrder = (value: string, order: readonly number[], part: string): string => {
    const type = AttributeProto_AttributeType.INTS;
    const ints = order.map(BigInt);
    return writer.step('Transpose', part, [value], [create(AttributeProtoSchema, { name: 'perm', type, ints })]);
  };
  const turned = (value: string, rank: number, part: string): string => {
    const axes = Array.from({ length: rank }, (_, axis) => axis);
    return inOrder(value, [...axes.slice(0, -2), rank - 1, rank - 2], part);
  };
  let [a, b] = [left.name, right.name];
  const scale = writer.attribute('alpha')?.f ?? 1;
  if (scale !== 1) a = writer.step('Mul', 'scaled', [a, writer.scalar('scale', scale)]);
  if (writer.attribute('transBatchB')?.i === 1n) {
    const axes = Array.from({ length: right.rank }, (_, axis) => axis);
    b = inOrder(b, [...axes.slice(1, -1), 0, right.rank - 1], 'batches');
  }
  if (writer.attribute('transA')?.i === 1n) a = turned(a, left.rank, 'left');
  if (writer.attribute('transB')?.i === 1n) b = turned(b, right.rank, 'right');
  writer.last('MatMul', [a, b]);
}

/** x above 0, alpha (e^x - 1) below, as max(x, 0) + alpha (e^min(x, 0) - 1). */
function exponentialUnit(writer: Writer): void {
  const x = writer.input(0).name;
  const above = writer.step('Relu', 'above', [x]);
  const negated = writer.step('Neg', 'negated', [x]);
  const below = writer.step('Neg', 'below', [writer.step('Relu', 'depth', [negated])]);
  const one = writer.scalar('one', 1);
  const bent = writer.step('Sub', 'bent', [writer.step('Exp', 'exponential', [below]), one]);
  const alpha = writer.scalar('alpha', writer.attribute('alpha')?.f ?? 1);
  writer.last('Add', [above, writer.step('Mul', 'scaled', [bent, alpha])]);
}

/** a or b as a + b > 0 of their numbers. */
function either(writer: Writer): void {
  const number = (at: number): string => {
    const to = { name: 'to', type: AttributeProto_AttributeType.INT, i: BigInt(onnxTypeCode.float32) };
    return writer.step('Cast', `number.${at}`, [writer.input(at).name], [create(AttributeProtoSchema, to)]);
  };
  writer.last('Greater', [writer.step('Add', 'sum', [number(0), number(1)]), writer.scalar('zero', 0)]);
}
