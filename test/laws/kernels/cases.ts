/** Shapes that every mechanism is tried on, with the sentence that names each. */
import type { Mechanism, ParameterValues } from '../../../kernels/mechanism';
import { resolveTable } from '../../../protocol/analysis/parameters';
import { attentionPatterns, type AttentionShape } from '../../../kernels/shape';

export interface Case {
  readonly name: string;
  readonly shape: AttentionShape;
}

const base: AttentionShape = {
  pattern: 'noncausal-self',
  batch: 1,
  heads: 4,
  kvHeads: 4,
  queries: 48,
  keys: 48,
  headDim: 16,
  valueDim: 16,
};

const variants: readonly { readonly name: string; readonly change: Partial<AttentionShape> }[] = [
  { name: 'as many heads of keys as of queries', change: {} },
  { name: 'two sequences in the batch', change: { batch: 2 } },
  { name: 'two query heads to a key head', change: { kvHeads: 2 } },
  { name: 'one key head for all queries, two sequences', change: { kvHeads: 1, batch: 2 } },
  { name: 'values wider than queries', change: { valueDim: 24 } },
  { name: 'values narrower than queries', change: { valueDim: 8 } },
  { name: 'one key', change: { queries: 1, keys: 1 } },
  { name: 'one head', change: { heads: 1, kvHeads: 1 } },
  { name: 'a length that fills no block', change: { queries: 157, keys: 157 } },
  { name: 'a length of several blocks, grouped', change: { queries: 300, keys: 300, heads: 2, kvHeads: 1 } },
  { name: 'fewer queries than keys', change: { queries: 19, keys: 75 } },
  { name: 'one query on a cache', change: { queries: 1, keys: 75, kvHeads: 2 } },
  { name: 'more queries than keys', change: { queries: 75, keys: 19 } },
];

/**
 * The variants in every pattern; noncausal-self with different lengths is cross attention and is left to it, and cross attention
 * over one length of several blocks is non-causal self-attention.
 */
export const cases: readonly Case[] = attentionPatterns.flatMap((pattern) =>
  variants
    .map(({ name, change }) => ({ name: `${pattern}, ${name}`, shape: { ...base, ...change, pattern } }))
    .filter(({ shape: { queries, keys } }) =>
      pattern.endsWith('cross') ? queries < 150 : pattern === 'causal-self' || queries === keys,
    ),
);

/** Grouped heads, a length that fills no block, and queries that come after keys: the layouts that differ, each once. */
export const fewCases = cases.filter(({ name }) =>
  [
    'noncausal-self, two query heads to a key head',
    'causal-self, a length that fills no block',
    'causal-self, fewer queries than keys',
    'causal-self, one query on a cache',
    'noncausal-cross, fewer queries than keys',
  ].includes(name),
);

