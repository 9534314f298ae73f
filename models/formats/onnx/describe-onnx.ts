import { stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { readGenaiConfig } from '../companions/companions';
import type { GenaiConfig } from '../companions/companions';
import { describeModel } from '../describe-model';
import { readSmallJson } from '../model-folder';
import type { ModelDescription } from '../model-description';
import type { FormatShare, OtherModel, ReadOther } from '../other-model';
import { resolveInside } from '../containment';
import { shortened } from '../short-text';
import { graphFacts } from './graph-facts';
import type { OnnxDescription, OnnxInitialiser } from './read-onnx';
import { readOnnx } from './read-onnx';

/** Bits of an element by the names of onnx.proto, in lower case. */
const elementBits: Readonly<Record<string, number>> = {
  float: 32,
  uint8: 8,
  int8: 8,
  uint16: 16,
  int16: 16,
  int32: 32,
  int64: 64,
  bool: 8,
  float16: 16,
  double: 64,
  uint32: 32,
  uint64: 64,
  complex64: 64,
  complex128: 128,
  bfloat16: 16,
  float8e4m3fn: 8,
  float8e4m3fnuz: 8,
  float8e5m2: 8,
  float8e5m2fnuz: 8,
  uint4: 4,
  int4: 4,
  float4e2m1: 4,
};

const elementsOf = ({ shape }: OnnxInitialiser): number => shape.reduce((product, size) => product * size, 1);

/** Sizes, axes and masks, the scales of quantised weights, and the tables of rotary embeddings: none is learned. */
const isWeight = ({ name, type }: OnnxInitialiser): boolean =>
  !/^(int16|int32|int64|uint16|uint32|uint64|bool|string)$/.test(type) &&
  !/(_|\.)(scales?|zero_points?)$|(cos|sin)_cache$/.test(name);

/** Operators that hold packed weights in ways that are not counted. */
const uncounted = ['GatherBlockQuantized', 'QMoE', 'MatMulBnb4'];

interface OnnxWeights {
  /** Absent where an operator packs weights in a way that is not counted. */
  readonly parameters?: number;
  readonly bytes: number;
  readonly formats: readonly FormatShare[];
}

function countOnnx({ initialisers, packed, operators }: OnnxDescription): OnnxWeights {
  const packs = new Map(packed.flatMap((pack) => pack.initialisers.map((name, at) => [name, { pack, at }] as const)));
  const formats = new Map<string, { name: string; tensors: number; weights: number; bytes: number }>();
  let parameters = 0;
  let bytes = 0;
  for (const initialiser of initialisers) {
    const found = packs.get(initialiser.name);
    const size = Math.ceil((elementsOf(initialiser) * (elementBits[initialiser.type] ?? 0)) / 8);
    // The first input of a packed product holds its weights, the others scales and the like.
    const weights =
      found !== undefined
        ? found.at === 0
          ? found.pack.weights
          : 0
        : isWeight(initialiser)
          ? elementsOf(initialiser)
          : 0;
    const name = found === undefined ? initialiser.type : `${found.pack.bits} bits`;
    const share = formats.get(name) ?? { name, tensors: 0, weights: 0, bytes: 0 };
    share.tensors += 1;
    share.weights += weights;
    share.bytes += size;
    formats.set(name, share);
    parameters += weights;
    bytes += size;
  }
  const isCounted = initialisers.length > 0 && !uncounted.some((operator) => Object.hasOwn(operators, operator));
  return {
    ...(isCounted ? { parameters } : {}),
    bytes,
    formats: [...formats.values()].toSorted((one, other) => other.bytes - one.bytes),
  };
}

const cacheTypes: Readonly<Record<string, string>> = { float: 'float32', float16: 'float16', bfloat16: 'bfloat16' };

/**
 * The sizes that a graph fixes by itself, as a description; `genai` is what `genai_config.json` says of it, for sizes that
 * the graph leaves open. Undefined where neither gives layers and heads.
 */
function describeOnnx(onnx: OnnxDescription, genai?: GenaiConfig): ModelDescription | undefined {
  const graph = graphFacts(onnx);
  const single = (values: readonly number[]): number | undefined => (values.length === 1 ? values[0] : undefined);
  const heads = single(graph.heads) ?? genai?.heads;
  const kvHeads = single(graph.kvHeads) ?? genai?.kvHeads;
  const layers = graph.cachedLayers || onnx.attention.length || genai?.layers;
  if (layers === undefined || layers === 0) return undefined;
  const windows = new Set(onnx.attention.map(({ window }) => window));
  const [window] = windows;
  const cache = onnx.inputs.find(({ name, shape }) => /past/.test(name) && shape.length === 4);
  const writes = onnx.outputs.some(({ name }) => name === 'logits') && graph.cachedLayers > 0;
  const table = onnx.initialisers.find(({ name, shape }) => /cos_cache$/.test(name) && shape.length === 2);
  const values = {
    architectures: writes ? ['ForCausalLM'] : ['ForEncoderModel'],
    hidden_size: graph.hiddenSize ?? genai?.hiddenSize,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: single(graph.headDims) ?? genai?.headDim,
    vocab_size: graph.vocabulary ?? genai?.vocabularySize,
    max_position_embeddings: genai?.contextLength ?? table?.shape[0],
    sliding_window: windows.size === 1 ? window : undefined,
    layer_types:
      windows.size > 1 && onnx.attention.length === layers
        ? onnx.attention.map((one) => (one.window === undefined ? 'full_attention' : 'sliding_attention'))
        : undefined,
    torch_dtype: cacheTypes[cache?.type ?? ''],
  };
  const widest = Math.max(0, ...[...windows].map((width) => width ?? 0));
  const model = describeModel(
    Object.fromEntries(
      Object.entries({ ...values, ...(windows.size > 1 && widest > 0 ? { sliding_window: widest } : {}) }).filter(
        ([, value]) => value !== undefined,
      ),
    ),
  );
  // Names of keys are those of a config.json, which is not there.
  return model.parts.length === 0 ? undefined : { ...model, exact: false, title: 'ONNX graph', problems: [] };
}

/** A graph by itself: what it takes, its attention, its weights and where they lie. */
export async function readOnnxModel(path: string): Promise<ReadOther> {
  const read = await readOnnx(path);
  if (!read.ok) return read;
  const folder = dirname(path);
  const config = await readSmallJson(folder, 'genai_config.json');
  const genai = config === undefined ? undefined : readGenaiConfig(config);
  // It speaks of one graph of the folder.
  const description = describeOnnx(read.onnx, genai?.file === basename(path) ? genai : undefined);
  const outside = await externalBytes(folder, read.onnx);
  return { ok: true, model: otherOf(read.onnx, description, outside) };
}

interface External {
  readonly found: readonly { readonly name: string; readonly bytes: number }[];
  readonly notes: readonly string[];
}

/** Files of one graph that are looked for. */
const mostFiles = 64;

async function externalBytes(folder: string, onnx: OnnxDescription): Promise<External> {
  const found: { name: string; bytes: number }[] = [];
  const notes: string[] = [];
  for (const name of onnx.externalFiles.slice(0, mostFiles)) {
    const place = await resolveInside(folder, name);
    const about = place.ok ? await stat(place.path).catch(() => undefined) : undefined;
    if (!place.ok) notes.push(place.message);
    else if (about?.isFile() !== true) notes.push(`${shortened(name)} is no regular file.`);
    else {
      const needed = onnx.initialisers
        .filter(({ file }) => file === name)
        .reduce((sum, one) => sum + Math.ceil((elementsOf(one) * (elementBits[one.type] ?? 0)) / 8), 0);
      found.push({ name, bytes: about.size });
      if (about.size < needed) {
        notes.push(
          `${shortened(name)} has ${about.size} bytes, and the tensors in it need ${needed}: the download is incomplete.`,
        );
      }
    }
  }
  return { found, notes };
}

/** More inputs than this are counted only. */
const mostInputs = 12;

function otherOf(onnx: OnnxDescription, description: ModelDescription | undefined, external: External): OtherModel {
  const { parameters, bytes, formats } = countOnnx(onnx);
  const [largest] = formats;
  const operators = new Map<string, number>();
  for (const { operator } of onnx.attention) operators.set(operator, (operators.get(operator) ?? 0) + 1);
  const list = (values: readonly string[]): string => values.map((value) => shortened(value, 60)).join(', ');
  const shape = (of: OnnxDescription['inputs'][number]): string => `${of.name} ${of.type} [${of.shape.join(', ')}]`;
  const caches = onnx.inputs.filter(({ name }) => /past/.test(name)).length;
  const inputs = onnx.inputs.filter(({ name }) => !/past/.test(name));
  return {
    kind: 'onnx',
    title: `ONNX ${largest === undefined ? 'without weights' : largest.name === 'float' ? 'float32' : largest.name}`,
    ...(description === undefined ? {} : { description }),
    ...(parameters === undefined || parameters === 0
      ? {}
      : { parameters: { total: parameters, active: parameters, split: [] } }),
    bytes,
    ...(parameters === undefined || parameters === 0 ? {} : { bitsPerWeight: (8 * bytes) / parameters }),
    formats,
    details: [
      {
        title: 'Opsets',
        text: list(Object.entries(onnx.opsets).map(([domain, version]) => `${domain} ${version}`)) || 'none named',
      },
      ...(onnx.producer === '' ? [] : [{ title: 'Written by', text: shortened(onnx.producer, 60) }]),
      {
        title: 'Attention operators',
        text:
          operators.size === 0
            ? 'none: attention is computed by single operators, or not at all'
            : [...operators].map(([operator, count]) => `${count} x ${operator}`).join(', '),
      },
      {
        title: 'Inputs',
        text: `${list(inputs.slice(0, mostInputs).map(shape)) || 'none'}${inputs.length > mostInputs ? ` and ${inputs.length - mostInputs} more` : ''}${caches === 0 ? '' : `; ${caches} of a cache`}`,
      },
      ...(external.found.length === 0
        ? []
        : [{ title: 'Weights in', text: list(external.found.map(({ name }) => name)) }]),
    ],
    notes: [
      ...external.notes,
      ...(onnx.externalFiles.length > mostFiles
        ? [`Only the first ${mostFiles} files of weights were looked for.`]
        : []),
    ],
    bytesRead: onnx.bytesRead,
  };
}
