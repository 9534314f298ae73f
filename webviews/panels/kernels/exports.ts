/** Files that leave the panel; each says what made it. */
import { exportedBenchmark } from '../../../protocol/exports/benchmark-table';
import type { ExportFormat } from '../../../protocol/panels/messages';
import type { BenchmarkRow, BenchmarkResult } from '../../../protocol/results/benchmark-schema';
import { machineWords, percentOf } from '../../../protocol/results/machine';
import type { Chart } from '../../charts/chart';
import { chartsWidth, drawCharts } from '../../charts/figure';
import { cellText, htmlCell, htmlCells, htmlTable } from '../../charts/html-table';
import { fileName, type Leaving } from '../../charts/leaving';
import type { Identities } from '../../charts/palette';
import { rowKey } from '../../charts/rows';
import { constantColumns, plainColumns, toCsv } from '../../ui/csv';
import { deviceLine } from '../../ui/made';
import { count, seconds, significant } from '../../ui/numbers';
import { toMarkdown, type Column } from '../../ui/table';
import { themeForFile, type Theme } from '../../ui/theme';
import type { ResultPart } from './actions';
import { comparable, comparisonWords } from './comparison';
import { finding } from './finding';
import { chartsOf, identitiesOf, legendEntries, measuredOf, titleOf } from './pictures';
import { resultColumns, tableRows, type TableRow } from './results-table';
import { measuredMechanisms, type State } from './state';

export interface ExportSource {
  readonly state: State;
  readonly identities: Identities;
  readonly charts: readonly Chart[];
  readonly sentence: string;
  readonly theme: Theme;
  /** The table of all lengths, as shown. */
  readonly columns: readonly Column<TableRow>[];
  readonly rows: readonly TableRow[];
}

/** `format`: of the file, by which the colours are chosen. */
export function exportSource(part: Pick<ResultPart, 'state' | 'dark'>, format: string): ExportSource {
  const { state } = part;
  const identities = identitiesOf(state);
  return {
    state,
    identities,
    charts: chartsOf(measuredOf(state, identities)),
    sentence: finding(state, titleOf(state)),
    theme: themeForFile(format),
    columns: resultColumns(part, identities, 'all'),
    rows: tableRows(state, 'all'),
  };
}

export function leavingOf({ state, identities, charts: all, sentence, theme, columns, rows }: ExportSource): Leaving {
  const { result, measuredSetup, compareWith } = state;
  const charts = all.filter(({ series }) => series.length > 0);
  const legend = legendEntries(state, identities)
    .filter(({ identity }) => !state.view.hidden.includes(identity.id))
    .map(({ identity, fit }) => ({
      identity,
      label: fit ? `${identity.title}, time ~ n^${significant(fit.exponent)}` : identity.title,
    }));
  const mechanisms = measuredSetup ? measuredMechanisms(measuredSetup).length : 0;
  return {
    theme,
    sentence,
    width: chartsWidth(charts),
    draw: (sheet) => drawCharts(sheet, charts, legend),
    caption: [
      ...(compareWith ? [`Compared with ${compareWith.name}. ${comparisonWords(state)}`] : []),
      ...provenanceLines(state),
    ],
    provenance: { ...provenance(state), ...comparedWith(state) },
    headscope: result?.headscope,
    csv: () => resultCsv(state),
    json: () => ({ ...(result ?? { plan: measuredSetup, rows: state.rows }), ...comparedWith(state) }),
    numbers: () => exportedBenchmark(state.rows),
    tables: () => [
      htmlTable(`${mechanisms} mechanisms, ${state.rows.length} points`, columns, rows, (row) =>
        row.row && !row.row.ok
          ? htmlCell(cellText(columns[0], row), true, false) +
            htmlCell(cellText(columns[1], row), false, true) +
            htmlCell(row.row.reason ?? '', false, false, columns.length - 2)
          : htmlCells(columns, row),
      ),
    ],
  };
}

/** The table behind a chart. */
export const chartText = ({ twin: { columns, rows } }: Chart, format: 'markdown' | 'csv'): string =>
  format === 'markdown' ? toMarkdown(columns, rows) : toCsv(columns, rows);

/** The pattern, since a run may hold the attention of no model. */
export function exportName(
  { measuredSetup, result, compareWith }: State,
  format: ExportFormat,
  chart?: string,
): string {
  const named = (plan: State['measuredSetup'], created: string | undefined) => ({
    subject: plan?.shape.pattern ?? 'run',
    created,
  });
  return fileName('kernels', named(measuredSetup, result?.created), {
    format,
    json: 'bench',
    against: compareWith && named(compareWith.result.plan, compareWith.result.created),
    part: chart,
  });
}

/** For machines: the result that this one is compared with, and its times beside those of this one. */
function comparedWith(state: State): object {
  const { compareWith } = state;
  if (!compareWith) return {};
  const { name, result } = compareWith;
  const { plan, headscope, created, device, settings, seed } = result;
  return { comparedWith: { name, plan, headscope, created, device, settings, seed } };
}

