/** The table under the pictures: one row a mechanism at a length, every number with what it was got from. */
import { html, nothing, type TemplateResult } from 'lit';
import type { BenchmarkRow } from '../../../protocol/results/benchmark-schema';
import { verdict } from '../../../protocol/results/verdict';
import type { Identities } from '../../charts/palette';
import { rowKey } from '../../charts/rows';
import { symbol } from '../../charts/symbol';
import { dropdown } from '../../ui/controls';
import { icon } from '../../ui/icons';
import { byteUnits, count, probability, significant, unitFor, type Unit } from '../../ui/numbers';
import { type Column, countColumn, sortRows, table, textColumn } from '../../ui/table';
import { copyTools } from '../../ui/whole-table';
import type { ResultPart } from './actions';
import { comparable } from './comparison';
import { backwardNotes, passColumns } from './pass-columns';
import { measuredMechanisms, type State } from './state';

/** A point of the plan: its row once there is one. */
export interface TableRow {
  readonly mechanism: string;
  readonly length: number;
  readonly row?: BenchmarkRow;
  readonly provisional: boolean;
  /** The same point of the result compared with. */
  readonly other?: BenchmarkRow;
}

export function tableRows(state: State, at: number | 'all'): TableRow[] {
  const { measuredSetup: plan, rows, provisional } = state;
  const compareWith = comparable(state);
  if (!plan) return [];
  const here = new Map(rows.map((row) => [rowKey(row), row]));
  const there = new Map(compareWith?.result.rows.map((row) => [rowKey(row), row]));
  const unsettled = new Set(provisional);
  const lengths = at === 'all' ? [...plan.shape.lengths].sort((a, b) => a - b) : [at];
  return lengths.flatMap((length) =>
    measuredMechanisms(plan).map((mechanism): TableRow => {
      const point = { mechanism, length };
      const key = rowKey(point);
      const row = here.get(key);
      const other = there.get(key);
      return {
        ...point,
        ...(row ? { row } : {}),
        ...(other ? { other } : {}),
        provisional: unsettled.has(key),
      };
    }),
  );
}

/** The length the table stands at: the chosen one, else the longest that has a row. */
export function tableLength({ view, rows, measuredSetup }: State): number | 'all' {
  const lengths = measuredSetup?.shape.lengths ?? [];
  if (view.tableLength === 'all' || (view.tableLength !== undefined && lengths.includes(view.tableLength))) {
    return view.tableLength;
  }
  return Math.max(...(rows.length > 0 ? rows.map(({ length }) => length) : lengths), 0);
}

const ratioText = ({ row }: TableRow): string => {
  const ratio = row?.ratioToBaseline;
  return ratio ? `${significant(ratio.median)} (${significant(ratio.low)}–${significant(ratio.high)})` : '–';
};