/** Parameters that bring a mechanism's blocks down to the size of the cases, beside its defaults. */
const smallParameters: Readonly<Record<string, readonly ParameterValues[]>> = {
  tiled: [
    { rows: 16, span: 32 },
    { rows: 7, span: 21 },
    { rows: 64, span: 64 },
  ],
  'sliding-window': [{ window: 5 }, { window: 1 }, { window: 40 }],
  streaming: [
    { sinks: 3, recent: 9 },
    { sinks: 0, recent: 1 },
    { sinks: 8, recent: 40 },
  ],
  'duo-attention': [
    { fullShare: 0.5, sinks: 2, recent: 20 },
    { fullShare: 0.25, sinks: 4, recent: 8, window: 'training mask' },
  ],
  'razor-attention': [
    { retrievalShare: 0.25, sinks: 2, buffer: 10, compression: 1e6 },
    { retrievalShare: 0, sinks: 0, buffer: 1, compression: 1e6 },
    { retrievalShare: 0.5, sinks: 4, buffer: 40, compression: 1e6 },
    { retrievalShare: 0.5, sinks: 1, buffer: 2, compression: 3 },
  ],
  'elastic-span': [
    { firstShare: 0.5, firstOffset: 0, secondOffset: 0, secondSlope: 0.9 },
    { firstShare: 0.5, firstOffset: 0, secondOffset: 100, secondSlope: 0.5, plannedLength: 150 },
    { firstShare: 0.25, firstOffset: 0, firstSlope: 0.9, plannedLength: 250 },
  ],
  gna: [
    { rank: '1', windowWidth: 7 },
    { rank: '1', windowWidth: 12, strideWidth: 4 },
    { rank: '1', windowWidth: 5, strideWidth: 2, dilationWidth: 3 },
    { rank: '2', windowHeight: 3, windowWidth: 4, strideWidth: 2, causalHeight: true },
    { rank: '2', windowHeight: 2, windowWidth: 3, dilationHeight: 2, dilationWidth: 2 },
    { rank: '3', windowDepth: 2, windowHeight: 3, windowWidth: 2, strideHeight: 3 },
    { rank: '2', windowHeight: 2, windowWidth: 3, strideWidth: 2, text: 5 },
  ],
  's2-attention': [
    { block: 4, localBlocks: 2, verticalStride: 4, step: 1 },
    { block: 64, localBlocks: 1, verticalStride: 2, step: 1, sink: true },
    { block: 8, localBlocks: 1, verticalStride: 3, denseHeads: 1 },
    { block: 96, localBlocks: 1, verticalStride: 2, homogeneous: true, offset: 1 },
  ],
  landmark: [
    { block: 15, open: 2 },
    { block: 3, open: 2 },
    { block: 9, mode: 'train' },
    { block: 20, open: 0 },
    { block: 30, open: 1 },
    { block: 3, open: 2, chunk: 10 },
    { block: 5, open: 0, chunk: 16 },
    { block: 6, open: 2, uneven: 0.7, chunk: 11, shared: 'tokens' },
    { block: 5, open: 1, shared: 'heads' },
    { block: 4, open: 2, chunk: 9, stingyBase: 100, shared: 'group' },
  ],
  longheads: [
    { chunk: 8, budget: 32, begin: 0 },
    { chunk: 16, budget: 64, begin: 90 },
    { chunk: 4, budget: 12, begin: 0, rotaryBase: 0 },
    { chunk: 5, budget: 20, begin: 0, selfIncluded: false },
  ],
  alibi: [{ strength: 0.5 }],
  'sink-bias': [{ gamma: 0.25, heads: 'alternating' }, { gamma: 16 }],
  rcmha: [
    { maxDistance: 40 },
    { maxDistance: 400, convolution: false },
    { kernel: 4, relative: false },
    { maxDistance: 400, kernel: 1 },
  ],
  cmha: [{ scale: '1 / root of d', base: 500 }, { form: 'naive' }],
  'relu-mean': [{ scale: '1 / root of d' }, { activation: 'identity' }, { activation: 'softmax' }],
  'norm-attention': [
    { block: 7 },
    { block: 16, form: 'parallel', normaliser: 'softplus' },
    { block: 1, normaliser: 'sigmoid' },
  ],
  linear: [{ chunk: 16 }, { chunk: 1 }],
  latent: [
    { rank: 8, rotary: 0, form: 'absorbed' },
    { rank: 12, rotary: 4, form: 'absorbed' },
    { rank: 20, rotary: 0 },
  ],
  gaam: [{ variant: 'weights', gaussians: 2, chunks: 3 }, { chunks: 3 }],
  biformer: [
    { positions: 'sequence', region: 16, topk: 2 },
    { region: 4, topk: 1 },
    { positions: 'sequence', region: 7, topk: 3, scale: 'head width' },
  ],
  'routing-transformer': [
    { clusters: 4, window: 20, localBlock: 16 },
    { clusters: 3, window: 70, localShare: 0 },
    { clusters: 4, window: 20, membership: 'own cluster', localBlock: 7 },
    { clusters: 5, uncovered: 'self', localShare: 0.75, localBlock: 300 },
    { clusters: 3, window: 11, shared: false, normalise: false },
  ],
  wersa: [
    { levels: 3, features: 32, gate: 'global' },
    { levels: 0, features: 24, gate: 'off', chunk: 16 },
    { levels: 3, features: 32, filter: 'one-sided', chunk: 16 },
    { levels: 2, features: 40, filter: 'one-sided', gate: 'off', sharedProjection: false },
  ],
  'neural-memory': [
    { chunk: 7 },
    { chunk: 1 },
    { chunk: 7, depth: 2, expansion: 2 },
    { chunk: 5, depth: 3, momentum: false },
    { chunk: 7, forgetting: false, rate: 0.1 },
    { chunk: 7, depth: 2, expansion: 2, forgetting: false, momentum: false, rate: 0.1 },
  ],
  'titans-mac': [
    { segment: 14, persistent: 3, chunk: 7 },
    { segment: 5, persistent: 0, chunk: 1 },
    { segment: 32, persistent: 20, chunk: 32 },
    { segment: 14, persistent: 3, chunk: 7, depth: 2, expansion: 2, rate: 0.5 },
    { segment: 10, persistent: 2, chunk: 5, depth: 3, momentum: false, forgetting: false, rate: 0.1 },
  ],
  'titans-mal': [
    { window: 9, persistent: 3, chunk: 7 },
    { window: 1, persistent: 0, chunk: 1 },
    { window: 300, persistent: 20, chunk: 16 },
    { window: 9, persistent: 3, chunk: 7, depth: 2, expansion: 2 },
    { window: 9, persistent: 2, chunk: 5, depth: 2, expansion: 2, momentum: false, forgetting: false, rate: 0.1 },
  ],
  'titans-mag': [
    { window: 9, persistent: 3, chunk: 7 },
    { window: 1, persistent: 0, chunk: 1 },
    { window: 300, persistent: 20, chunk: 16 },
    { window: 9, persistent: 3, chunk: 7, depth: 2, expansion: 2 },
    { window: 9, persistent: 2, chunk: 5, depth: 2, expansion: 2, momentum: false, forgetting: false, rate: 0.1 },
  ],
  moh: [
    { span: 100 },
    { routing: 'query norm', span: 64 },
    { share: 0.75, sharedShare: 0, scaling: 'paper', span: 200 },
  ],
  'distributed-mha': [
    { headWorkers: 1, sequenceWorkers: 1, rows: 16, block: 32 },
    { headWorkers: 1, sequenceWorkers: 3, rows: 16, block: 40 },
    { headWorkers: 1, sequenceWorkers: 3, rows: 22, block: 30, balanced: false },
    { headWorkers: 2, sequenceWorkers: 2, rows: 16, block: 64, schedule: 'gather' },
  ],
  'lightning-attention': [
    { block: 7 },
    { block: 3, form: 'parallel', features: 'elu + 1' },
    { block: 16, features: 'swish', norm: 'srms', rotation: true, decay: 'code', layer: 3 },
    { block: 16, form: 'parallel', rotation: true, decay: 'paper' },
  ],
  'lightning-attention-2': [
    { block: 16 },
    { block: 7, form: 'parallel' },
    { block: 1, decay: 'given', slope: 0.84 },
    { block: 2, decay: 'none' },
    { block: 16, carried: true },
    { block: 7, form: 'parallel', decay: 'none', carried: true },
  ],
};

/** In place of defaults that make tables much longer than any case; both reach beyond the longest. */
const smallerDefaults: Readonly<Record<string, ParameterValues>> = { rcmha: { maxDistance: 512 } };

/** A mechanism's defaults, and parameters whose blocks are as small as the cases. */
export function settings(mechanism: Mechanism): readonly ParameterValues[] {
  return [smallerDefaults[mechanism.id] ?? {}, ...(smallParameters[mechanism.id] ?? [])].map((given) => {
    const resolution = resolveTable(mechanism.id, mechanism.parameters, given);
    if (!resolution.ok) throw new Error(resolution.why);
    return resolution.values;
  });
}
