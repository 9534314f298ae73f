/** The operators of one step with what each computes, reads and writes on one device, and the time it takes there. */
import type { Attention, Layer, ModelDescription, ModelPart } from '../../model-description';
import { dtypeBytes } from '../estimate';
import { cacheFormat } from '../kv-cache';
import { crossWork, isRecurrent, positionElements, selfWork, type AttentionWork, type Bytes } from './attention-work';
import { expectedExperts } from './expected-experts';
import { matricesOf, otherBits, type Matrix, type ServingPart } from './matrices';
import { rowsOf, type Phase, type ServingRequest } from './request';
import { timeOf, type Bound, type Traffic } from './roofline';
import { allGatherBytes, allReduceBytes, cacheShare, headShare, matrixShare, sumsOf } from './tensor-parallel';

/** Sums over its `count` layers; FLOPs, bytes and seconds of one device. */
export interface Operator {
  readonly part: ServingPart;
  readonly name: string;
  /** Layers that have it, or times it is done. */
  readonly count: number;
  /** A multiply-add is two. Norms, biases, activations and recurrent states count none, as in flops.ts. */
  readonly flops: number;
  /** Bytes of weights that the step reads. */
  readonly weightBytes: number;
  /** Bytes of the cache read and written. */
  readonly cacheBytes: number;
  /** Bytes of numbers between operators, read and written. */
  readonly activationBytes: number;
  /** Bytes that the device sends to the others. */
  readonly networkBytes: number;
  readonly seconds: number;
  readonly bound: Bound;
}

type Draft = Omit<Operator, 'seconds' | 'bound'> & Pick<Traffic, 'work' | 'productBytes'>;

/** Bytes of a number in the cache as the config says, and what was assumed. */
export const storedNumber = (model: ModelDescription): ReturnType<typeof dtypeBytes> => dtypeBytes(cacheFormat(model));

const numberBytes = (model: ModelDescription, request: ServingRequest): Bytes => ({
  state: dtypeBytes(model).bytes,
  cache: request.cacheBits === 'stored' ? storedNumber(model).bytes : cacheBitsOf(request.cacheBits) / 8,
  activation: request.activationBits / 8,
});

/** A cache of 4 or 8 bits keeps a float16 scale for each 64 numbers (KIVI, arXiv:2402.02750, takes groups of 32 to 128). */
const cacheGroup = 64;
const cacheBitsOf = (bits: 32 | 16 | 8 | 4): number => (bits >= 16 ? bits : bits + 16 / cacheGroup);

const nothing = {
  flops: 0,
  weightBytes: 0,
  cacheBytes: 0,
  activationBytes: 0,
  networkBytes: 0,
  productBytes: 0,
} as const;

export function operatorsOf(
  model: ModelDescription,
  part: ModelPart,
  request: ServingRequest,
  phase: Phase,
): readonly Operator[] {
  const bytes = numberBytes(model, request);
  const drafts = [
    ...matricesOf(model, part, request.weightBits).map((matrix) => matrixDraft(matrix, part, request, phase, bytes)),
    ...attentionDrafts(part, request, phase, bytes),
    ...passDrafts(part, request, phase, bytes),
    ...sumDrafts(part, request, phase, bytes),
  ];
  const weightBits = request.weightBits === 'stored' ? (model.quantisation?.bits ?? 16) : request.weightBits;
  const bits = weightBits <= 8 && request.activationBits === 8 ? 8 : 16;
  const operators = drafts
    .filter(
      ({ flops, weightBytes, cacheBytes, activationBytes, networkBytes }) =>
        flops + weightBytes + cacheBytes + activationBytes + networkBytes > 0,
    )
    .map(({ work, productBytes, ...operator }) => ({
      ...operator,
      ...timeOf({ ...operator, work, productBytes }, request.device, bits),
    }));
  return [...operators, ...callsOf(request, phase)];
}

/** Graphs and operators that a plain run here calls. */
function callsOf({ device: { rates } }: ServingRequest, phase: Phase): readonly Operator[] {
  if (rates === undefined) return [];
  const { productBytes: _product, ...none } = nothing;
  const { graphs, nodes } = rates.calls[phase];
  const seconds = graphs * rates.graph + nodes * rates.node;
  return [
    { ...none, part: 'runtime', name: 'calls of graphs and operators', count: graphs, seconds, bound: 'compute' },
  ];
}

