/** A benchmark for a terminal. */
import { threadWords } from '../../protocol/results/thread-words';
import type { BenchmarkRow, BenchmarkResult } from '../../protocol/results/benchmark-schema';
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
    'error: difference from the float64 reference in the output row that comes closest to what rounding allows (in brackets)',
    ...cacheLines(result),
    ...backwardLines(result),
    `Ceilings: ${roof.peakGflops.toFixed(0)} GFLOP/s, ${roof.peakBandwidthGBs.toFixed(1)} GB/s`,
    ...(fits.length > 0 ? [`Growth: ${fits.join(', ')}`] : []),
    ...(from.length > 0 ? [`Faster than ${plan.baseline}: ${from.join(', ')}`] : []),
  ].join('\n');
}

/** A table of its own: cold and warm runs are other samples than those of the median. */
function cacheLines({ rows }: BenchmarkResult): readonly string[] {
  const timed = rows.flatMap(({ length, mechanism, caches }) => (caches ? [{ length, mechanism, ...caches }] : []));
  if (timed.length === 0) return [];
  return [
    '',
    textTable(
      ['length', 'mechanism', 'cold ms', 'warm ms', 'cold/warm', 'n'],
      timed.map(({ length, mechanism, coldMs, warmMs, samples }) => [
        String(length),
        mechanism,
        coldMs.toPrecision(4),
        warmMs.toPrecision(4),
        (coldMs / warmMs).toFixed(2),
        String(samples),
      ]),
      [0, 2, 3, 4, 5],
    ),
    'cold: a run after a pass over more memory than the caches hold; warm: the run right after it (medians of n pairs)',
  ];
}

function backwardLines({ plan, rows }: BenchmarkResult): readonly string[] {
  const passes = rows.flatMap(({ length, mechanism, backward }) => (backward ? [{ length, mechanism, backward }] : []));
  if (passes.length === 0) return [];
  return [
    '',
    textTable(
      [
        'length',
        'mechanism',
        'both ms',
        'sd',
        'n',
        'over forward',
        `times ${plan.baseline}`,
        '',
        'error',
        'allowed',
        '',
      ],
      passes.map(({ length, mechanism, backward }) => {
        const { medianMs, relativeSd, samples, overForward, ratioToBaseline: ratio, maxError, tolerance } = backward;
        return [
          String(length),
          mechanism,
          medianMs === undefined ? '' : medianMs.toPrecision(4),
          relativeSd === undefined ? '' : `${(relativeSd * 100).toFixed(1)} %`,
          samples === undefined ? '' : String(samples),
          overForward === undefined ? '' : overForward.toFixed(2),
          ratio ? `${ratio.median.toFixed(2)} [${ratio.low.toFixed(2)}, ${ratio.high.toFixed(2)}]` : '',
          ratio ? verdict(ratio) : '',
          maxError === undefined ? '' : maxError.toExponential(1),
          tolerance === undefined ? '' : tolerance.toExponential(1),
          backward.reason ?? '',
        ];
      }),
      [0, 2, 3, 4, 5, 8, 9],
    ),
    'both: forward and backward (gradients of query, key and value); error: of directional derivatives, relative to the gradient, from float64 differences',
  ];
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
