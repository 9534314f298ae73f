/**
 * A saved benchmark as text: parsed without trust (the file may come from anywhere), written so that two runs can be compared
 * line by line in git. Pure.
 */
import type { AttentionPattern, BenchmarkResult, BenchmarkRow, BenchmarkShape } from '../../protocol/results/benchmark';
import type { Parsed, Table } from './checks';
import { checkHead, checkProvenance, isCount, isNumber, isTable, isText, need, parseChecked } from './checks';

export type ParsedBenchmark = Parsed<BenchmarkResult>;

const patterns: readonly AttentionPattern[] = ['noncausal-self', 'causal-self', 'noncausal-cross', 'causal-cross'];

type Check = (value: unknown, place: string) => void;

const number: Check = (value, place) => need(isNumber(value), place, 'a number');
const text: Check = (value, place) => need(isText(value), place, 'a text');
const pattern: Check = (value, place) => need(patterns.includes(value as AttentionPattern), place, oneOf(patterns));
const fittedEnd: Check = (value, place) =>
  need(isNumber(value) || value === 'always' || value === 'never', place, 'a number, "always" or "never"');

const oneOf = (words: readonly string[]): string => `one of ${words.join(', ')}`;

function entriesOf(value: unknown, place: string): readonly Table[] {
  need(Array.isArray(value), place, 'a list');
  value.forEach((entry: unknown, at) => need(isTable(entry), `${place}[${at}]`, 'an object'));
  return value as readonly Table[];
}

/** Fields that are there have their kind. */
function checkOptional(table: Table, place: string, checks: Readonly<Record<string, Check>>): void {
  for (const [key, check] of Object.entries(checks)) {
    if (table[key] !== undefined) check(table[key], `${place}.${key}`);
  }
}

function checkNumbers(table: Table, place: string, keys: readonly string[]): void {
  for (const key of keys) number(table[key], `${place}.${key}`);
}

function checkShape(value: unknown): asserts value is BenchmarkShape {
  const place = 'plan.shape';
  need(isTable(value), place, 'an object');
  pattern(value['pattern'], `${place}.pattern`);
  for (const key of ['batch', 'heads', 'kvHeads', 'headDim', 'valueDim']) {
    need(isCount(value[key]), `${place}.${key}`, 'a positive whole number');
  }
  const { lengths, keys, mode } = value;
  need(
    Array.isArray(lengths) && lengths.length > 0 && lengths.every(isCount),
    `${place}.lengths`,
    'a list of positive whole numbers',
  );
  need(keys === undefined || isCount(keys), `${place}.keys`, 'a positive whole number');
  need(mode === undefined || mode === 'prefill' || mode === 'decode', `${place}.mode`, 'prefill or decode');
}

const isParameter = (value: unknown): boolean => isNumber(value) || isText(value) || typeof value === 'boolean';

function checkPlan(plan: unknown): void {
  need(isTable(plan), 'plan', 'an object');
  need(Array.isArray(plan['mechanisms']) && plan['mechanisms'].every(isText), 'plan.mechanisms', 'a list of texts');
  for (const key of ['baseline', 'device', 'precision']) text(plan[key], `plan.${key}`);
  checkNumbers(plan, 'plan', ['threads', 'seed', 'secondsPerLength']);
  need(typeof plan['measureMemory'] === 'boolean', 'plan.measureMemory', 'true or false');
  checkOptional(plan, 'plan', { origin: text });
  need(isTable(plan['parameters']), 'plan.parameters', 'an object');
  for (const [id, values] of Object.entries(plan['parameters'])) {
    need(isTable(values), `plan.parameters.${id}`, 'an object');
    for (const [name, value] of Object.entries(values)) {
      need(isParameter(value), `plan.parameters.${id}.${name}`, 'a number, a text, true or false');
    }
  }
  checkShape(plan['shape']);
}

const refusals = ['unsupported', 'memory', 'runtime', 'wrong', 'impossible'] as const satisfies readonly NonNullable<
  BenchmarkRow['refusal']
>[];

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
  'checkedRows',
  'checkedLength',
] as const satisfies readonly (keyof BenchmarkRow)[];

function checkRow(value: Table, place: string): void {
  text(value['mechanism'], `${place}.mechanism`);
  need(isCount(value['length']), `${place}.length`, 'a positive whole number');
  need(typeof value['ok'] === 'boolean', `${place}.ok`, 'true or false');
  for (const key of figures) {
    // A figure that JSON cannot write (an infinite error) is saved as null: it reads as absent.
    need(value[key] === undefined || value[key] === null || isNumber(value[key]), `${place}.${key}`, 'a number');
  }
  checkOptional(value, place, {
    reason: text,
    refusal: (refusal, at) =>
      need(
        refusals.some((each) => each === refusal),
        at,
        oneOf(refusals),
      ),
    quartilesMs: (pair, at) =>
      need(Array.isArray(pair) && pair.length === 2 && pair.every(isNumber), at, 'a pair of numbers'),
    peakBy: text,
    notes: (notes, at) => need(Array.isArray(notes) && notes.every(isText), at, 'a list of texts'),
  });
  const ratio = value['ratioToBaseline'];
  if (ratio === undefined || ratio === null) return;
  need(isTable(ratio), `${place}.ratioToBaseline`, 'an object');
  checkNumbers(ratio, `${place}.ratioToBaseline`, ['median', 'low', 'high', 'p']);
}