export function resultColumns(
  part: Pick<ResultPart, 'state' | 'dark'>,
  identities: Identities,
  at: number | 'all',
): Column<TableRow>[] {
  const { state } = part;
  const title = (id: string): string => identities.get(id)?.title ?? id;
  const baseline = state.measuredSetup?.baseline ?? '';
  const memory = memoryUnit(tableRows(state, at));
  const number = (
    id: string,
    name: string,
    unit: string | undefined,
    hint: string,
    value: (row: BenchmarkRow, all: TableRow) => number | undefined,
    text: (value: number) => string = significant,
  ): Column<TableRow> => ({
    id,
    title: name,
    ...(unit === undefined ? {} : { unit }),
    numeric: true,
    hint,
    value: (all) => (all.row?.ok ? value(all.row, all) : undefined),
    text: (all) => {
      const found = all.row?.ok ? value(all.row, all) : undefined;
      return found === undefined ? '–' : text(found);
    },
  });
  const mechanism: Column<TableRow> = textColumn('mechanism', 'Mechanism', (row) => title(row.mechanism), {
    cell: (row) => {
      const identity = identities.get(row.mechanism);
      return html`<span class="mechanism-name"
        >${identity ? symbol(identity, part.dark) : nothing}<span>${title(row.mechanism)}</span>${
          row.mechanism === baseline ? html`<span class="tag">baseline</span>` : nothing
        }</span
      >`;
    },
  });
  const length: Column<TableRow> = countColumn('length', 'Length', (row) => row.length, {
    unit: 'tokens',
    text: (row) => count(row.length),
  });
  const ratio: Column<TableRow> = countColumn('ratio', 'Ratio', ({ row }) => row?.ratioToBaseline?.median, {
    unit: 'x (95 %)',
    hint: `Time of ${title(baseline)} over time of the mechanism: above 1 is faster. In brackets the 95 % interval of the rank test.`,
    text: ratioText,
    cell: (all) => {
      const found = all.row?.ratioToBaseline;
      if (!found || all.mechanism === baseline) return all.mechanism === baseline && all.row?.ok ? '1' : '–';
      return html`<span class="verdict ${verdict(found)}" title=${verdictWords[verdict(found)]}
        >${ratioText(all)}</span
      >`;
    },
  });
  const efficiency: Column<TableRow> = countColumn(
    'efficiency_length',
    'Efficiency length',
    (row) => crossoverOf(state, row.mechanism)?.efficiencyLength ?? undefined,
    {
      unit: 'tokens',
      hint: `Length from which the mechanism is faster than ${title(baseline)}.`,
      text: (row) => efficiencyText(state, row.mechanism, baseline),
      cell: (row) =>
        html`<span title=${efficiencyWords(state, row.mechanism) ?? nothing}
          >${efficiencyText(state, row.mechanism, baseline)}</span
        >`,
    },
  );
  return [
    mechanism,
    ...(at === 'all' ? [length] : []),
    number('median', 'Time', 'ms', 'Median of the samples.', ({ medianMs }) => medianMs),
    countColumn(
      'interquartile_range',
      'Quartiles',
      ({ row }) => (row?.ok && row.quartilesMs ? row.quartilesMs[1] - row.quartilesMs[0] : undefined),
      {
        unit: 'ms',
        hint: 'First to third quartile of the samples: half of all calls took a time between. Sorted by their distance.',
        text: ({ row }) =>
          row?.ok && row.quartilesMs ? row.quartilesMs.map((each) => significant(each)).join('–') : '–',
      },
    ),
    ...predictionColumns(state, number),
    ratio,
    number(
      'p',
      'p',
      undefined,
      'Two-sided Wilcoxon signed-rank test over interleaved pairs.',
      (row) => (row.mechanism === baseline ? undefined : row.ratioToBaseline?.p),
      probability,
    ),
    ...comparisonColumns(state, number),
    ...passColumns(state.rows, title(baseline), number),
    number('peak', 'Peak memory', memory.name, 'Measured growth of the peak memory of the process.', ({ peakBytes }) =>
      peakBytes === undefined ? undefined : peakBytes / memory.size,
    ),
    number(
      'error',
      'Error',
      undefined,
      'Largest absolute difference from the float64 reference, in the output row that comes nearest to what rounding explains.',
      ({ maxError }) => maxError,
    ),
    efficiency,
  ];
}

/** The columns that fit beside each other in the side bar; copies and the full panel have all. */
const compactColumns: readonly string[] = ['mechanism', 'length', 'median', 'ratio'];

/** One unit for the column, the one that the largest peak is written in. */
const memoryUnit = (rows: readonly TableRow[]): Unit =>
  unitFor(Math.max(1, ...rows.map(({ row }) => (row?.ok && row.peakBytes) || 0)), byteUnits);

const verdictWords = {
  faster: 'Faster than the baseline',
  slower: 'Slower than the baseline',
  same: 'No significant difference from the baseline',
} as const;

type NumberColumn = (
  id: string,
  name: string,
  unit: string | undefined,
  hint: string,
  value: (row: BenchmarkRow, all: TableRow) => number | undefined,
  text?: (value: number) => string,
) => Column<TableRow>;

function comparisonColumns(state: State, number: NumberColumn): Column<TableRow>[] {
  const compareWith = comparable(state);
  if (!compareWith) return [];
  const { name } = compareWith;
  return [
    number('other_median', `Time in ${name}`, 'ms', `Median in ${name}.`, (_row, { other }) => other?.medianMs),
    number(
      'change',
      'Change',
      'x',
      `Time here over time in ${name}: below 1 is faster than there. Two runs are not interleaved pairs, so no test is made.`,
      ({ medianMs }, { other }) => (medianMs === undefined || !other?.medianMs ? undefined : medianMs / other.medianMs),
    ),
  ];
}

/** Where the run was calibrated. */
function predictionColumns({ rows }: State, number: NumberColumn): Column<TableRow>[] {
  if (!rows.some((row) => row.predictedMs !== undefined)) return [];
  return [
    number(
      'predicted',
      'Predicted',
      'ms',
      "Time by the work of the kernel's graph and the rates of this machine, measured at the start of the run.",
      (row) => row.predictedMs,
    ),
    number(
      'predicted_share',
      'Predicted / measured',
      'x',
      'Predicted time over the measured median: 1 is exact, below 1 the kernel takes longer than its work explains.',
      ({ predictedMs, medianMs }) => (predictedMs === undefined || !medianMs ? undefined : predictedMs / medianMs),
    ),
  ];
}

const crossoverOf = (state: State, mechanism: string) =>
  state.result?.crossover.find((one) => one.mechanism === mechanism);

