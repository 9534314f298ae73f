/** From a builder to the bytes of an ONNX ModelProto. */
import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataLocation,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type TensorProto,
  type ValueInfoProto,
} from './onnx_pb';
import type { Attribute, GraphScope, Initialiser, Value } from './records';
import { onnxTypeCode } from './types';

/** IR 11 belongs to opset 23; onnxruntime 1.30 reads up to 12. */
const irVersion = 11n;

export function encodeModel(graph: GraphScope, opsets: Readonly<Record<string, number>>): Uint8Array<ArrayBuffer> {
  const model = create(ModelProtoSchema, {
    irVersion,
    producerName: 'headscope',
    opsetImport: Object.entries(opsets).map(([domain, version]) => ({ domain, version: BigInt(version) })),
    graph: encodeGraph(graph),
    metadataProps: [...graph.metadata].map(([key, value]) => ({ key, value })),
  });
  return toBinary(ModelProtoSchema, model);
}

function encodeGraph(graph: GraphScope): GraphProto {
  const declared = new Set([...graph.inputs, ...graph.outputs]);
  for (const { value } of graph.initialisers) declared.add(value);
  return create(GraphProtoSchema, {
    name: graph.name,
    input: graph.inputs.map(encodeValue),
    output: graph.outputs.map(encodeValue),
    initializer: graph.initialisers.map(encodeInitialiser),
    valueInfo: [...graph.values.values()].filter((value) => !declared.has(value)).map(encodeValue),
    node: graph.nodes.map((node) =>
      create(NodeProtoSchema, {
        name: node.name,
        domain: node.domain,
        opType: node.operator,
        input: [...node.inputs],
        output: [...node.outputs],
        attribute: Object.entries(node.attributes).map(([name, attribute]) => encodeAttribute(name, attribute)),
      }),
    ),
  });
}

function encodeValue(value: Value): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name: value.name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: onnxTypeCode[value.type],
          shape: {
            dim: value.shape.map((dim) =>
              typeof dim === 'number'
                ? { value: { case: 'dimValue' as const, value: BigInt(dim) } }
                : { value: { case: 'dimParam' as const, value: dim } },
            ),
          },
        },
      },
    },
  });
}

function encodeInitialiser({ value, data }: Initialiser): TensorProto {
  const common = { name: value.name, dataType: onnxTypeCode[value.type], dims: value.shape.map((dim) => BigInt(dim)) };
  if (data instanceof Uint8Array) return create(TensorProtoSchema, { ...common, rawData: data });
  return create(TensorProtoSchema, {
    ...common,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      { key: 'location', value: data.location },
      { key: 'offset', value: String(data.offset) },
      { key: 'length', value: String(data.length) },
    ],
  });
}

function encodeAttribute(name: string, attribute: Attribute): AttributeProto {
  switch (attribute.kind) {
    case 'int':
      return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(attribute.value) });
    case 'ints':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.INTS,
        ints: attribute.value.map(BigInt),
      });
    case 'float':
      return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: attribute.value });
    case 'floats':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.FLOATS,
        floats: [...attribute.value],
      });
    case 'text':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.STRING,
        s: asciiBytes(attribute.value),
      });
    case 'body':
      return create(AttributeProtoSchema, {
        name,
        type: AttributeProto_AttributeType.GRAPH,
        g: encodeGraph(attribute.value),
      });
  }
}

/** Attribute texts are operator keywords; this room has neither TextEncoder nor Buffer among its libraries. */
function asciiBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => {
    const code = character.charCodeAt(0);
    if (code > 127) throw new RangeError(`attribute text "${text}" is not ASCII`);
    return code;
  });
}
