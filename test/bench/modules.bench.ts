/**
 * Every module against plain multi-head attention with its four projections over the same tokens, and its time against its size.
 * Figures without a target are there to be read: what a module should cost beside plain attention no card says.
 */
import { powerFit } from '../../compute-server/harness/statistics/fits';
import { resolvedParameters } from '../../compute-server/modules/parameters';
import type { ParameterValues } from '../../kernels/mechanism';
import type { Module } from '../../kernels/module';
import { moduleById, moduleCatalogue } from '../../kernels/module-catalogue';
import { plainMultiplyAdds } from '../../kernels/module-parts/plain-attention';
import type { Bench, Report } from './support/bench';
import { computingTimes } from './support/computing-time';
import { raceGraphs } from './support/interleaved';
import { gradientEntrant, moduleEntrant, plainEntrant } from './support/modules';

const settings = { seconds: 3, threads: 2, seed: 1 };
const rounds = 7;

/** A call shorter than this is mostly the start of its operators: its growth says nothing of the operations. */
const shortestMs = 0.5;

interface Range {
  readonly module: Module;
  /** What n is. */
  readonly of: string;
  readonly sizes: readonly ParameterValues[];
  readonly size: (parameters: ParameterValues) => number;
  /** From the definition; the operations of the cost model where left out. */
  readonly exponent?: number;
  readonly off?: number;
  readonly why?: string;
}

const named = (id: string): Module => {
  const module = moduleById(id);
  if (!module) throw new Error(`There is no module ${id}.`);
  return module;
};

/** In place of the module's own sizes, where a call of those is too short, or mostly the start of many operators. */
const longer: Readonly<Record<string, readonly ParameterValues[]>> = {
  shvit: [256, 384, 512].map((side) => ({ variant: 'S1', side, batch: 4 })),
  'spectral-gate': [16, 32, 64].map((side) => ({ height: side, width: side, channels: 128, batch: 4 })),
  spectformer: [224, 352, 512].map((side) => ({ variant: 'T', alpha: 4, side })),
  dmhcsa: [192, 320, 512].map((tokens) => ({ axis: 'temporal', tokens, channels: 136, heads: 8 })),
  convformer: [121, 181, 243].map((frames) => ({ frames, channels: 8, spatialBlocks: 0, kernels: '7,7,7', batch: 4 })),
  lama: [2048, 4096, 8192].map((words) => ({ words, heads: 8, batch: 8 })),
  'lama-causal': [1024, 2048, 4096].map((words) => ({ words, width: 256, heads: 8, batch: 4 })),
  'token-mlp': [1024, 1536, 2048].map((tokens) => ({ tokens, hidden: tokens / 2 })),
  'fourier-mixing': [1024, 2048, 4096].map((tokens) => ({ tokens, width: 16, batch: 8 })),
  'toeplitz-mixing': [512, 1024, 2048].map((tokens) => ({ tokens, form: 'transform' })),
  'covariance-attention': [1024, 2048, 4096].map((tokens) => ({ tokens })),
  'neural-memory-block': [1024, 2048, 4096].map((tokens) => ({ tokens })),
  'gated-pooling': [2048, 4096, 8192].map((instances) => ({ instances })),
  acmil: [2048, 4096, 8192].map((instances) => ({ instances })),
  'pointer-attention': [8, 16, 32].map((columns) => ({ rows: 16, columns, steps: 1, width: 512, batch: 8 })),
  oat: [16, 24, 32].map((columns) => ({
    rows: 16,
    columns,
    steps: 1,
    width: 8,
    hidden: 8,
    layers: 1,
    attentionHeads: 1,
    batch: 32,
  })),
  'memory-read': [256, 512, 1024].map((units) => ({ units, queries: 64, tokens: 1, valueWidth: 16, batch: 16 })),
  'selector-summary': [1024, 2048, 4096].map((tokens) => ({ tokens, tasks: 16, selectors: 16, width: 128 })),
  'prefix-attention': [1024, 1536, 2048].map((tokens) => ({ tokens, width: 64, heads: 2, prompts: 4 })),
  'multi-lane': [5, 10, 20].map((tasks) => ({ variant: 'small', tasks, side: 64, cached: false, batch: 4 })),
};

/** Ranges that the cards name beside the module's own. */
const ranges: readonly Range[] = [
  {
    module: named('lama'),
    of: 'heads',
    sizes: [16, 32, 64].map((heads) => ({ words: 512, heads, batch: 4 })),
    size: ({ heads }) => Number(heads),
    exponent: 1,
    why: 'the words are read once for all heads, which takes a time of its own',
  },
  {
    module: named('spectral-gate'),
    of: 'tokens, by fft',
    sizes: [16, 32, 64].map((side) => ({ form: 'fft', height: side, width: side, channels: 256 })),
    size: ({ height, width }) => Number(height) * Number(width),
    // 1.0 to 1.15.
    exponent: 1.075,
    off: 0.075,
    why: 'the target is the 1.0 to 1.15 of its card',
  },
  ...(['context', 'gate', 'layer'] as const).map((form) => ({
    module: named('neural-memory-block'),
    of: `tokens, form ${form}`,
    sizes: [1024, 2048, 4096].map((tokens) => ({ tokens, form })),
    size: ({ tokens }: ParameterValues) => Number(tokens),
    exponent: 1,
  })),
  {
    module: named('toeplitz-mixing'),
    of: 'tokens, by the matrix',
    sizes: [512, 1024, 2048].map((tokens) => ({ tokens, form: 'matrix' })),
    size: ({ tokens }) => Number(tokens),
    exponent: 2,
  },
];

