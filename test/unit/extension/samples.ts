/** Small, whole objects of the protocol for the tests of the extension. */
import type { DeviceInfo, MechanismInfo, ServerInfo } from '../../../protocol/compute/api';
import type { ModelFacts, ModelPartFacts } from '../../../protocol/language/requests';
import type { BenchmarkRow, BenchmarkSetup, BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import type { HeadThumbnails } from '../../../protocol/results/heads';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import type { ModelSummary } from '../../../protocol/schema/parts';

export const plan = (change: Partial<BenchmarkSetup> = {}): BenchmarkSetup => ({
  mechanisms: ['fused', 'tiled'],
  baseline: 'fused',
  shape: { pattern: 'causal-self', batch: 1, heads: 8, kvHeads: 8, headDim: 64, valueDim: 64, lengths: [512, 1024] },
  parameters: {},
  device: 'cpu',
  threads: 0,
  precision: 'float32',
  seed: 1,
  secondsPerLength: 1,
  measureMemory: false,
  ...change,
});

export const row = (mechanism: string, length: number, change: Partial<BenchmarkRow> = {}): BenchmarkRow => ({
  mechanism,
  length,
  ok: true,
  medianMs: length / 100,
  ...change,
});

export const result = (rows: readonly BenchmarkRow[] = [row('fused', 512), row('tiled', 512)]): BenchmarkResult => ({
  kind: 'headscope-bench',
  version: 1,
  headscope: '0.1.0',
  created: '2026-11-24T15:00:00.000Z',
  device: {
    id: 'cpu',
    provider: 'cpu',
    name: 'A processor',
    threads: 2,
    runtime: 'onnxruntime-node 1.30.0',
    platform: 'linux-x64',
  },
  settings: {},
  seed: 1,
  plan: plan(),
  rows,
  fits: [],
  crossover: [],
  roof: { peakGflops: 100, peakBandwidthGBs: 10, measured: '2026-11-24' },
  state: 'done',
  seconds: 3,
});

export const mechanism = (id: string): MechanismInfo => ({
  id,
  title: id,
  family: 'dense',
  summary: '',
  source: { reference: '', trust: 'high' },
  exponent: 2,
  template: {
    projected: '',
    scores: '',
    positions: { words: '', chosen: 'beforehand' },
    normaliser: { words: '', averagesValues: true },
    aggregation: '',
    mixing: 'data-dependent',
    matrix: 'dense',
    state: { words: '', grows: true },
    sharded: { heads: '', headsIndependent: true, sequence: '' },
  },
  parameters: [],
  patterns: { 'noncausal-self': true, 'causal-self': true, 'noncausal-cross': true, 'causal-cross': true },
});

export const device = (change: Partial<DeviceInfo> = {}): DeviceInfo => ({
  id: 'cpu',
  provider: 'cpu',
  name: 'A processor',
  available: true,
  ...change,
});

export const server: ServerInfo = { headscope: '0.1.0', runtime: 'onnxruntime-node 1.30.0', pid: 42, node: '20.20.2' };

export const part = (change: Partial<ModelPartFacts> = {}): ModelPartFacts => ({
  path: '',
  role: 'decoder',
  attention: 'gqa',
  layers: Array.from({ length: 4 }, () => ({ kind: 'full', heads: 32, kvHeads: 8 })),
  heads: 32,
  kvHeads: 8,
  headDim: 128,
  valueDim: 128,
  hiddenSize: 4096,
  contextLength: 131072,
  ...change,
});

export const facts = (change: Partial<ModelFacts> = {}): ModelFacts => ({
  uri: 'file:///models/Llama-3.1-8B/config.json',
  name: 'Llama-3.1-8B',
  family: 'llama',
  sentence: '4 layers of grouped-query attention',
  parts: [part()],
  supported: true,
  errors: 0,
  warnings: 0,
  ...change,
});

export const modelSummary = (change: Partial<ModelSummary> = {}): ModelSummary => ({
  folder: '/models/tiny',
  name: 'tiny',
  family: 'llama',
  hash: 'abc',
  layers: 2,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  hiddenSize: 8,
  vocabulary: 16,
  causal: true,
  weightBytes: 1024,
  dtypes: ['F32'],
  windows: [null, 8],
  tokenizer: true,
  chatTemplate: false,
  ...change,
});

/** Two layers of two heads on three tokens; the last statistic has no query that counts. */
export const headsResult = (change: Partial<HeadsResult> = {}): HeadsResult => {
  const table = [
    [0.1, 0.2],
    [0.3, 0.4],
  ];
  const nothing = [
    [Number.NaN, Number.NaN],
    [Number.NaN, Number.NaN],
  ];
  const { headscope, device: made, settings } = result();
  return {
    kind: 'headscope-heads',
    version: 1,
    headscope,
    created: '2026-11-24T16:00:00.000Z',
    device: made,
    settings: { ...settings, classify: true, causal: false },
    seed: 3,
    model: modelSummary(),
    prompt: 'a b c',
    ids: [1, 2, 3],
    tokens: ['a', ' b', ' c'],
    interventions: [],
    gains: [],
    layers: 2,
    heads: 2,
    statistics: {
      previousToken: table,
      firstToken: table,
      selfToken: table,
      entropy: table,
      meanDistance: table,
      localWindow: table,
      induction: nothing,
      duplicateToken: nothing,
    },
    groups: {},
    classes: [
      { layer: 1, head: 0, label: 'previous-token', score: 0.9, null: { mean: 0.1, sd: 0.05 }, confidence: 1 },
      { layer: 0, head: 1, label: 'previous-token', score: 0.95, null: { mean: 0.1, sd: 0.05 }, confidence: 1 },
    ],
    parity: { maxLogitError: 1e-6, layerErrors: [0, 1e-6], worstLayer: 1, ok: true },
    seconds: 0.5,
    ...change,
  };
};

export const thumbnails = (): HeadThumbnails => ({
  size: 2,
  layers: 2,
  heads: 2,
  data: Float32Array.from({ length: 16 }, (_, at) => at / 16 + 1e-7),
});
