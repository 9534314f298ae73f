/** What serving a model takes on a device: time and work of a prompt and of a token by part, memory, and how many sequences fit. */
import type { ModelDescription, ModelPart } from '../../model-description';
import { isRecurrent } from './attention-work';
import { arithmeticOf } from './devices';
import { servedPart, servingParts, type ServingPart } from './matrices';
import { dtypeBytes } from '../estimate';
import { cacheBytesOf, operatorsOf, residentBytes, storedNumber, type Operator } from './operators';
import type { Phase, ServingRequest } from './request';

type ServingUnit = 's' | 'tokens/s' | 'bytes' | 'sequences';

/** A figure with everything a reader needs to check it, as `Estimate` has it. */
export interface ServingFigure {
  readonly value: number;
  readonly unit: ServingUnit;
  readonly formula: string;
  readonly assumptions: readonly string[];
}

export interface PhaseCost {
  readonly seconds: number;
  readonly flops: number;
  readonly bytes: number;
  readonly parts: readonly {
    readonly part: ServingPart;
    readonly seconds: number;
    readonly flops: number;
    readonly bytes: number;
    readonly networkBytes: number;
  }[];
  readonly operators: readonly Operator[];
}

export interface ServingCost {
  readonly prefill: PhaseCost;
  readonly decode: PhaseCost;
  readonly figures: {
    readonly timeToFirstToken: ServingFigure;
    readonly timePerToken: ServingFigure;
    readonly throughput: ServingFigure;
    readonly promptThroughput: ServingFigure;
    readonly weights: ServingFigure;
    readonly cache: ServingFigure;
    readonly workspace: ServingFigure;
    readonly memory: ServingFigure;
    readonly largestBatch: ServingFigure;
  };
  /** Absent where the memory of the device is not known. */
  readonly fits?: boolean;
  readonly assumptions: readonly string[];
}

export type ServingOutcome =
  | { readonly ok: true; readonly cost: ServingCost }
  | { readonly ok: false; readonly why: string };

export function servingCost(model: ModelDescription, request: ServingRequest): ServingOutcome {
  const part = servedPart(model);
  if (part === undefined)
    return {
      ok: false,
      why: 'Serving is estimated for models that write tokens one after the other, and this one does not.',
    };
  if (model.parts.some((other) => other !== part && (other.role === 'encoder' || /(^|\.)encoder$/.test(other.name)))) {
    return {
      ok: false,
      why: 'Serving is not estimated for models with an encoder before the decoder. Look at one that is a decoder alone.',
    };
  }
  const { tensorParallel, device } = request;
  if (tensorParallel > 1 && device.link === undefined) {
    return {
      ok: false,
      why: `No speed of a link between devices is known for ${device.title}. Choose one device, or another kind.`,
    };
  }
  const assumptions = assumptionsOf(model, part, request);
  const prefill = phaseCost(operatorsOf(model, part, request, 'prefill'));
  const decode = phaseCost(operatorsOf(model, part, request, 'decode'));
  const figures = figuresOf(model, part, request, { prefill, decode }, assumptions);
  return {
    ok: true,
    cost: {
      prefill,
      decode,
      figures,
      ...(device.memory === undefined ? {} : { fits: figures.memory.value <= device.memory }),
      assumptions,
    },
  };
}

const memoryBytes = ({ weightBytes, cacheBytes, activationBytes }: Operator): number =>
  weightBytes + cacheBytes + activationBytes;

function phaseCost(operators: readonly Operator[]): PhaseCost {
  const total = (of: (operator: Operator) => number, list = operators): number =>
    list.reduce((sum, each) => sum + of(each), 0);
  const parts = servingParts.flatMap((part) => {
    const own = operators.filter((operator) => operator.part === part);
    if (own.length === 0) return [];
    return [
      {
        part,
        seconds: total(({ seconds }) => seconds, own),
        flops: total(({ flops }) => flops, own),
        bytes: total(memoryBytes, own),
        networkBytes: total(({ networkBytes }) => networkBytes, own),
      },
    ];
  });
  return {
    seconds: total(({ seconds }) => seconds),
    flops: total(({ flops }) => flops),
    bytes: total(memoryBytes),
    parts,
    operators,
  };
}

