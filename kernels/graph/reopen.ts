/** An encoded graph as a builder again, so that it can be evaluated in float64 and differentiated. */
import { fromBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  ModelProtoSchema,
  type AttributeProto,
  type GraphProto,
  type ValueInfoProto,
} from './onnx_pb';
import { GraphBuilder } from './builder';
import type { Dim, Shape } from './dims';
import type { Graph } from './graph';
import { onnxTypeCode, type ElementType } from './types';
import { body, float, floats, int, ints, text, type Attribute, type Domain, type Value } from './records';

/** Outputs are inner values: `outputs` names them. Texts of attributes are ASCII. */
export function reopen(graph: Graph<Dim>): { readonly graph: GraphBuilder; readonly outputs: readonly Value[] } {
  const { graph: proto, metadataProps } = fromBinary(ModelProtoSchema, graph.model);
  if (!proto) throw new RangeError('a model without a graph');
  const builder = new GraphBuilder(proto.name);
  for (const { key, value } of metadataProps) builder.metadata.set(key, value);
  return { graph: builder, outputs: fill(builder, proto, undefined) };
}

type Find = ((name: string) => Value) | undefined;

function fill(builder: GraphBuilder, proto: GraphProto, outer: Find): Value[] {
  const known = new Map<string, Value>();
  const find = (name: string): Value => {
    const value = known.get(name) ?? outer?.(name);
    if (!value) throw new RangeError(`no value "${name}"`);
    return value;
  };
  for (const { name, dims, dataType, rawData } of proto.initializer) {
    const value = { graph: builder, name, type: typeOf(dataType), shape: dims.map(Number) };
    known.set(name, builder.adopt({ value, data: Uint8Array.from(rawData) }));
  }
  for (const info of proto.input) {
    const { type, shape } = described(info);
    known.set(info.name, builder.input(info.name, type, shape));
  }
  const infos = new Map([...proto.valueInfo, ...proto.output].map((info) => [info.name, info]));
  for (const node of proto.node) {
    const outputs = node.output.map((name) => ({ ...described(infos.get(name)!), name }));
    const inputs = node.input.map((name) => (name === '' ? undefined : { ...find(name), graph: builder }));
    const attributes = Object.fromEntries(node.attribute.map((each) => [each.name, attributeOf(each, builder, find)]));
    const values = builder.node(node.opType, inputs, outputs, attributes, node.domain as Domain);
    values.forEach((value) => known.set(value.name, value));
  }
  return proto.output.map(({ name }) => find(name));
}

function attributeOf(attribute: AttributeProto, builder: GraphBuilder, find: (name: string) => Value): Attribute {
  const { INT, INTS, FLOAT, FLOATS, STRING, GRAPH } = AttributeProto_AttributeType;
  if (attribute.type === INT) return int(Number(attribute.i));
  if (attribute.type === INTS) return ints(attribute.ints.map(Number));
  if (attribute.type === FLOAT) return float(attribute.f);
  if (attribute.type === FLOATS) return floats(attribute.floats);
  if (attribute.type === STRING) return text(String.fromCharCode(...attribute.s));
  if (attribute.type !== GRAPH || !attribute.g) throw new RangeError(`no graph here has a "${attribute.name}"`);
  const inner = new GraphBuilder(attribute.g.name, builder);
  for (const value of fill(inner, attribute.g, find)) inner.output(value, inner.fresh('result'));
  return body(inner);
}

const types = new Map(Object.entries(onnxTypeCode).map(([type, code]) => [code, type as ElementType]));
const typeOf = (code: number): ElementType => types.get(code)!;

function described(info: ValueInfoProto): { readonly type: ElementType; readonly shape: Shape } {
  const type = info.type?.value;
  if (type?.case !== 'tensorType') throw new RangeError(`"${info.name}" is no tensor`);
  const dims = type.value.shape?.dim ?? [];
  return {
    type: typeOf(type.value.elemType),
    shape: dims.map(({ value }) => (value.case === 'dimParam' ? value.value : Number(value.value ?? 0))),
  };
}