/** Everything that made the rows, for machines. */
function provenance({ result, measuredSetup, rows }: State): Record<string, unknown> {
  const { done: _done, ...plan } = measuredSetup ?? { done: undefined };
  if (!result) return { plan, state: 'unfinished', points: rows.length };
  const { headscope, created, device, settings, seed, state, seconds: took } = result;
  return { headscope, created, device, settings, seed, state, seconds: took, plan };
}

/** The same in a few lines for people. */
export function provenanceLines(state: State): readonly string[] {
  const { result, measuredSetup: plan } = state;
  if (!plan) return [];
  const { shape } = plan;
  const keys = shape.keys === undefined ? '' : `, ${count(shape.keys)} keys`;
  return [
    `${shape.pattern}, batch ${shape.batch}, ${shape.heads} query heads, ${shape.kvHeads} key/value heads, head width ${shape.headDim}, value width ${shape.valueDim}${keys}, ${plan.precision}, seed ${plan.seed}${plan.origin ? `; shape of ${plan.origin}` : ''}`,
    ...(Object.keys(plan.parameters).length > 0 ? [`Parameters: ${JSON.stringify(plan.parameters)}`] : []),
    ...(result
      ? [
          deviceLine(result.device),
          `Headscope ${result.headscope}, ${result.created}, ${result.state} in ${seconds(result.seconds)}`,
          ...loadLine(result.machine),
        ]
      : ['Unfinished run']),
  ];
}

/** How busy the machine was: `machine.load` (protocol/results/machine.ts). */
function loadLine(machine: BenchmarkResult['machine']): readonly string[] {
  if (!machine) return [];
  const { before, during } = machine.load;
  const used = during
    ? `${percentOf(during)} while it was timed, ${percentOf(before)} before`
    : `${percentOf(before)} before`;
  const words = machineWords(machine);
  return [
    `Other programs used ${used} (of ${machine.processors} processors)${words === undefined ? '' : `. ${words}`}`,
  ];
}

/** One line a point, in full precision; what made it stands in each line, so that any reader of CSV can use the file. */
function resultCsv(state: State): string {
  const { measuredSetup: plan, result } = state;
  const shape = plan?.shape;
  const device = result?.device;
  const other = comparable(state);
  const there = (row: BenchmarkRow) => other?.result.rows.find((one) => rowKey(one) === rowKey(row))?.medianMs;
  const columns = [
    ...plainColumns<BenchmarkRow>({
      mechanism: (row) => row.mechanism,
      length: (row) => row.length,
      ok: (row) => String(row.ok),
      reason: (row) => row.reason,
      median_ms: (row) => row.medianMs,
      relative_sd: (row) => row.relativeSd,
      samples: (row) => row.samples,
      quartile_low_ms: (row) => row.quartilesMs?.[0],
      quartile_high_ms: (row) => row.quartilesMs?.[1],
      ratio: (row) => row.ratioToBaseline?.median,
      ratio_low: (row) => row.ratioToBaseline?.low,
      ratio_high: (row) => row.ratioToBaseline?.high,
      p: (row) => row.ratioToBaseline?.p,
      peak_bytes: (row) => row.peakBytes,
      predicted_peak_bytes: (row) => row.predictedPeakBytes,
      flops: (row) => row.flops,
      bytes: (row) => row.bytes,
      gflops: (row) => row.gflops,
      bandwidth_gbs: (row) => row.bandwidthGBs,
      max_error: (row) => row.maxError,
      tolerance: (row) => row.tolerance,
      checked_length: (row) => row.checkedLength ?? row.length,
      checked_rows: (row) => row.checkedRows,
      refusal: (row) => row.refusal,
      peak_by: (row) => row.peakBy,
      efficiency_length: ({ mechanism }) =>
        result?.crossover.find((one) => one.mechanism === mechanism)?.efficiencyLength ?? undefined,
      exponent: ({ mechanism }) => result?.fits.find((one) => one.mechanism === mechanism)?.exponent,
      parameters: ({ mechanism }) =>
        plan?.parameters[mechanism] ? JSON.stringify(plan.parameters[mechanism]) : undefined,
      notes: (row) => row.notes?.join('; '),
      ...(other ? { median_ms_there: there } : {}),
    }),
    ...constantColumns<BenchmarkRow>({
      baseline: plan?.baseline,
      pattern: shape?.pattern,
      batch: shape?.batch,
      heads: shape?.heads,
      kv_heads: shape?.kvHeads,
      head_dim: shape?.headDim,
      value_dim: shape?.valueDim,
      keys: shape?.keys,
      precision: plan?.precision,
      origin: plan?.origin,
      device: device?.name ?? plan?.device,
      threads: device?.threads ?? plan?.threads,
      runtime: device?.runtime,
      platform: device?.platform,
      headscope: result?.headscope,
      created: result?.created,
      seed: plan?.seed,
      state: result?.state ?? 'unfinished',
      ...(other ? { compared_with: other.name, compared_created: other.result.created } : {}),
    }),
  ];
  return toCsv(columns, state.rows);
}
