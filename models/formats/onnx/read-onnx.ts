import { fromBinary } from '@bufbuild/protobuf';
import type { NodeProto, ValueInfoProto } from '../../../kernels/graph/onnx_pb';
import {
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataType,
  ValueInfoProtoSchema,
} from '../../../kernels/graph/onnx_pb';
import { FileRefused, openRegular } from '../regular-file';
import { WireError, WireReader } from './wire';

interface OnnxValue {
  readonly name: string;
  /** Element type in lower case (`float`, `int64`, `float16`), `other` for sequences and maps. */
  readonly type: string;
  /** Named axes by their name, unnamed ones as `?`. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxInitialiser {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  /** File that holds the data, as written; absent: the data are inside. */
  readonly file?: string;
}

/** An operator that computes attention as a whole. */
interface OnnxAttention {
  readonly node: string;
  readonly operator: string;
  readonly domain: string;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly window?: number;
}

/** A matrix whose weights lie together in bytes (`MatMulNBits` of ONNX Runtime). */
interface OnnxPacked {
  readonly bits: number;
  /** K x N of the product. */
  readonly weights: number;
  /** The initialisers that hold it: packed weights, scales, zero points. */
  readonly initialisers: readonly string[];
}

export interface OnnxDescription {
  readonly irVersion: number;
  readonly producer: string;
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initialisers: readonly OnnxInitialiser[];
  /** Elements of all initialisers. */
  readonly elements: number;
  /** How often each operator of the outer graph occurs. */
  readonly operators: Readonly<Record<string, number>>;
  readonly attention: readonly OnnxAttention[];
  readonly packed: readonly OnnxPacked[];
  readonly externalFiles: readonly string[];
  readonly bytesRead: number;
}

export type ReadOnnx =
  | { readonly ok: true; readonly onnx: OnnxDescription }
  | { readonly ok: false; readonly message: string };

/** Nodes, names and shapes of the largest graphs take a few MB. */
const mostBytes = 128_000_000;
/** A larger node carries weights in a Constant or a sub-graph: its operator counts, its attributes are not read. */
const largestNode = 65_536;

const mostAxes = 64;

const attentionOperators = new Set([
  'Attention',
  'MultiHeadAttention',
  'GroupQueryAttention',
  'DecoderMaskedMultiHeadAttention',
  'DecoderMaskedSelfAttention',
  'PackedAttention',
  'PackedMultiHeadAttention',
  'PagedAttention',
  'SparseAttention',
  'LongformerAttention',
  'QAttention',
]);

const typeName = (type: number): string => TensorProto_DataType[type]?.toLowerCase() ?? 'other';

/** What an .onnx file computes, without its weights: graph inputs and outputs, initialiser shapes, attention operators. */
export async function readOnnx(path: string): Promise<ReadOnnx> {
  const refuse = (why: string): ReadOnnx => ({ ok: false, message: `This is not a readable ONNX file: ${why}.` });
  try {
    const { handle, size } = await openRegular(path);
    try {
      if (size === 0) return refuse('it is empty');
      return { ok: true, onnx: await readModel(new WireReader(handle, size, mostBytes)) };
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof WireError) return refuse(error.message);
    if (error instanceof FileRefused) return { ok: false, message: error.message };
    const code = (error as NodeJS.ErrnoException).code;
    // The protobuf library throws plain errors on bytes that are no message.
    return refuse(code === undefined ? 'its fields are damaged' : `it cannot be opened (${code})`);
  }
}

interface Gathering {
  inputs: OnnxValue[];
  outputs: OnnxValue[];
  initialisers: OnnxInitialiser[];
  operators: Record<string, number>;
  attention: OnnxAttention[];
  packed: OnnxPacked[];
  files: Set<string>;
  elements: number;
}