function matrixDraft(matrix: Matrix, part: ModelPart, request: ServingRequest, phase: Phase, bytes: Bytes): Draft {
  const rows = rowsOf(request, phase);
  const { heads, kvHeads } = part;
  const share = matrixShare(matrix, heads, kvHeads, request.tensorParallel);
  const base = { ...nothing, part: matrix.part, name: matrix.name, count: matrix.layers };
  const read = (share * matrix.readBits) / 8;
  if (matrix.part === 'embedding') {
    // A row of the table for each token; positions that are learned likewise.
    const width = matrix.elements === 0 ? 0 : matrix.bits / matrix.elements / 8;
    return {
      ...base,
      work: 'pass',
      weightBytes: rows * part.hiddenSize * width * share,
      activationBytes: rows * part.hiddenSize * bytes.activation,
    };
  }
  if (matrix.multiplied === 0) return { ...base, work: 'pass', weightBytes: read };
  const own = matrix.ofSource
    ? phase === 'prefill'
      ? request.batch * sourceOf(part, request)
      : 0
    : matrix.group === 'head'
      ? request.batch
      : rows;
  const { experts } = matrix;
  const hit = experts === undefined ? 1 : expectedExperts(experts.count, experts.perToken, own) / experts.count;
  const active = experts === undefined ? 1 : experts.perToken / experts.count;
  const uses = experts?.perToken ?? 1;
  const passed = own * matrix.layers * uses * (matrix.widths.whole + share * matrix.widths.cut) * bytes.activation;
  return {
    ...base,
    work: own > 1 ? 'product' : 'vector',
    flops: 2 * own * matrix.multiplied * active * share,
    weightBytes: own === 0 ? 0 : read * hit,
    activationBytes: passed,
    productBytes: passed,
  };
}

/** Positions that cross-attention reads: as the file fixes them, else as long as the prompt. */
const sourceOf = (part: ModelPart, { prompt }: Pick<ServingRequest, 'prompt'>): number =>
  part.layers.find(({ crossAttention }) => crossAttention?.sourcePositions !== undefined)?.crossAttention
    ?.sourcePositions ?? prompt;

/** Layers alike are one operator. */
function grouped<T>(items: readonly T[]): readonly { readonly one: T; readonly count: number }[] {
  const groups = new Map<string, { one: T; count: number }>();
  for (const one of items) {
    const key = JSON.stringify(one);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, { one, count: 1 });
    else known.count++;
  }
  return [...groups.values()];
}

const kindWords = (attention: Attention): string => {
  const shared = attention.sharesKvOf === undefined ? '' : ', shared cache';
  if (isRecurrent(attention)) return 'recurrent state';
  if (attention.indexer !== undefined) return `scores, ${attention.indexer.topK} chosen${shared}`;
  if (attention.compressed !== undefined) return `scores, compressed ${attention.compressed.ratio}:1${shared}`;
  if (attention.latent !== undefined) return `scores over latents${shared}`;
  if (attention.kind === 'window') return `scores, window of ${attention.window ?? 0}${shared}`;
  return attention.kind === 'chunked' ? `scores, chunks of ${attention.window ?? 0}${shared}` : `scores${shared}`;
};

function attentionDrafts(part: ModelPart, request: ServingRequest, phase: Phase, bytes: Bytes): readonly Draft[] {
  const draft = (attention: Attention, name: string, count: number, work: AttentionWork): Draft => {
    const absorbed = request.latents === 'absorbed';
    const share = headShare(attention, request.tensorParallel);
    const newShare = cacheShare(attention, false, request.tensorParallel);
    const fresh = work.newBytes * newShare;
    return {
      ...nothing,
      part: isRecurrent(attention) ? 'recurrent mixers' : 'attention scores',
      name,
      count,
      work: isRecurrent(attention) ? 'pass' : 'scores',
      flops: count * work.flops * share,
      cacheBytes: count * work.cacheBytes * cacheShare(attention, absorbed, request.tensorParallel),
      activationBytes: count * (work.activationBytes * share + fresh),
      productBytes: count * (work.productBytes * share + fresh),
    };
  };
  // What tells layers apart here: not which rotary table or which layer's cache they read.
  const selves = part.layers.map(
    ({ attention: { rope: _rope, sharesKvOf, note: _note, ...attention } }): Attention => ({
      ...attention,
      ...(sharesKvOf === undefined ? {} : { sharesKvOf: 0 }),
    }),
  );
  const crosses = part.layers.flatMap(({ crossAttention }) => crossAttention ?? []);
  return [
    ...grouped(selves).map(({ one, count }) => draft(one, kindWords(one), count, selfWork(one, request, phase, bytes))),
    ...grouped(crosses).map(({ one, count }) =>
      draft(one, 'scores over another part', count, crossWork(one, sourceOf(part, request), request, phase, bytes)),
    ),
  ];
}

