import type { Bench } from './support/bench';
import { causalPlan } from './support/interleaved';
import { measuredRow, runBenchmark, startServer } from './support/server';

const length = 8192;

/** Two worker processes of one thread each against one; what the times include is `includes` of strong-scaling.ts. */
const bench: Bench = {
  name: `Attention over worker processes, causal-self, ${length} positions, 8 heads of 64, float32, one thread each`,
  async run(report) {
    const client = await startServer();
    try {
      const { rows, fusedMs, link } = await client.call('distributed', [
        {
          shape: { pattern: 'causal-self', batch: 1, heads: 8, kvHeads: 8, headDim: 64, valueDim: 64, length },
          grids: [
            { headWorkers: 2, sequenceWorkers: 1, schedule: 'ring' },
            { headWorkers: 1, sequenceWorkers: 2, schedule: 'ring' },
            { headWorkers: 1, sequenceWorkers: 2, schedule: 'gather' },
          ],
          balanced: true,
          seed: 1,
          seconds: 24,
        },
      ]);
      const [one, ...more] = rows;
      report.figure({
        name: 'one worker process, one thread',
        value: one!.medianMs,
        unit: 'ms',
        note: `fused in one process with one thread: ${fusedMs.toFixed(0)} ms`,
      });
      for (const row of more) {
        const grid = row.sequenceWorkers === 1 ? 'heads' : `sequence, ${row.schedule}`;
        report.figure({
          name: `time of one worker over two along ${grid}`,
          value: row.speedUp!.median,
          unit: 'times',
          target: 1.6,
          comparison: 'atLeast',
          note: `95 % from ${row.speedUp!.low.toFixed(2)} to ${row.speedUp!.high.toFixed(2)}, predicted ${row.predictedSpeedUp.toFixed(2)}; ${row.medianMs.toFixed(0)} ms of which ${row.exchangeMs.toFixed(1)} exchange ${(row.passedBytes / 1e6).toFixed(1)} MB and the output; processor time of the busiest worker ${row.cpuMs.toFixed(0)} ms against ${one!.cpuMs.toFixed(0)} ms of one; fused over it ${row.ratioToFused.median.toFixed(2)}`,
        });
      }
      report.figure({
        name: 'bandwidth of the exchange files, written and read',
        value: link.bytesPerSecond / 1e9,
        unit: 'GB/s',
        note: `a call that computes nothing takes ${link.latencyMs.toFixed(2)} ms`,
      });
    } finally {
      client.dispose();
    }
    const lengths = [2048, 4096];
    const memory = await runBenchmark({
      ...causalPlan,
      shape: { ...causalPlan.shape, lengths },
      mechanisms: ['scaled-dot-product', 'distributed-mha'],
      baseline: 'scaled-dot-product',
      parameters: { 'distributed-mha': { headWorkers: 1, sequenceWorkers: 1 } },
      secondsPerLength: 1,
      measureMemory: true,
    });
    for (const [id, name, exponent] of [
      ['distributed-mha', 'one worker in blocks', 1],
      ['scaled-dot-product', 'the whole matrix', 2],
    ] as const) {
      const [short, long] = lengths.map((each) => measuredRow(memory, id, each).peakBytes ?? Number.NaN);
      report.figure({
        name: `power of the length in the peak memory of ${name}, ${lengths.join(' to ')}`,
        value: Math.log2(long! / short!),
        unit: 'power',
        target: exponent + 0.15,
        comparison: 'atMost',
        note: `${exponent} by its definition; ${(short! / 1e6).toFixed(0)} and ${(long! / 1e6).toFixed(0)} MB in a process of their own`,
      });
    }
  },
};

export default bench;
