/**
 * An ONNX file of another program as a graph of the harness: `query`, `key`, `value` and the weights in, `output` out, all of fixed
 * shapes. The file's own graph lies within, under names of its own; no number of it is changed.
 */
import { clone, create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { rawData } from '../../kernels/graph/data';
import type { Graph, GraphValue } from '../../kernels/graph/graph';
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from '../../kernels/graph/onnx_pb';
import { lowest, onnxTypeCode } from '../../kernels/graph/types';
import type { AttentionShape } from '../../kernels/shape';
import type { KernelDescription } from '../../protocol/inputs/kernel-description';
import { refuseOutside } from './handed-graph';

/** A number, the name of a dimension that a run decides, or nothing said. */
type DeclaredDim = number | string | undefined;

interface Declared {
  readonly name: string;
  /** Code of the element type. */
  readonly type: number;
  readonly dims: readonly DeclaredDim[];
}

export interface OnnxFile {
  readonly model: ModelProto;
  readonly graph: GraphProto;
  readonly inputs: ReadonlyMap<string, Declared>;
  readonly outputs: readonly Declared[];
}

const inOneFile = 'Save the model in one file, with its weights inside.';

/** Throws a RangeError, one sentence, where it is no graph that can be run here. */
export function readOnnx(bytes: Uint8Array, name: string): OnnxFile {
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch {
    throw new RangeError(`${name} is no ONNX model. Export it again.`);
  }
  const { graph, functions } = model;
  if (!graph || graph.node.length === 0) throw new RangeError(`${name} has no graph. Export it again.`);
  const [first] = functions;
  if (first) {
    throw new RangeError(
      `${name} has functions of its own, such as ${first.name}. Put them into the graph: onnx.inliner.inline_local_functions(model).`,
    );
  }
  refuseOutside(graph, inOneFile);
  const constants = new Set(graph.initializer.map((each) => each.name));
  const inputs = graph.input.filter((each) => !constants.has(each.name)).map(declared);
  return {
    model,
    graph,
    inputs: new Map(inputs.map((each) => [each.name, each])),
    outputs: graph.output.map(declared),
  };
}

function declared({ name, type }: ValueInfoProto): Declared {
  const tensor = type?.value.case === 'tensorType' ? type.value.value : undefined;
  const dims = (tensor?.shape?.dim ?? []).map(({ value }) =>
    value.case === 'dimValue'
      ? Number(value.value)
      : value.case === 'dimParam' && value.value !== ''
        ? value.value
        : undefined,
  );
  return { name, type: tensor?.elemType ?? 0, dims };
}

type Size = Omit<AttentionShape, 'pattern'>;
type Field = keyof Size;
type Role = 'query' | 'key' | 'value' | 'output';

/** Heads, positions and width of each tensor. */
const fieldsOf: Readonly<Record<Role, readonly [heads: Field, positions: Field, width: Field]>> = {
  query: ['heads', 'queries', 'headDim'],
  key: ['kvHeads', 'keys', 'headDim'],
  value: ['kvHeads', 'keys', 'valueDim'],
  output: ['heads', 'queries', 'valueDim'],
};

/** The fields of the shape along each axis; the sizes of an axis are multiplied. */
function axesOf(role: Role, layout: KernelDescription['layout']): readonly (readonly Field[])[] {
  const [heads, positions, width] = fieldsOf[role];
  if (layout === 'batch heads tokens width') return [['batch'], [heads], [positions], [width]];
  if (layout === 'batch tokens heads width') return [['batch'], [positions], [heads], [width]];
  return [['batch'], [positions], [heads, width]];
}

const sizesOf = (role: Role, layout: KernelDescription['layout'], shape: Size): readonly number[] =>
  axesOf(role, layout).map((fields) => fields.reduce((product, field) => product * shape[field], 1));

const inputRoles = ['query', 'key', 'value'] as const;

/** Throws a RangeError, one sentence, where names, types and ranks are not those of the description. */
export function requireInputs(file: OnnxFile, description: KernelDescription, weights: readonly string[]): void {
  const { inputs, layout, output } = description;
  const rank = layout.split(' ').length;
  const known = [...file.inputs.keys()].map((name) => `"${name}"`).join(', ');
  const given = new Map<string, string>();
  const named = (name: string, what: string): Declared => {
    const found = file.inputs.get(name);
    if (!found) throw new RangeError(`The graph has no input "${name}", which is to take ${what}. It has ${known}.`);
    const other = given.get(name);
    if (other !== undefined)
      throw new RangeError(`The input "${name}" is to take ${other} and ${what}. Name two inputs.`);
    given.set(name, what);
    return found;
  };
  for (const role of inputRoles) {
    const { name, type, dims } = named(inputs[role], `the ${role}`);
    requireFloat(`input "${name}"`, type);
    if (dims.length !== rank) {
      throw new RangeError(
        `The input "${name}" has ${dims.length} axes, and the layout "${layout}" has ${rank}. Correct the layout.`,
      );
    }
  }
  for (const [weight, name] of Object.entries(inputs.weights ?? {})) {
    if (!weights.includes(weight)) {
      const has = weights.length === 0 ? 'no weights' : weights.join(', ');
      throw new RangeError(`The mechanism has no weight "${weight}": it has ${has}.`);
    }
    requireFloat(`input "${name}"`, named(name, `the weight "${weight}"`).type);
  }
  const missing = weights.find((weight) => !Object.hasOwn(inputs.weights ?? {}, weight));
  if (missing !== undefined) {
    throw new RangeError(`The mechanism has a weight "${missing}". Name its input under inputs.weights.`);
  }
  if (inputs.mask !== undefined) {
    const { type, dims } = named(inputs.mask, 'the mask');
    if (type !== onnxTypeCode.bool && type !== onnxTypeCode.float32) {
      throw new RangeError(`The mask "${inputs.mask}" is neither bool nor float32. Export it as one of them.`);
    }
    if (dims.length < 2 || dims.length > 4) {
      throw new RangeError(
        `The mask "${inputs.mask}" has ${dims.length} axes; 2 to 4 are possible, queries and keys last.`,
      );
    }
  }
  const free = [...file.inputs.keys()].find((name) => !given.has(name));
  if (free !== undefined) {
    throw new RangeError(
      `The graph has an input "${free}" that the description does not name. Name it, or export without it.`,
    );
  }
  if (output === undefined && file.outputs.length !== 1) {
    throw new RangeError(`The graph has ${file.outputs.length} outputs. Name the one that is meant as "output".`);
  }
  const out = outputOf(file, description);
  if (!out) throw new RangeError(`The graph has no output "${output}".`);
  requireFloat(`output "${out.name}"`, out.type);
}

const outputOf = ({ outputs }: OnnxFile, { output }: KernelDescription): Declared | undefined =>
  output === undefined ? outputs[0] : outputs.find(({ name }) => name === output);

function requireFloat(what: string, type: number): void {
  if (type === onnxTypeCode.float32) return;
  const name = Object.entries(onnxTypeCode).find(([, code]) => code === type)?.[0] ?? 'of another type';
  throw new RangeError(`The ${what} is ${name}, and float32 is needed. Export the model in float32.`);
}

/** Why the graph does not take a shape, as one sentence; undefined where it does. */
export function whyNotShape(file: OnnxFile, description: KernelDescription, shape: Size): string | undefined {
  const { layout, inputs, heads, kvHeads = heads, equalLengths } = description;
  if (equalLengths && shape.queries !== shape.keys) {
    return `Its graph needs as many queries as keys, and there are ${shape.queries} and ${shape.keys}.`;
  }
  if (heads !== undefined && shape.heads !== heads)
    return `Its graph has ${heads} heads, and the shape ${shape.heads}.`;
  if (kvHeads !== undefined && shape.kvHeads !== kvHeads) {
    return `Its graph has ${kvHeads} key and value heads, and the shape ${shape.kvHeads}.`;
  }
  const bound = new Map<string, number>();
  for (const role of inputRoles) {
    const sizes = sizesOf(role, layout, shape);
    for (const [axis, dim] of (file.inputs.get(inputs[role])?.dims ?? []).entries()) {
      const size = sizes[axis] ?? 0;
      const fixed = typeof dim === 'string' ? bound.get(dim) : dim;
      if (typeof dim === 'string' && fixed === undefined) bound.set(dim, size);
      if (fixed === undefined || fixed === size) continue;
      const words =
        axesOf(role, layout)
          [axis]?.map((field) => wordOf[field])
          .join(' times ') ?? '';
      return `The input "${inputs[role]}" of its graph has ${fixed} along its axis ${axis} (${words}), and the shape ${size}.`;
    }
  }
  return undefined;
}

const wordOf: Readonly<Record<Field, string>> = {
  batch: 'batch',
  heads: 'heads',
  kvHeads: 'key and value heads',
  queries: 'queries',
  keys: 'keys',
  headDim: 'width of a head',
  valueDim: 'width of a value',
};

/** A size with what the graph has fixed in the place of its own. */
export function fixedSize(
  file: OnnxFile,
  { layout, inputs, heads, kvHeads, equalLengths }: KernelDescription,
  size: Size,
): Size {
  const fixed: { -readonly [K in Field]: number } = { ...size };
  if (heads !== undefined) fixed.heads = heads;
  fixed.kvHeads = kvHeads ?? heads ?? fixed.kvHeads;
  for (const role of inputRoles) {
    const dims = file.inputs.get(inputs[role])?.dims ?? [];
    for (const [axis, fields] of axesOf(role, layout).entries()) {
      const dim = dims[axis];
      const [first, second] = fields;
      if (typeof dim !== 'number' || first === undefined) continue;
      if (second === undefined) fixed[first] = dim;
      else fixed[second] = Math.max(1, Math.floor(dim / fixed[first]));
    }
  }
  if (equalLengths) fixed.keys = fixed.queries;
  if (fixed.heads % fixed.kvHeads !== 0) fixed.kvHeads = fixed.heads;
  return fixed;
}

/** Bytes of the mask of a shape. */
export const maskBytes = (file: OnnxFile, description: KernelDescription, shape: Size): number => {
  const dims = maskDims(file, description, shape);
  return dims ? 4 * dims.reduce((product, size) => product * size, 1) : 0;
};

/** One plane for all heads, unless the graph has fixed as many as there are heads. */
function maskDims(
  file: OnnxFile,
  { inputs }: KernelDescription,
  { batch, heads, queries, keys }: Size,
): readonly number[] | undefined {
  const mask = inputs.mask === undefined ? undefined : file.inputs.get(inputs.mask);
  if (!mask) return undefined;
  if (mask.dims.length === 2) return [queries, keys];
  const outer = mask.dims[0] === 1 ? 1 : batch;
  return mask.dims.length === 3 ? [outer, queries, keys] : [outer, mask.dims[1] === heads ? heads : 1, queries, keys];
}

export interface Wanted {
  readonly shape: AttentionShape;
  readonly weights: readonly { readonly name: string; readonly shape: readonly number[] }[];
  readonly reads: (head: number, query: number, key: number) => boolean;
}

/** In front of every name of the file's own graph, so that none is one of the harness. */
const within = 'file/';

export function graphOfFile(file: OnnxFile, description: KernelDescription, { shape, weights, reads }: Wanted): Graph {
  const { layout, inputs } = description;
  const own = clone(GraphProtoSchema, file.graph);
  rename(own);
  const harness = layout === 'batch tokens heads width' ? 'batch tokens width' : layout;
  const value = (name: string, dims: readonly number[]): GraphValue => ({ name, type: 'float32', shape: dims });
  const graphInputs = [
    ...inputRoles.map((role) => value(role, sizesOf(role, harness, shape))),
    ...weights.map(({ name, shape: dims }) => value(name, dims)),
  ];
  const output = value('output', sizesOf('output', harness, shape));
  const constants: TensorProto[] = [];
  const shaped = (from: string, to: string, dims: readonly number[]): NodeProto => {
    const name = `shape of ${to}`;
    constants.push(
      create(TensorProtoSchema, {
        name,
        dims: [BigInt(dims.length)],
        dataType: onnxTypeCode.int64,
        rawData: rawData('int64', dims),
      }),
    );
    return create(NodeProtoSchema, { name: to, opType: 'Reshape', input: [from, name], output: [to] });
  };
  const before = inputRoles.map((role) => shaped(role, `${within}${inputs[role]}`, sizesOf(role, layout, shape)));
  for (const { name, shape: dims } of weights) {
    before.push(shaped(name, `${within}${inputs.weights?.[name] ?? name}`, dims));
  }
  const mask = maskDims(file, description, shape);
  if (mask && inputs.mask !== undefined) {
    const isFloat = file.inputs.get(inputs.mask)?.type === onnxTypeCode.float32;
    const type = isFloat ? 'float32' : 'bool';
    const [read, hidden] = isFloat ? [0, lowest({ type: 'float32' })] : [1, 0];
    const { queries, keys } = shape;
    const heads = mask.length === 4 ? (mask[1] ?? 1) : 1;
    const numbers = Array.from({ length: mask.reduce((a, b) => a * b, 1) }, (_, at) =>
      reads(Math.floor(at / (queries * keys)) % heads, Math.floor(at / keys) % queries, at % keys) ? read : hidden,
    );
    constants.push(
      create(TensorProtoSchema, {
        name: `${within}${inputs.mask}`,
        dims: mask.map(BigInt),
        dataType: onnxTypeCode[type],
        rawData: rawData(type, numbers),
      }),
    );
  }
  const out = outputOf(file, description)?.name ?? '';
  own.node = [...before, ...own.node, shaped(`${within}${out}`, 'output', output.shape)];
  own.initializer = [...own.initializer, ...constants];
  own.input = graphInputs.map(infoOf);
  own.output = [infoOf(output)];
  own.valueInfo = [];
  const model = create(ModelProtoSchema, {
    irVersion: file.model.irVersion,
    opsetImport: file.model.opsetImport,
    graph: own,
  });
  return { model: Uint8Array.from(toBinary(ModelProtoSchema, model)), inputs: graphInputs, outputs: [output] };
}

const infoOf = ({ name, type, shape }: GraphValue): ValueInfoProto =>
  create(ValueInfoProtoSchema, {
    name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: onnxTypeCode[type],
          shape: { dim: shape.map((size) => ({ value: { case: 'dimValue' as const, value: BigInt(size) } })) },
        },
      },
    },
  });

/** Bodies of loops and branches read names of the graph around them. */
function rename(graph: GraphProto): void {
  const named = (name: string): string => (name === '' ? '' : `${within}${name}`);
  for (const node of graph.node) {
    node.name = named(node.name);
    node.input = node.input.map(named);
    node.output = node.output.map(named);
    for (const { g, graphs } of node.attribute) for (const inner of [...(g ? [g] : []), ...graphs]) rename(inner);
  }
  for (const each of [...graph.initializer, ...graph.input, ...graph.output, ...graph.valueInfo])
    each.name = named(each.name);
  for (const { values } of graph.sparseInitializer) if (values) values.name = named(values.name);
}
