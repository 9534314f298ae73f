/** The rows of a benchmark as a table: a row for each mechanism and length. What the numbers are: `results/benchmark-schema.ts`. */
import type { BenchmarkRow } from '../results/benchmark-schema';
import { numberColumn, textColumn, wholeColumn, type Exported, type ExportedColumn } from './exported';

type Numbers = readonly (readonly [
  name: string,
  title: string,
  unit: string,
  of: (row: BenchmarkRow) => number | undefined,
])[];

const numbers: Numbers = [
  ['median_ms', 'Median time', 'ms', (row) => row.medianMs],
  ['relative_sd', 'Standard deviation over median', '', (row) => row.relativeSd],
  ['samples', 'Samples', '', (row) => row.samples],
  ['quartile_low_ms', 'First quartile', 'ms', (row) => row.quartilesMs?.[0]],
  ['quartile_high_ms', 'Third quartile', 'ms', (row) => row.quartilesMs?.[1]],
  ['ratio', 'Time of the baseline over that of the mechanism', '', (row) => row.ratioToBaseline?.median],
  ['ratio_low', 'Low end of the interval of the ratio', '', (row) => row.ratioToBaseline?.low],
  ['ratio_high', 'High end of the interval of the ratio', '', (row) => row.ratioToBaseline?.high],
  ['p', 'p of the rank test', '', (row) => row.ratioToBaseline?.p],
  ['peak_bytes', 'Measured growth of the peak memory', 'bytes', (row) => row.peakBytes],
  ['predicted_peak_bytes', 'Peak memory by the cost model', 'bytes', (row) => row.predictedPeakBytes],
  ['flops', 'Floating-point operations', '', (row) => row.flops],
  ['bytes', 'Bytes moved by the cost model', 'bytes', (row) => row.bytes],
  ['gflops', 'Speed', 'GFLOP/s', (row) => row.gflops],
  ['bandwidth_gbs', 'Bandwidth', 'GB/s', (row) => row.bandwidthGBs],
  ['max_error', 'Largest difference from the float64 reference', '', (row) => row.maxError],
  ['tolerance', 'What rounding explains of it', '', (row) => row.tolerance],
  ['backward_median_ms', 'Median time of forward and backward pass', 'ms', (row) => row.backward?.medianMs],
];

export function exportedBenchmark(rows: readonly BenchmarkRow[]): Exported {
  const columns: readonly ExportedColumn[] = [
    textColumn(
      'mechanism',
      'Mechanism',
      rows.map(({ mechanism }) => mechanism),
    ),
    wholeColumn(
      'length',
      'Query length',
      rows.map(({ length }) => length),
    ),
    wholeColumn(
      'ok',
      'Proved, and measured: 1; else 0',
      rows.map(({ ok }) => Number(ok)),
    ),
    textColumn(
      'reason',
      'Why it was not measured',
      rows.map(({ reason }) => reason),
    ),
    ...numbers.map(([name, title, unit, of]) => numberColumn(name, { title, unit, definition: '' }, rows.map(of))),
  ];
  return {
    tables: [{ name: 'rows', title: 'Times and memory', rows: rows.length, columns, isInArrays: false }],
    arrays: [],
    leftOut: [],
  };
}