async function readModel(reader: WireReader): Promise<OnnxDescription> {
  const found: Gathering = {
    inputs: [],
    outputs: [],
    initialisers: [],
    operators: Object.create(null) as Record<string, number>,
    attention: [],
    packed: [],
    files: new Set(),
    elements: 0,
  };
  const opsets: Record<string, number> = Object.create(null) as Record<string, number>;
  let irVersion = 0;
  let producer = '';
  let graphs = 0;
  for (let field = await reader.field(reader.size); field; field = await reader.field(reader.size)) {
    if (field.type === 0) {
      if (field.number === 1) irVersion = field.value;
    } else if (field.type === 2 && field.number === 2) producer = text(await reader.take(field.value));
    else if (field.type === 2 && field.number === 7) {
      graphs++;
      await readGraph(reader, reader.position + field.value, found);
    } else if (field.type === 2 && field.number === 8) {
      const opset = fromBinary(OperatorSetIdProtoSchema, await reader.take(field.value));
      opsets[opset.domain === '' ? 'ai.onnx' : opset.domain] = Number(opset.version);
    } else reader.skip(field.value);
  }
  if (graphs === 0) throw new WireError('it holds no graph');
  const initial = new Set(found.initialisers.map(({ name }) => name));
  return {
    irVersion,
    producer,
    opsets: { ...opsets },
    // Before IR version 4 every initialiser was listed among the inputs too.
    inputs: found.inputs.filter(({ name }) => !initial.has(name)),
    outputs: found.outputs,
    initialisers: found.initialisers,
    elements: found.elements,
    operators: { ...found.operators },
    attention: found.attention,
    packed: found.packed,
    externalFiles: [...found.files],
    bytesRead: reader.bytesRead,
  };
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

async function readGraph(reader: WireReader, end: number, found: Gathering): Promise<void> {
  for (let field = await reader.field(end); field; field = await reader.field(end)) {
    if (field.type === 0) continue;
    if (field.type !== 2) reader.skip(field.value);
    else if (field.number === 1) await readNode(reader, field.value, found);
    else if (field.number === 5) await readInitialiser(reader, reader.position + field.value, found);
    else if (field.number === 11) found.inputs.push(valueOf(await take(reader, field.value)));
    else if (field.number === 12) found.outputs.push(valueOf(await take(reader, field.value)));
    else reader.skip(field.value);
  }
}

const take = async (reader: WireReader, length: number): Promise<ValueInfoProto> =>
  fromBinary(ValueInfoProtoSchema, await reader.take(length));

function valueOf(value: ValueInfoProto): OnnxValue {
  const type = value.type?.value;
  if (type?.case !== 'tensorType') return { name: value.name, type: 'other', shape: [] };
  const shape = (type.value.shape?.dim ?? []).map(({ value: size }) =>
    size.case === 'dimValue' ? Number(size.value) : size.case === 'dimParam' && size.value !== '' ? size.value : '?',
  );
  return { name: value.name, type: typeName(type.value.elemType), shape };
}

async function readNode(reader: WireReader, length: number, found: Gathering): Promise<void> {
  if (length <= largestNode) {
    count(fromBinary(NodeProtoSchema, await reader.take(length)), found);
    return;
  }
  const end = reader.position + length;
  for (let field = await reader.field(end); field; field = await reader.field(end)) {
    if (field.type === 2 && field.number === 4) add(found, text(await reader.take(field.value)));
    else if (field.type !== 0) reader.skip(field.value);
  }
}

function add(found: Gathering, operator: string): void {
  found.operators[operator] = (found.operators[operator] ?? 0) + 1;
}

function count(node: NodeProto, found: Gathering): void {
  add(found, node.opType);
  const number = (...names: string[]): number | undefined => {
    const attribute = node.attribute.find(({ name }) => names.includes(name));
    return attribute === undefined ? undefined : Number(attribute.i);
  };
  if (node.opType === 'MatMulNBits') {
    const [columns = 0, rows = 0, bits = 4] = [number('K'), number('N'), number('bits')];
    found.packed.push({ bits, weights: columns * rows, initialisers: node.input.slice(1, 5) });
  }
  if (!attentionOperators.has(node.opType)) return;
  const heads = number('num_heads', 'q_num_heads');
  const kvHeads = number('kv_num_heads');
  const window = number('local_window_size');
  found.attention.push({
    node: node.name,
    operator: node.opType,
    domain: node.domain === '' ? 'ai.onnx' : node.domain,
    ...(heads === undefined ? {} : { heads }),
    ...(kvHeads === undefined ? {} : { kvHeads }),
    ...(window === undefined || window <= 0 ? {} : { window }),
  });
}

/** Field numbers of TensorProto: 1 dims, 2 data_type, 8 name, 13 external_data; all others hold data or words. */
async function readInitialiser(reader: WireReader, end: number, found: Gathering): Promise<void> {
  const shape: number[] = [];
  const addSize = (size: number): void => {
    if (shape.push(size) > mostAxes) throw new WireError('a tensor has more axes than any operator takes');
  };
  let type = 0;
  let name = '';
  let file: string | undefined;
  for (let field = await reader.field(end); field; field = await reader.field(end)) {
    if (field.number === 1 && field.type === 0) addSize(field.value);
    else if (field.number === 1 && field.type === 2) {
      const packedEnd = reader.position + field.value;
      while (reader.position < packedEnd) addSize(await reader.number());
    } else if (field.number === 2 && field.type === 0) type = field.value;
    else if (field.number === 8 && field.type === 2) name = text(await reader.take(field.value));
    else if (field.number === 13 && field.type === 2) {
      const entry = fromBinary(StringStringEntryProtoSchema, await reader.take(field.value));
      if (entry.key === 'location') file = entry.value;
    } else if (field.type !== 0) reader.skip(field.value);
  }
  if (file !== undefined) found.files.add(file);
  found.elements += shape.reduce((product, size) => product * size, 1);
  found.initialisers.push({ name, type: typeName(type), shape, ...(file === undefined ? {} : { file }) });
}
