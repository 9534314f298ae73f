import { catalogue, mechanismById } from '../../kernels/catalogue';
import { GraphBuilder } from '../../kernels/graph/builder';
import type { Graph } from '../../kernels/graph/graph';
import { multiHeadAttention } from '../../kernels/graph/operators/attention';
import { random } from '../../kernels/tensors/random';
import { cellAt, type Cell } from '../../compute-server/harness/cell';
import { feedsOf, inputsOf, sharedInputs } from '../../compute-server/harness/inputs';
import { ratioOfPairs } from '../../compute-server/harness/statistics/ratio';
import { interleave, pairs, type Series } from '../../compute-server/harness/timing';
import { openSession } from '../../compute-server/runtime/session';
import type { BenchmarkPlan } from '../../protocol/results/benchmark';
import type { Bench } from './support/bench';
import { measuredRow, runBenchmark } from './support/server';

const length = 8192;
const plan: BenchmarkPlan = {
  mechanisms: ['fused', 'tiled', 'sliding-window', 'linear'],
  baseline: 'fused',
  parameters: { 'sliding-window': { window: 256 } },
  device: 'cpu',
  threads: 2,
  precision: 'float32',
  seed: 1,
  secondsPerLength: 60,
  measureMemory: true,
  shape: { pattern: 'causal-self', batch: 1, heads: 8, kvHeads: 8, headDim: 64, valueDim: 64, lengths: [length] },
};

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

/** Times of every competitor, interleaved at random in one process. */
async function timed(): Promise<ReadonlyMap<string, Series>> {
  const fused = cellAt(mechanismById('fused')!, plan, length);
  const shared = sharedInputs(fused.shape, plan.seed, plan.precision);
  const cells = catalogue
    .filter((mechanism) => plan.mechanisms.includes(mechanism.id))
    .map((mechanism) => {
      const cell = cellAt(mechanism, plan, length);
      return { name: mechanism.id, cell, graph: mechanism.build(cell.shape, cell.parameters, plan.precision) };
    });
  cells.push({ name: 'unidirectional', cell: fused, graph: unidirectional(fused) });

  const competitors = await Promise.all(
    cells.map(async ({ name, cell, graph }) => {
      const session = await openSession(graph, { device: 'cpu', threads: plan.threads });
      const feeds = feedsOf(cell, inputsOf(cell, shared, plan.seed, plan.precision), plan.precision);
      const bound = session.bind(feeds, ['output']);
      return { name, run: () => bound.run(), release: () => session.release() };
    }),
  );
  const source = random(plan.seed);
  let series: readonly Series[] = [];
  for await (const after of interleave(competitors, {
    baseline: plan.baseline,
    seconds: plan.secondsPerLength,
    uniform: () => source.uniform(),
    signal: new AbortController().signal,
  })) {
    series = after;
  }
  for (const competitor of competitors) await competitor.release();
  return new Map(series.map((each, index) => [competitors[index]!.name, each]));
}

const kernels: Bench = {
  name: 'Kernels, causal, 8 heads of 64, 8192 positions, float32, cpu, 2 threads',
  async run(report) {
    const series = await timed();
    // How many times longer `slow` takes than `fast`, by the pairs of one run.
    const times = (slow: string, fast: string) => ratioOfPairs(...pairs(series.get(slow)!, series.get(fast)!));
    const spread = ({ low, high }: { readonly low: number; readonly high: number }) =>
      `95 % from ${low.toFixed(2)} to ${high.toFixed(2)}`;

    const tiled = times('tiled', 'fused');
    report.figure({
      name: 'time of tiled over fused (GroupQueryAttention)',
      value: tiled.median,
      unit: 'times',
      target: 1,
      comparison: 'atMost',
      note: spread(tiled),
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
        note: spread(ratio),
      });
    }

    const memory = await runBenchmark({ ...plan, mechanisms: ['fused', 'tiled'], secondsPerLength: 5 });
    const peak = (mechanism: string) => measuredRow(memory, mechanism, length).peakBytes ?? Number.NaN;
    report.figure({
      name: 'peak memory of tiled over fused, a fresh process each',
      value: peak('tiled') / peak('fused'),
      unit: 'times',
      target: 1.5,
      comparison: 'atMost',
      note: `${(peak('tiled') / 1e6).toFixed(0)} MB and ${(peak('fused') / 1e6).toFixed(0)} MB`,
    });
  },
};

export default kernels;