/** LAMA beside the other ways to pool a text, at its published sizes. */
const poolings: readonly (readonly [name: string, id: string, parameters: ParameterValues])[] = [
  ['low-rank', 'lama', {}],
  ['additive', 'pooling-attention', { form: 'additive' }],
  ['structured', 'pooling-attention', { form: 'structured' }],
  ['one query', 'pooling-attention', { form: 'cls' }],
];

/** Where the time grows otherwise than the operations. */
const reasons: Readonly<Record<string, string>> = {
  'spectral-gate':
    'matrices of 16 to 64 rows: reading and writing the grid, which is linear, takes more time than the products',
  'fourier-mixing':
    'factors of 16 to 64: turning and ordering the numbers, which is linear, takes more of the time than of the operations',
  'toeplitz-mixing':
    'factors of 16 to 64: turning and ordering the numbers, which is linear, takes more of the time than of the operations',
  oat: 'softmax, norms and copies take more of the time than of the operations',
  convformer:
    'softmax, norms and copies take more of the time than of the operations; 243 frames are the most published',
};

const bench: Bench = {
  name: 'Modules, float32, cpu, 2 threads',
  async run(report) {
    for (const module of moduleCatalogue) await beside(report, module);
    for (const module of moduleCatalogue) {
      const { of, sizes: own } = module.growth;
      const sizes = longer[module.id] ?? (own as readonly ParameterValues[]);
      await growth(report, { module, of, sizes, size: (parameters) => module.growth.size(parameters) });
    }
    for (const range of ranges) await growth(report, range);
    await pooled(report);
  },
};

const times = (value: number): string => value.toFixed(2);

/** At its usual parameters, forward, and forward with backward. */
async function beside(report: Report, module: Module): Promise<void> {
  const parameters = resolvedParameters(module, {});
  const plain = module.plain(parameters);
  const backward = module.noGradient === undefined;
  const timed = await raceGraphs(
    [
      plainEntrant('plain', plain),
      moduleEntrant('module', module, {}),
      ...(backward ? [gradientEntrant('backward', module, {})] : []),
    ],
    { ...settings, baseline: 'plain' },
  );
  const products = module.cost(parameters).multiplyAdds / plainMultiplyAdds(plain);
  const tokens = plain.queries === plain.keys ? `${plain.queries}` : `${plain.queries} reading ${plain.keys}`;
  const forward = timed.times('module', 'plain');
  report.figure({
    name: `${module.id}: time over plain attention, ${tokens} tokens of ${plain.width}, ${plain.heads} ${plain.heads === 1 ? 'head' : 'heads'}`,
    value: forward.median,
    unit: 'times',
    note: `${forward.note}; ${timed.medianMs('module').toPrecision(3)} and ${timed.medianMs('plain').toPrecision(3)} ms; ${products.toPrecision(3)} times the products`,
  });
  if (!backward) return;
  const both = timed.times('backward', 'module');
  report.figure({
    name: `${module.id}: forward and backward over forward`,
    value: both.median,
    unit: 'times',
    note: `${both.note}; ${timed.medianMs('backward').toPrecision(3)} ms`,
  });
}

async function pooled(report: Report): Promise<void> {
  const size = { words: 512, batch: 4 };
  const timed = await raceGraphs(
    poolings.map(([name, id, parameters]) => moduleEntrant(name, named(id), { ...size, ...parameters })),
    { ...settings, baseline: 'one query' },
  );
  for (const [name] of poolings.slice(0, -1)) {
    const { median, note } = timed.times(name, 'one query');
    report.figure({
      name: `pooling 4 texts of 512 words, ${name}: time over multi-head attention with one query`,
      value: median,
      unit: 'times',
      note: `${note}; ${timed.medianMs(name).toPrecision(3)} and ${timed.medianMs('one query').toPrecision(3)} ms`,
    });
  }
}

/** The fitted exponent of the computing time against that of the definition, over the same sizes, on one thread. */
async function growth(report: Report, range: Range): Promise<void> {
  const { module, of, size, off = 0.15, why = reasons[module.id] } = range;
  const sizes = range.sizes.map((given) => resolvedParameters(module, given));
  const names = sizes.map((parameters) => `${size(parameters)}`);
  const ms = await computingTimes(
    sizes.map((parameters, at) => moduleEntrant(names[at]!, module, parameters)),
    rounds,
  );
  const measured = powerFit(sizes.map((parameters, at) => [size(parameters), ms[at]!]));
  const operations = powerFit(sizes.map((parameters) => [size(parameters), module.cost(parameters).flops])).exponent;
  const exponent = range.exponent ?? operations;
  const isShort = Math.min(...ms) < shortestMs;
  report.figure({
    name: `${module.id}: exponent of the computing time in ${of}, off ${times(exponent)}`,
    value: Math.abs(measured.exponent - exponent),
    unit: 'of the exponent',
    ...(isShort ? {} : { target: off }),
    note: `${times(measured.exponent)} measured (R² ${measured.r2.toFixed(3)}), ${times(operations)} by operations; ${names.map((name, at) => `${name}: ${ms[at]!.toPrecision(3)} ms`).join(', ')}${isShort ? '; too short to judge, the start of operators dominates' : ''}${why ? `; ${why}` : ''}`,
  });
}

export default bench;