/** JSON has no number for the share of a variance that is zero: it is null, and drawn as a dash. */
const share: Check = (value, place) => need(value === null || isNumber(value), place, 'a number');

function checkFits(value: unknown): void {
  entriesOf(value, 'fits').forEach((fit, at) => {
    text(fit['mechanism'], `fits[${at}].mechanism`);
    number(fit['exponent'], `fits[${at}].exponent`);
    share(fit['r2'], `fits[${at}].r2`);
  });
}

function checkCrossover(value: unknown): void {
  entriesOf(value, 'crossover').forEach((entry, index) => {
    const place = `crossover[${index}]`;
    text(entry['mechanism'], `${place}.mechanism`);
    const length = entry['efficiencyLength'];
    need(length === null || isNumber(length), `${place}.efficiencyLength`, 'a number or null');
    checkOptional(entry, place, {
      note: text,
      measured: (measured, at) => need(measured === null || isNumber(measured), at, 'a number or null'),
      fitted: checkFitted,
    });
  });
}

const checkFitted: Check = (fitted, place) => {
  need(isTable(fitted), place, 'an object');
  fittedEnd(fitted['length'], `${place}.length`);
  for (const key of ['r2Baseline', 'r2Mechanism']) share(fitted[key], `${place}.${key}`);
};

/** Absent in files of before 2026-11-24. */
function checkCalibration(value: unknown): void {
  if (value === undefined) return;
  need(isTable(value), 'calibration', 'an object');
  need(isTable(value['products']), 'calibration.products', 'an object');
  checkNumbers(value['products'], 'calibration.products', ['small', 'large']);
}

/** Absent in files of before 2026-11-24. */
function checkCab(value: unknown): void {
  if (value === undefined) return;
  need(isTable(value), 'cab', 'an object');
  entriesOf(value['efficiency'], 'cab.efficiency').forEach((entry, at) => {
    const place = `cab.efficiency[${at}]`;
    text(entry['mechanism'], `${place}.mechanism`);
    pattern(entry['pattern'], `${place}.pattern`);
    need(entry['supported'] === true || isText(entry['supported']), `${place}.supported`, 'true or a text');
    checkOptional(entry, place, {
      time: checkFitted,
      memory: checkFitted,
      timeByModel: checkFitted,
      memoryByModel: checkFitted,
    });
  });
  const index = value['index'];
  if (index === undefined) return;
  need(isTable(index), 'cab.index', 'an object');
  text(index['baseline'], 'cab.index.baseline');
  entriesOf(index['tasks'], 'cab.index.tasks').forEach((task, at) =>
    pattern(task['pattern'], `cab.index.tasks[${at}].pattern`),
  );
  entriesOf(index['methods'], 'cab.index.methods').forEach((entry, at) => {
    const place = `cab.index.methods[${at}]`;
    text(entry['method'], `${place}.method`);
    pattern(entry['pattern'], `${place}.pattern`);
    number(entry['index'], `${place}.index`);
    checkOptional(entry, place, { delta: number });
  });
  entriesOf(index['correlations'], 'cab.index.correlations').forEach((entry, at) => {
    const place = `cab.index.correlations[${at}]`;
    const pair = entry['patterns'];
    need(Array.isArray(pair) && pair.length === 2, `${place}.patterns`, 'a pair of patterns');
    pair.forEach((each, side) => pattern(each, `${place}.patterns[${side}]`));
    number(entry['r'], `${place}.r`);
  });
}

function check(value: unknown): BenchmarkResult {
  checkHead(value, 'headscope-bench', 'saved benchmark');
  checkProvenance(value);
  number(value['seconds'], 'seconds');
  need(['done', 'cancelled', 'failed'].includes(value['state'] as string), 'state', 'done, cancelled or failed');
  checkPlan(value['plan']);
  entriesOf(value['rows'], 'rows').forEach((row, at) => checkRow(row, `rows[${at}]`));
  checkFits(value['fits']);
  checkCrossover(value['crossover']);
  const roof = value['roof'];
  need(isTable(roof), 'roof', 'an object');
  checkNumbers(roof, 'roof', ['peakGflops', 'peakBandwidthGBs']);
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
