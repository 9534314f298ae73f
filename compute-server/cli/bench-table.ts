/** A benchmark for a terminal. */
import { threadWords } from '../../protocol/results/provenance';
import type { BenchmarkResult, BenchmarkRow } from '../../protocol/results/benchmark';
import { verdict } from '../../protocol/results/verdict';
import { bytesInWords } from '../../protocol/wire/words';
import { textTable } from './table';

export function benchTable(result: BenchmarkResult): string {
  const { plan, roof } = result;
  const head = `${plan.shape.mode === 'decode' ? 'decoding one token on a cache' : plan.shape.pattern}, batch ${plan.shape.batch}, ${plan.shape.heads} heads on ${plan.shape.kvHeads}, width ${plan.shape.headDim}, ${plan.precision}, ${result.device.name}, ${threadWords(plan.threads)}, seed ${plan.seed}`;
  const table = textTable(
    [
      'length',
      'mechanism',
      'median ms',
      'predicted',
      'sd',
      'n',
      `times ${plan.baseline}`,
      '',
      'memory',
      'GFLOP/s',
      'error',
      'allowed',
      '',
    ],
    result.rows.map(cells),
    [0, 2, 3, 4, 5, 6, 8, 9, 10, 11],
  );
  const fits = result.fits.map(
    ({ mechanism, exponent, r2 }) => `${mechanism} n^${exponent.toFixed(2)} (R² ${r2.toFixed(3)})`,
  );
  const from = result.crossover.map(
    ({ mechanism, efficiencyLength, note }) =>
      `${mechanism} ${efficiencyLength === null ? `never (${note})` : note === 'always' ? 'at every measured length' : `from ${efficiencyLength}`}`,
  );
  return [
    ...(result.state === 'done'
      ? []
      : [`${result.state === 'cancelled' ? 'Cancelled' : 'Failed'}: this table is incomplete.`]),
    head,
    table,
    'error: from the float64 reference, in the output row nearest to what rounding explains there (allowed)',
    `Ceilings: ${roof.peakGflops.toFixed(0)} GFLOP/s, ${roof.peakBandwidthGBs.toFixed(1)} GB/s`,
    ...(fits.length > 0 ? [`Growth: ${fits.join(', ')}`] : []),
    ...(from.length > 0 ? [`Faster than ${plan.baseline}: ${from.join(', ')}`] : []),
  ].join('\n');
}

function cells(row: BenchmarkRow): string[] {
  const memory = row.peakBytes ?? row.predictedPeakBytes;
  const ratio = row.ratioToBaseline;
  return [
    String(row.length),
    row.mechanism,
    row.medianMs === undefined ? '' : row.medianMs.toPrecision(4),
    predictionOf(row),
    row.relativeSd === undefined ? '' : `${(row.relativeSd * 100).toFixed(1)} %`,
    row.samples === undefined ? '' : String(row.samples),
    ratio ? `${ratio.median.toFixed(2)} [${ratio.low.toFixed(2)}, ${ratio.high.toFixed(2)}]` : '',
    ratio ? verdict(ratio) : '',
    memory === undefined ? '' : `${row.peakBytes === undefined ? 'about ' : ''}${bytesInWords(memory)}`,
    row.gflops === undefined ? '' : row.gflops.toFixed(1),
    row.maxError === undefined ? '' : row.maxError.toExponential(1),
    row.tolerance === undefined ? '' : row.tolerance.toExponential(1),
    row.reason ?? (row.notes?.filter((note) => note !== 'predicted') ?? []).join(', '),
  ];
}

/** The predicted time and what share of the measured one it is. */
function predictionOf({ predictedMs, medianMs }: BenchmarkRow): string {
  if (predictedMs === undefined) return '';
  const share = medianMs === undefined ? '' : ` (${(predictedMs / medianMs).toFixed(2)}x)`;
  return `${predictedMs.toPrecision(3)}${share}`;
}