function figuresOf(
  model: ModelDescription,
  part: ModelPart,
  request: ServingRequest,
  { prefill, decode }: Readonly<Record<Phase, PhaseCost>>,
  assumptions: readonly string[],
): ServingCost['figures'] {
  const { batch, prompt, context, device, tensorParallel } = request;
  const weights = residentBytes(model, part, request);
  const cache = cacheBytesOf(model, part, request, context);
  const workspace = Math.max(0, ...prefill.operators.map(({ activationBytes, count }) => activationBytes / count));
  const each = cache + workspace / batch;
  const room = (device.memory ?? Number.NaN) - weights;
  const figure = (value: number, unit: ServingUnit, formula: string, notes: readonly string[] = []): ServingFigure => ({
    value,
    unit,
    formula,
    assumptions: notes,
  });
  const times = 'sum over operators of the longest of FLOPs / peak, bytes / bandwidth, sent bytes / link';
  const ofOne = tensorParallel > 1 ? [`of one of ${tensorParallel} devices`] : [];
  return {
    timeToFirstToken: figure(prefill.seconds, 's', times, [
      `${batch} prompts of ${prompt} tokens at once, to the logits of their last positions; waiting and sampling are not counted`,
      ...assumptions,
    ]),
    timePerToken: figure(decode.seconds, 's', times, [
      `one token of each of ${batch} sequences, after ${context} others`,
      ...assumptions,
    ]),
    throughput: figure(batch / decode.seconds, 'tokens/s', 'batch / time per token', [
      'tokens of all sequences, while they decode and nothing else runs',
    ]),
    promptThroughput: figure((batch * prompt) / prefill.seconds, 'tokens/s', 'batch x prompt / time to first token', [
      'tokens of prompts, while nothing is decoded',
    ]),
    weights: figure(weights, 'bytes', 'sum over tensors of elements x (bits + scales) / 8', [
      ...weightWords(model, request),
      ...ofOne,
    ]),
    cache: figure(batch * cache, 'bytes', 'batch x sum over layers of positions x elements x bytes + states', [
      `${batch} sequences of ${context} positions`,
      ...cacheWords(model, request),
      ...ofOne,
    ]),
    workspace: figure(workspace, 'bytes', 'largest inputs and outputs of one operator of a prompt', ofOne),
    memory: figure(weights + batch * cache + workspace, 'bytes', 'weights + cache + workspace', ofOne),
    largestBatch: figure(
      room <= 0 ? 0 : Math.floor(room / each),
      'sequences',
      '(memory of the device - weights) / (cache and workspace of one sequence), rounded down',
      [`${context} positions each`, 'nothing else takes memory of the device'],
    ),
  };
}

/** In four digits, without an exponent. */
const rounded = (value: number): string => Number(value.toPrecision(4)).toLocaleString('en-US');

const weightWords = (model: ModelDescription, { weightBits }: ServingRequest): readonly string[] => {
  const method = model.quantisation?.method;
  switch (weightBits) {
    case 'stored':
      return [method === undefined ? dtypeBytes(model).assumption : `weights as stored: ${method}`];
    case 32:
    case 16:
      return [`weights in ${weightBits} bits`];
    case 8:
      return ['matrices of attention and networks in 8 bits with a float16 scale a row, the rest in 16 bits'];
    case 4:
      return ['matrices of attention and networks in 4 bits with a float16 scale for 128 weights, the rest in 16 bits'];
  }
};

const cacheWords = (model: ModelDescription, { cacheBits }: ServingRequest): readonly string[] =>
  cacheBits === 'stored'
    ? [`cache: ${storedNumber(model).assumption}`]
    : [`cache in ${cacheBits} bits${cacheBits < 16 ? ' with a float16 scale for 64 numbers' : ''}`];

function assumptionsOf(model: ModelDescription, part: ModelPart, request: ServingRequest): readonly string[] {
  const { device, activationBits, kernels, latents, tensorParallel } = request;
  const { layers } = part;
  const has = (test: (layer: (typeof layers)[number]) => boolean): boolean => layers.some(test);
  const { kind, rate } = arithmeticOf(device, activationBits === 8 ? 8 : 16);
  const longest = part.contextLength ?? Infinity;
  const beyond = Math.max(request.prompt, request.context) > longest;
  return [
    ...(beyond ? [`longer than the ${longest} positions that the file promises`] : []),
    device.rates === undefined
      ? `${device.title}: ${rounded(rate / 1e12)} TFLOP/s in ${kind === 'bits8' ? '8 bits' : kind}, ${rounded(device.bandwidth / 1e9)} GB/s (${device.source}); every operator at its roof, its inputs and outputs in memory: a lower bound for kernels of one operator each; kernels that fuse operators pass over fewer activations`
      : `${device.title}: rates measured at the sizes of this model`,
    `numbers between operators in ${activationBits} bits; a multiply-add is two operations`,
    ...weightWords(model, request),
    ...cacheWords(model, request),
    kernels === 'fused'
      ? 'scores never reach memory, masked ones are not computed'
      : 'plain graphs: every score of a prompt is computed, written and read',
    ...(has(({ attention }) => attention.latent !== undefined)
      ? [
          latents === 'absorbed'
            ? 'MLA decodes over the latent: the maps to keys and values are absorbed into query and output'
            : 'MLA keeps keys and values of every head',
        ]
      : []),
    ...(has(({ feedForward }) => feedForward.kind === 'experts')
      ? ['tokens choose experts at random: E (1 - (1 - k / E)^B) distinct ones for B tokens']
      : []),
    ...(has(({ crossAttention }) => crossAttention !== undefined)
      ? ['a prompt holds one image; its encoder is not counted']
      : []),
    ...(has(({ attention }) => isRecurrent(attention))
      ? [
          'operations on recurrent states are not counted, their bytes are',
          ...(model.exact ? [] : ['the mixers of recurrent layers are not counted: their layout is not known here']),
        ]
      : []),
    ...(model.exact ? [] : ['matrices from the sizes of the layers: the layout of the family is not known in full']),
    ...(model.parts.length > 1
      ? [
          model.exact
            ? 'only the part that writes tokens is run; the weights of the others are in the memory'
            : 'only the part that writes tokens: others are neither run nor in the memory',
        ]
      : []),
    ...(tensorParallel > 1
      ? [
          `${tensorParallel} devices share each layer as in Megatron-LM: matrices cut by columns read whole inputs, those cut by rows write whole outputs; sums over them in a ring at ${rounded((device.link ?? 0) / 1e9)} GB/s, not hidden behind work`,
        ]
      : []),
  ];
}
