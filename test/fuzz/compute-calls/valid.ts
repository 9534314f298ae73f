/** One sound call of every method of the compute server, on the demo models, small enough to run in a moment. */
import { resolve } from 'node:path';
import type { AnalysisRequest, AnalysisResult } from '../../../protocol/analysis/schema';
import type { ComputeMethod, ComputeMethods } from '../../../protocol/compute/api';
import type { ReinforcementRequest } from '../../../protocol/interventions/reinforcement';
import type { BenchmarkSetup } from '../../../protocol/results/benchmark-schema';
import type { Intervention } from '../../../protocol/interventions/interventions';
import { shortDemoLm } from '../../support/demo-models';

const textModel = shortDemoLm;
const visionModel = resolve('examples/models/demo-vlm');
const image = resolve('test/fixtures/pictures/rgb.png');
const text = 'the cat sat on the mat and the cat';
const ids = [0, 17, 33, 21, 17, 33, 40, 12];
const interventions: Intervention[] = [
  { kind: 'gain', layer: 1, head: 2, gain: 0.5 },
  { kind: 'bias', layer: 0, head: 1, keys: { start: 0, end: 2 }, bias: -1 },
  { kind: 'unsuppress', layer: 1, share: 0.5 },
  {
    kind: 'isolate',
    heads: [{ layer: 0, head: 'all' }],
    regions: [[{ start: 0, end: 2 }], [{ start: 3, end: 5 }]],
    beta: 2,
  },
  { kind: 'reposition', layers: [1], from: { start: 0, end: 1 }, to: { start: 2, end: 4 } },
  { kind: 'mlp', layer: 0, positions: { start: 1, end: 3 }, source: { from: 'mean', prompts: ['the dog'] } },
  { kind: 'low-rank', layers: ['all'], rank: 3 },
  {
    kind: 'plan',
    rules: [{ heads: [{ layer: 0, head: 'all' }], keep: { kind: 'recent', sinks: 1, recent: 2, mean: true } }],
  },
  { kind: 'units', layer: 0, units: [{ start: 0, end: 3 }], gain: 0 },
  { kind: 'moh', rules: [{ layer: 1, shared: [1], active: 1 }] },
  { kind: 'freeze', parts: [{ layer: 1, head: 'all' }], except: [{ layer: 1, head: 0 }], source: { from: 'own' } },
];

const heads = { pattern: 'causal-self', heads: 4, kvHeads: 2, headDim: 16, valueDim: 16 } as const;

const plan: BenchmarkSetup = {
  mechanisms: ['tiled', 'sliding-window', 'linear'],
  baseline: 'fused',
  shape: { ...heads, batch: 1, lengths: [32, 64] },
  parameters: { 'sliding-window': { window: 16 } },
  device: 'cpu',
  threads: 1,
  precision: 'float32',
  seed: 1,
  secondsPerLength: 0.1,
  measureMemory: false,
};

const reinforcement: ReinforcementRequest = {
  alpha: 2,
  outliers: 'paper',
  heads: 'selected',
  normMatched: false,
  executor: 'in-graph',
  seed: 1,
  layers: [1],
};

const oneHead = { folder: textModel, ids, interventions, layer: 1, head: 2 };

const analysis: AnalysisRequest = {
  analysis: 'first-token',
  folder: textModel,
  input: { kind: 'prompt', prompt: { kind: 'text', text } },
  parameters: { threshold: 0.4 },
  interventions: [{ kind: 'gain', layer: 1, head: 2, gain: 0.5 }],
  seed: 1,
};

const analysed: AnalysisResult = {
  kind: 'headscope-analysis',
  version: 1,
  headscope: '0.0.0',
  created: '2026-11-27T00:00:00.000Z',
  device: { id: 'cpu', provider: 'cpu', name: 'CPU', threads: 1, runtime: 'onnxruntime', platform: 'linux-x64' },
  settings: {},
  seed: 1,
  analysis: 'first-token',
  title: 'First-token heads',
  model: {
    folder: textModel,
    name: 'demo-lm',
    family: 'llama',
    // The hash of the files of the demo model: a question about other files is not answered.
    hash: '1ef03c5426bae28a',
    layers: 1,
    heads: 2,
    kvHeads: 2,
    headDim: 16,
    hiddenSize: 32,
    vocabulary: 512,
    causal: true,
    weightBytes: 1,
    dtypes: ['F32'],
    windows: [null],
    tokenizer: true,
    chatTemplate: false,
  },
  input: analysis.input,
  prompts: [],
  parameters: {},
  interventions: [],
  finding: 'No head.',
  result: { scores: [[0.1, null]], threshold: 0.5 },
  sections: [],
  seconds: 1,
};

