/** Files that leave the panel; each says what made it. */
import { threadWords } from '../../../protocol/results/provenance';
import type { BenchmarkRow } from '../../../protocol/results/benchmark';
import type { Chart } from '../../charts/chart';
import { figure } from '../../charts/figure';
import { cellText, htmlCell, htmlCells, htmlPage, htmlTable } from '../../charts/html-page';
import { toPng, type Figure } from '../../charts/image';
import type { Identities } from '../../charts/palette';
import { count, seconds, significant } from '../../ui/numbers';
import { toCsv } from '../../ui/csv';
import type { Column } from '../../ui/table';
import type { Theme } from '../../ui/theme';
import type { ExportFormat } from './actions';
import { legendEntries } from './pictures';
import type { TableRow } from './results-table';
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

/** Everything that made the rows, for machines. */
export function provenance({ result, measuredPlan, rows }: State): Record<string, unknown> {
  const { done: _done, ...plan } = measuredPlan ?? { done: undefined };
  if (!result) return { plan, state: 'unfinished', points: rows.length };
  const { headscope, created, device, settings, seed, state, seconds: took } = result;
  return { headscope, created, device, settings, seed, state, seconds: took, plan };
}

/** The same in a few lines for people. */
export function provenanceLines(state: State): readonly string[] {
  const { result, measuredPlan: plan } = state;
  if (!plan) return [];
  const { shape } = plan;
  const keys = shape.keys === undefined ? '' : `, ${count(shape.keys)} keys`;
  return [
    `${shape.pattern}, batch ${shape.batch}, ${shape.heads} query heads, ${shape.kvHeads} key/value heads, head width ${shape.headDim}, value width ${shape.valueDim}${keys}, ${plan.precision}, seed ${plan.seed}${plan.origin ? `; shape of ${plan.origin}` : ''}`,
    ...(Object.keys(plan.parameters).length > 0 ? [`Parameters: ${JSON.stringify(plan.parameters)}`] : []),
    ...(result
      ? [
          `${result.device.name} (${result.device.provider}), ${threadWords(result.device.threads)}, ${result.device.runtime}, ${result.device.platform}`,
          `Headscope ${result.headscope}, ${result.created}, ${result.state} in ${seconds(result.seconds)}`,
        ]
      : ['Unfinished run']),
  ];
}

export function figureOf(source: ExportSource, charts: readonly Chart[]): Figure {
  return figure({
    sentence: source.sentence,
    charts: charts.filter(({ series }) => series.length > 0),
    legend: legendEntries(source.state, source.identities)
      .filter(({ identity }) => !source.state.view.hidden.includes(identity.id))
      .map(({ identity, fit }) => ({
        identity,
        label: fit ? `${identity.title}, time ~ n^${significant(fit.exponent)}` : identity.title,
      })),
    provenance: provenanceLines(source.state),
    metadata: provenance(source.state),
    theme: source.theme,
  });
}

export async function exportData(source: ExportSource, format: ExportFormat): Promise<string | Uint8Array> {
  switch (format) {
    case 'png':
      return toPng(figureOf(source, source.charts), provenance(source.state));
    case 'svg':
      return figureOf(source, source.charts).svg;
    case 'csv':
      return resultCsv(source.state);
    case 'json':
      return `${JSON.stringify(source.state.result, null, 2)}\n`;
    case 'html':
      return page(source);
  }
}

export function exportName({ measuredPlan, result }: State, format: ExportFormat, chart?: string): string {
  const day = (result?.created ?? new Date().toISOString()).slice(0, 10);
  const extension = format === 'json' ? 'headscope-bench.json' : format;
  return ['kernels', ...(chart ? [chart] : []), measuredPlan?.shape.pattern ?? 'run', day].join('-') + `.${extension}`;
}

