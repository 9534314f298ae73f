import type { Cell } from '../../compute-server/harness/cell';
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Graph } from '../../kernels/graph/graph';
import { multiHeadAttention } from '../../kernels/graph/operators/attention';
import type { Bench } from './support/bench';
import { causalPlan, entrant, race } from './support/interleaved';
import { measuredRow, runBenchmark } from './support/server';

/** Shorter ones stay in the caches whole: 1.6 MB of queries, keys and values at 256 positions, 50 MB at 8192. */
const cacheLengths = [256, 2048, 8192];

const length = 8192;
const plan = causalPlan;

/** The other causal operator of the runtime, which holds the whole matrix of scores. */
function unidirectional({ shape }: Cell): Graph {
  const builder = new GraphBuilder('multi-head-unidirectional');
  const input = (name: string, width: number) =>
    builder.input(name, 'float32', [shape.batch, shape.keys, shape.heads * width]);
  const [query, key, value] = [
    input('query', shape.headDim),
    input('key', shape.headDim),
    input('value', shape.valueDim),
  ];
  builder.output(multiHeadAttention(query, key, value, { heads: shape.heads, causal: true }), 'output');
  return builder.finish();
}

const kernels: Bench = {
  name: 'Kernels, causal, 8 heads of 64, 8192 positions, float32, cpu, 2 threads',
  async run(report) {
    const fused = entrant('fused', 'fused', plan, length);
    const { times } = await race(plan, [
      fused,
      entrant('tiled', 'tiled', plan, length),
      entrant('sliding-window', 'sliding-window', plan, length, { window: 256 }),
      entrant('linear', 'linear', plan, length),
      { name: 'unidirectional', cell: fused.cell, graph: unidirectional(fused.cell) },
    ]);
    const tiled = times('tiled', 'fused');
    report.figure({
      name: 'time of tiled over fused (GroupQueryAttention)',
      value: tiled.median,
      unit: 'times',
      target: 1,
      comparison: 'atMost',
      note: tiled.note,
    });
    for (const [slow, fast, target] of [
      ['unidirectional', 'tiled', 2.5],
      ['fused', 'sliding-window', 4],
      ['fused', 'linear', 9],
    ] as const) {
      const ratio = times(slow, fast);
      const title = slow === 'unidirectional' ? 'MultiHeadAttention unidirectional' : slow;
      report.figure({
        name: `time of ${title} over ${fast}${fast === 'sliding-window' ? ' 256' : ''}`,
        value: ratio.median,
        unit: 'times',
        target,
        comparison: 'atLeast',
        note: ratio.note,
      });
    }

    const memory = await runBenchmark({
      ...plan,
      shape: { ...plan.shape, lengths: [length] },
      mechanisms: ['fused', 'tiled'],
      secondsPerLength: 5,
    });
    const peak = (mechanism: string) => measuredRow(memory, mechanism, length).peakBytes ?? Number.NaN;
    report.figure({
      name: 'peak memory of tiled over fused, a fresh process each',
      value: peak('tiled') / peak('fused'),
      unit: 'times',
      target: 1.5,
      comparison: 'atMost',
      note: `${(peak('tiled') / 1e6).toFixed(0)} MB and ${(peak('fused') / 1e6).toFixed(0)} MB`,
    });

    const cached = await runBenchmark({
      ...plan,
      shape: { ...plan.shape, lengths: cacheLengths },
      mechanisms: ['fused', 'tiled', 'sliding-window', 'linear'],
      parameters: { 'sliding-window': { window: 256 } },
      secondsPerLength: 8,
      caches: true,
      measureMemory: false,
    });
    for (const { mechanism, length, caches } of cached.rows) {
      if (!caches) continue;
      report.figure({
        name: `cold over warm run of ${mechanism}, ${length} positions`,
        value: caches.coldMs / caches.warmMs,
        unit: 'times',
        note: `cold ${caches.coldMs.toPrecision(3)} ms, warm ${caches.warmMs.toPrecision(3)} ms, ${caches.samples} pairs`,
      });
    }
  },
};

export default kernels;