export const validCalls: { readonly [M in ComputeMethod]: ComputeMethods[M]['args'] } = {
  analyses: [],
  analysisOfFile: [{ file: '/nowhere/a.headscope-analysis.ts', root: '/nowhere' }],
  taskOfFile: [{ file: '/nowhere/a.headscope-task.ts', root: '/nowhere' }],
  estimateAnalysis: [analysis],
  analysis: [analysis],
  askAnalysis: [analysed, { section: 'scores', place: { kind: 'head', layer: 0, head: 1 } }],
  extendAnalysis: [analysed, { section: 'caption', place: { kind: 'variant', reinforcement } }],
  corpusOf: [resolve('examples/corpus/documents.jsonl')],
  compareAnalyses: [analysed, analysed],
  tasks: [],
  task: [{ task: 'induction', samples: 2, seed: 1, parameters: { length: 8, repeated: 2 } }],
  info: [],
  devices: [{ roof: false }],
  setup: ['coreml'],
  mechanisms: [],
  checkKernel: [
    { kernel: { id: 'own:a', file: '/nowhere/a.headscope-kernel.ts', root: '/nowhere' }, parameters: { window: 8 } },
  ],
  mechanismView: [
    {
      mechanism: 'sliding-window',
      parameters: { window: 16 },
      shape: heads,
      length: 32,
      head: 'any',
      effective: true,
      system: false,
      seed: 1,
      lengths: [64, 128],
    },
  ],
  neighborhoodBound: [
    {
      axes: [{ size: 16, window: 5, stride: 1, dilation: 1, causal: false, queryTile: 4, keyTile: 4 }],
      tiling: 'static',
      attentionShare: 0.6,
      sparseSteps: 0.8,
    },
  ],
  supports: [plan],
  roof: ['cpu', 1],
  benchmark: [plan],
  stoppedBenchmark: [{ ...plan, done: [] }],
  modules: [],
  module: [
    {
      module: 'spectral-gate',
      parameters: { height: 3, width: 4, channels: 2 },
      input: { kind: 'sample', sample: 'waves' },
      device: 'cpu',
      threads: 1,
      precision: 'float32',
      seed: 1,
      seconds: 0,
    },
  ],
  distributed: [
    {
      shape: { ...heads, batch: 1, length: 64 },
      grids: [{ headWorkers: 2, sequenceWorkers: 1, schedule: 'ring' }],
      balanced: true,
      seed: 1,
      seconds: 0.1,
    },
  ],
  openModel: [textModel],
  tokenise: [textModel, { kind: 'text', text }],
  parity: [textModel, { kind: 'ids', ids }],
  steeringVector: [{ folder: textModel, toward: [text], from: ['the dog', 'a dog'], layers: [1], position: 'last' }],
  measureServing: [{ folder: textModel, prompt: 8, tokens: 2 }],
  headTile: [{ ...oneHead, rowStart: 0, rowCount: 8, columnStart: 0, columnCount: 8, outRows: 8, outColumns: 8 }],
  headOutputs: [oneHead],
  headRow: [{ ...oneHead, query: 3 }],
  nextTokens: [{ folder: textModel, ids, variants: [interventions], top: 5 }],
  runModel: [
    {
      folder: textModel,
      prompt: { kind: 'text', text },
      interventions,
      taps: ['layer.0.residual', 'embedding'],
      rows: [0, 2],
      attention: [{ layer: 0, head: 1 }],
      statistics: true,
      logits: 'all',
      loss: true,
      top: 3,
    },
  ],
  generate: [
    {
      folder: textModel,
      prompt: { kind: 'text', text },
      interventions,
      maxNewTokens: 3,
      temperature: 0.7,
      topP: 0.9,
      seed: 1,
      statistics: true,
    },
  ],
  promptForPictures: [visionModel, { kind: 'text', text: '<image> What is in the picture?' }],
  captionTime: [
    {
      folder: visionModel,
      prompt: { kind: 'text', text: '<image> a' },
      image,
      maxNewTokens: 2,
      reinforced: 1,
      measured: true,
    },
  ],
};
