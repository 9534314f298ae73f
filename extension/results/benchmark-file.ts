/**
 * A saved benchmark as text: parsed without trust (the file may come from anywhere), written so that two runs can be compared
 * line by line in git. Pure.
 */
import type { AttentionPattern, BenchmarkResult, BenchmarkRow, BenchmarkShape } from '../../protocol/results/benchmark';
import type { Parsed, Table } from './checks';
import { checkHead, checkProvenance, isCount, isNumber, isTable, isText, need, parseChecked } from './checks';

export type ParsedBenchmark = Parsed<BenchmarkResult>;

const patterns: readonly AttentionPattern[] = ['noncausal-self', 'causal-self', 'noncausal-cross', 'causal-cross'];

function checkShape(value: unknown): asserts value is BenchmarkShape {
  need(isTable(value), 'plan.shape', 'an object');
  need(patterns.includes(value['pattern'] as AttentionPattern), 'plan.shape.pattern', `one of ${patterns.join(', ')}`);
  for (const key of ['batch', 'heads', 'kvHeads', 'headDim', 'valueDim']) {
    need(isCount(value[key]), `plan.shape.${key}`, 'a positive whole number');
  }
  const lengths = value['lengths'];
  need(Array.isArray(lengths) && lengths.every(isCount), 'plan.shape.lengths', 'a list of positive whole numbers');
  need(value['keys'] === undefined || isCount(value['keys']), 'plan.shape.keys', 'a positive whole number');
}

/** Figures of a row that are numbers when they are there. */
const figures = [
  'medianMs',
  'relativeSd',
  'samples',
  'peakBytes',
  'predictedPeakBytes',
  'flops',
  'bytes',
  'predictedMs',
  'trimmedMs',
  'gflops',
  'bandwidthGBs',
  'maxError',
  'tolerance',
] as const satisfies readonly (keyof BenchmarkRow)[];

function checkRow(value: unknown, index: number): asserts value is BenchmarkRow {
  const place = `rows[${index}]`;
  need(isTable(value), place, 'an object');
  need(isText(value['mechanism']), `${place}.mechanism`, 'a text');
  need(isCount(value['length']), `${place}.length`, 'a positive whole number');
  need(typeof value['ok'] === 'boolean', `${place}.ok`, 'true or false');
  for (const key of figures) {
    // A figure that JSON cannot write (an infinite error) is saved as null: it reads as absent.
    need(value[key] === undefined || value[key] === null || isNumber(value[key]), `${place}.${key}`, 'a number');
  }
  const ratio = value['ratioToBaseline'];
  if (ratio !== undefined && ratio !== null) {
    need(isTable(ratio), `${place}.ratioToBaseline`, 'an object');
    for (const key of ['median', 'low', 'high', 'p'])
      need(isNumber(ratio[key]), `${place}.ratioToBaseline.${key}`, 'a number');
  }
}

/** Absent in files of before 2026-11-24. */
function checkCalibration(value: unknown): void {
  if (value === undefined) return;
  need(isTable(value), 'calibration', 'an object');
  need(isTable(value['products']), 'calibration.products', 'an object');
  for (const size of ['small', 'large'])
    need(isNumber(value['products'][size]), `calibration.products.${size}`, 'a number');
}

/** Absent in files of before 2026-11-24. */
function checkCab(value: unknown): void {
  if (value === undefined) return;
  need(isTable(value) && Array.isArray(value['efficiency']), 'cab.efficiency', 'a list');
  value['efficiency'].forEach((entry: unknown, index) => {
    const place = `cab.efficiency[${index}]`;
    need(isTable(entry) && isText(entry['mechanism']), `${place}.mechanism`, 'a text');
    need(patterns.includes(entry['pattern'] as AttentionPattern), `${place}.pattern`, `one of ${patterns.join(', ')}`);
    for (const key of ['time', 'memory', 'timeByModel', 'memoryByModel']) {
      const fitted = entry[key];
      if (fitted === undefined) continue;
      const length = isTable(fitted) ? fitted['length'] : undefined;
      need(isNumber(length) || isText(length), `${place}.${key}.length`, 'a number, "always" or "never"');
    }
  });
  const index = value['index'];
  if (index === undefined) return;
  need(isTable(index) && Array.isArray(index['methods']), 'cab.index.methods', 'a list');
  index['methods'].forEach((entry: unknown, at) => {
    const place = `cab.index.methods[${at}]`;
    need(isTable(entry) && isText(entry['method']), `${place}.method`, 'a text');
    need(patterns.includes(entry['pattern'] as AttentionPattern), `${place}.pattern`, `one of ${patterns.join(', ')}`);
    need(isNumber(entry['index']), `${place}.index`, 'a number');
  });
}

function check(value: unknown): BenchmarkResult {
  checkHead(value, 'headscope-bench', 'saved benchmark');
  checkProvenance(value);
  need(isNumber(value['seconds']), 'seconds', 'a number');
  need(['done', 'cancelled', 'failed'].includes(value['state'] as string), 'state', 'done, cancelled or failed');

  const plan = value['plan'];
  need(isTable(plan), 'plan', 'an object');
  need(Array.isArray(plan['mechanisms']) && plan['mechanisms'].every(isText), 'plan.mechanisms', 'a list of texts');
  need(isText(plan['baseline']), 'plan.baseline', 'a text');
  need(isText(plan['device']), 'plan.device', 'a text');
  need(isTable(plan['parameters']), 'plan.parameters', 'an object');
  checkShape(plan['shape']);

  const rows = value['rows'];
  need(Array.isArray(rows), 'rows', 'a list');
  rows.forEach(checkRow);
  need(Array.isArray(value['fits']), 'fits', 'a list');
  need(Array.isArray(value['crossover']), 'crossover', 'a list');
  const roof = value['roof'];
  need(isTable(roof), 'roof', 'an object');
  for (const key of ['peakGflops', 'peakBandwidthGBs']) need(isNumber(roof[key]), `roof.${key}`, 'a number');
  checkCalibration(value['calibration']);
  checkCab(value['cab']);
  return withoutNulls(value) as unknown as BenchmarkResult;
}

/** Drops the nulls of rows, which stand for figures that JSON has no number for. */
function withoutNulls(result: Table): Table {
  const rows = result['rows'] as readonly Table[];
  return {
    ...result,
    rows: rows.map((row) => Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))),
  };
}

export const parseBenchmark = (text: string): ParsedBenchmark => parseChecked(text, check);

/** One field a line and a final newline; the rows in the order of mechanism, then length, whatever order they were measured in. */
export function benchmarkText(result: BenchmarkResult): string {
  const order = [result.plan.baseline, ...result.plan.mechanisms];
  const rank = (row: BenchmarkRow): number => {
    const at = order.indexOf(row.mechanism);
    return at < 0 ? order.length : at;
  };
  const rows = [...result.rows].sort(
    (a, b) => rank(a) - rank(b) || a.mechanism.localeCompare(b.mechanism) || a.length - b.length,
  );
  const { done: _done, ...plan } = result.plan;
  return `${JSON.stringify({ ...result, plan, rows }, undefined, 2)}\n`;
}