/** One line a point, in full precision; what made it stands in each line, so that any reader of CSV can use the file. */
export function resultCsv(state: State): string {
  const { measuredPlan: plan, result } = state;
  const column = (id: string, value: (row: BenchmarkRow) => number | string | undefined): Column<BenchmarkRow> => ({
    id,
    title: id,
    numeric: false,
    value,
  });
  const always = (id: string, value: number | string | undefined): Column<BenchmarkRow> => column(id, () => value);
  const columns = [
    column('mechanism', (row) => row.mechanism),
    column('length', (row) => row.length),
    column('ok', (row) => String(row.ok)),
    column('reason', (row) => row.reason),
    column('median_ms', (row) => row.medianMs),
    column('relative_sd', (row) => row.relativeSd),
    column('samples', (row) => row.samples),
    column('quartile_low_ms', (row) => row.quartilesMs?.[0]),
    column('quartile_high_ms', (row) => row.quartilesMs?.[1]),
    column('ratio', (row) => row.ratioToBaseline?.median),
    column('ratio_low', (row) => row.ratioToBaseline?.low),
    column('ratio_high', (row) => row.ratioToBaseline?.high),
    column('p', (row) => row.ratioToBaseline?.p),
    column('peak_bytes', (row) => row.peakBytes),
    column('predicted_peak_bytes', (row) => row.predictedPeakBytes),
    column('flops', (row) => row.flops),
    column('bytes', (row) => row.bytes),
    column('gflops', (row) => row.gflops),
    column('bandwidth_gbs', (row) => row.bandwidthGBs),
    column('max_error', (row) => row.maxError),
    column('tolerance', (row) => row.tolerance),
    column('checked_length', (row) => row.checkedLength ?? row.length),
    column('checked_rows', (row) => row.checkedRows),
    column('refusal', (row) => row.refusal),
    column('peak_by', (row) => row.peakBy),
    column(
      'efficiency_length',
      ({ mechanism }) => result?.crossover.find((one) => one.mechanism === mechanism)?.efficiencyLength ?? undefined,
    ),
    column('exponent', ({ mechanism }) => result?.fits.find((one) => one.mechanism === mechanism)?.exponent),
    column('parameters', ({ mechanism }) =>
      plan?.parameters[mechanism] ? JSON.stringify(plan.parameters[mechanism]) : undefined,
    ),
    column('notes', (row) => row.notes?.join('; ')),
    always('baseline', plan?.baseline),
    always('pattern', plan?.shape.pattern),
    always('batch', plan?.shape.batch),
    always('heads', plan?.shape.heads),
    always('kv_heads', plan?.shape.kvHeads),
    always('head_dim', plan?.shape.headDim),
    always('value_dim', plan?.shape.valueDim),
    always('keys', plan?.shape.keys),
    always('precision', plan?.precision),
    always('origin', plan?.origin),
    always('device', result?.device.name ?? plan?.device),
    always('threads', result?.device.threads ?? plan?.threads),
    always('runtime', result?.device.runtime),
    always('platform', result?.device.platform),
    always('headscope', result?.headscope),
    always('created', result?.created),
    always('seed', plan?.seed),
    always('state', result?.state ?? 'unfinished'),
  ];
  return toCsv(columns, state.rows);
}

/** Sentence, pictures, table, what made it, and the result as data inside. */
export function page(source: ExportSource): string {
  const { state, theme, columns, rows } = source;
  const mechanisms = state.measuredPlan ? measuredMechanisms(state.measuredPlan).length : 0;
  const cells = (row: TableRow): string =>
    row.row && !row.row.ok
      ? htmlCell(cellText(columns[0], row), true, false) +
        htmlCell(cellText(columns[1], row), false, true) +
        htmlCell(row.row.reason ?? '', false, false, columns.length - 2)
      : htmlCells(columns, row);
  return htmlPage({
    title: source.sentence,
    body: [
      figureOf(source, source.charts).svg,
      htmlTable(`${mechanisms} mechanisms, ${state.rows.length} points`, columns, rows, cells),
    ].join('\n'),
    data: state.result ?? { plan: state.measuredPlan, rows: state.rows },
    theme,
  });
}