/**
 * Passes over rows that are no products. Fused: for each branch one pass that adds it to the residual and norms the sum (two rows
 * read, two written), and the first norm (one and one); the activation of a network reads its inputs and writes its width.
 * Plain graphs: two norms a layer and one at the end, a sum for each branch (two read, one written); of the activation a function
 * (2 passes), its product with what it was taken of (3), and with the other half where it is gated (3).
 */
function passDrafts(part: ModelPart, request: ServingRequest, phase: Phase, bytes: Bytes): readonly Draft[] {
  const rows = rowsOf(request, phase);
  const { hiddenSize, layers } = part;
  const branches = layers.reduce((sum, layer) => sum + sumsOf(layer), 0);
  const passesOf = (gated: boolean): number => (request.kernels === 'plain' ? (gated ? 8 : 5) : gated ? 3 : 2);
  const inner = ({ feedForward: { kind, size, gated, experts } }: Layer): number =>
    kind === 'none'
      ? 0
      : passesOf(gated) * (experts === undefined ? size : experts.perToken * size + experts.sharedSize);
  const activation = (of: Layer['feedForward']['kind'], name: ServingPart): Draft => {
    const own = layers.filter(({ feedForward }) => feedForward.kind === of);
    const width = own.reduce((sum, layer) => sum + inner(layer), 0);
    return {
      ...nothing,
      part: name,
      name: 'activation',
      count: own.length,
      work: 'pass',
      activationBytes: (rows * width * bytes.activation) / request.tensorParallel,
    };
  };
  return [
    activation('dense', 'feed-forward'),
    activation('experts', 'experts'),
    {
      ...nothing,
      part: 'norms and residuals',
      name: 'norms and sums',
      count: branches,
      work: 'pass',
      activationBytes:
        rows * hiddenSize * bytes.activation * (request.kernels === 'plain' ? 5 * branches + 2 : 4 * branches + 2),
    },
  ];
}

/** Sums over devices: after each branch and the embedding; and the logits gathered. */
function sumDrafts(part: ModelPart, request: ServingRequest, phase: Phase, bytes: Bytes): readonly Draft[] {
  const { tensorParallel: devices, batch } = request;
  if (devices === 1) return [];
  const rows = rowsOf(request, phase);
  const branches = part.layers.reduce((sum, layer) => sum + sumsOf(layer), 0);
  const one = rows * part.hiddenSize * bytes.activation;
  const logits = batch * (part.vocabularySize ?? 0) * bytes.activation;
  const base = { ...nothing, part: 'all-reduce', work: 'pass' } as const;
  return [
    { ...base, name: 'sums after branches', count: branches, networkBytes: branches * allReduceBytes(one, devices) },
    { ...base, name: 'sum after the embedding', count: 1, networkBytes: allReduceBytes(one, devices) },
    { ...base, name: 'logits gathered', count: 1, networkBytes: allGatherBytes(logits, devices) },
  ];
}

/** Bytes of weights that one device holds, all experts, the whole embedding and the other parts of the model among them. */
export function residentBytes(model: ModelDescription, part: ModelPart, request: ServingRequest): number {
  const { weightBits, tensorParallel } = request;
  const own = matricesOf(model, part, weightBits).filter(({ borrowed }) => !borrowed);
  const shared = own.reduce(
    (bits, matrix) => bits + matrix.bits * matrixShare(matrix, part.heads, part.kvHeads, tensorParallel),
    otherBits(model, part, weightBits),
  );
  return shared / 8;
}

/** Bytes of one sequence of `length` positions in the caches of one device. */
export const cacheBytesOf = (
  model: ModelDescription,
  part: ModelPart,
  request: ServingRequest,
  length: number,
): number => {
  const bytes = numberBytes(model, request);
  const absorbed = request.latents === 'absorbed';
  const of = (attention: Attention, elements: number): number =>
    elements * bytes.cache * cacheShare(attention, absorbed, request.tensorParallel);
  const filled = { ...request, batch: 1, prompt: length };
  const unit = { cache: 1, state: bytes.state / bytes.cache, activation: 0 };
  return part.layers.reduce((sum, { attention, crossAttention }) => {
    const own = selfWork(attention, filled, 'prefill', unit).cacheBytes;
    const cross =
      crossAttention === undefined
        ? 0
        : of(crossAttention, sourceOf(part, request) * positionElements(crossAttention, request.latents));
    return sum + of(attention, own) + cross;
  }, 0);
};