/** What is behind the length: the measurement, and where CAB's two fitted curves meet. */
function efficiencyWords(state: State, mechanism: string): string | undefined {
  const found = crossoverOf(state, mechanism);
  if (!found) return undefined;
  const { note, measured, fitted } = found;
  const meet = typeof fitted?.length === 'number' ? `at ${count(Math.round(fitted.length))} tokens` : fitted?.length;
  const words = [
    ...(note === undefined ? [] : [note]),
    ...(typeof measured === 'number' ? [`faster at every measured length from ${count(measured)} tokens`] : []),
    ...(fitted === undefined
      ? []
      : [`fitted curves meet ${meet} (R² ${significant(fitted.r2Baseline)} and ${significant(fitted.r2Mechanism)})`]),
  ];
  return words.length > 0 ? words.join('; ') : undefined;
}

function efficiencyText(state: State, mechanism: string, baseline: string): string {
  const found = crossoverOf(state, mechanism);
  if (!found || mechanism === baseline) return '–';
  if (found.efficiencyLength === null) return 'none';
  const shortest = Math.min(...(state.measuredSetup?.shape.lengths ?? [0]));
  return found.efficiencyLength <= shortest ? `≤ ${count(shortest)}` : count(found.efficiencyLength);
}

export function resultsTable(part: ResultPart, identities: Identities): TemplateResult | typeof nothing {
  const { state, actions } = part;
  const plan = state.measuredSetup;
  if (!plan) return nothing;
  const at = tableLength(state);
  const columns = resultColumns(part, identities, at);
  const rows = tableRows(state, at);
  const sorted = () => sortRows(rows, columns, state.view.sort);
  const { pinned } = state.view;
  return html`<div class="results-head">
      ${part.compact ? nothing : html`<h2>Measurements</h2>`}
      <span class="at-length">
        <span class="muted">at</span>
        ${dropdown({
          label: 'Length of the table',
          choices: [
            ...[...plan.shape.lengths]
              .sort((a, b) => a - b)
              .map((length) => ({ value: String(length), label: `${count(length)} tokens` })),
            { value: 'all', label: 'all lengths' },
          ],
          value: String(at),
          onChange: (value) => actions.view({ tableLength: value === 'all' ? 'all' : Number(value) }),
        })}
      </span>
      ${copyTools(part, columns, sorted)}
    </div>
    ${table({
      caption: `Measurements ${at === 'all' ? 'at all lengths' : `at ${count(at)} tokens`}`,
      columns: part.compact ? columns.filter(({ id }) => compactColumns.includes(id)) : columns,
      rows,
      key: rowKey,
      sort: state.view.sort,
      onSort: (sort) => actions.view({ sort }),
      selected: pinned ? rowKey({ mechanism: pinned.series, length: pinned.at }) : undefined,
      onSelect: (row) => {
        const same = pinned?.series === row.mechanism && pinned.at === row.length;
        actions.pin(same || !row.row?.ok ? undefined : { series: row.mechanism, at: row.length });
      },
      rowClass: (row) => `${row.provisional ? 'provisional' : ''} ${row.row ? '' : 'waiting'}`,
      instead: (row) =>
        row.row && !row.row.ok
          ? {
              from: at === 'all' ? 2 : 1,
              content: html`<span class="refusal"
                >${icon(wrong.has(row.row.refusal) ? 'error' : 'info')}
                ${row.row.reason ?? 'It could not be measured.'}</span
              >`,
            }
          : undefined,
    })}
    ${notes(rows, (id) => identities.get(id)?.title ?? id)}`;
}

/** Reasons that are faults; a kernel that does not fit in memory has done nothing wrong. */
const wrong: ReadonlySet<BenchmarkRow['refusal']> = new Set(['wrong', 'impossible', 'runtime', undefined]);

const noteWords: Readonly<Record<string, string>> = {
  predicted: 'memory predicted, not measured',
  'few-pairs': 'fewer than six pairs, the brackets hold their range and no 95 % interval',
  'not-reset': 'peak memory counts from an earlier, higher mark and may be too small',
  budget: 'stopped by the time allowed',
  cancelled: 'stopped while it was timed',
  transfers: 'times include moving the data to the device',
  busy: 'timed while other programs used the machine, so times may be too long and intervals too wide',
};

/** What the rows say about themselves, under the table and not in its cells. */
function notes(rows: readonly TableRow[], title: (id: string) => string): TemplateResult | typeof nothing {
  const found = new Map<string, string[]>();
  for (const { row } of rows) {
    const shorter = row?.checkedLength !== undefined && row.checkedLength !== row.length;
    const compared = shorter ? [`error compared at ${count(row.checkedLength ?? 0)} tokens`] : [];
    for (const note of [...(row?.notes ?? []), ...compared, ...(row ? backwardNotes(row, title(row.mechanism)) : [])]) {
      found.set(note, [...(found.get(note) ?? []), `${row?.mechanism ?? ''} at ${count(row?.length ?? 0)}`]);
    }
  }
  if (found.size === 0) return nothing;
  return html`<p class="muted notes">
    ${[...found].map(
      ([note, points]) =>
        html`<span title=${points.join('\n')}
          >${icon('info')} ${noteWords[note] ?? note}: ${points.length} of ${rows.length} rows.</span
        > `,
    )}
  </p>`;
}
