/** A sweep as the panel shows it. Pure: from its status, what is known of its results, and what the person looks at. */
import type { CellState, CellStatus, SweepStatus } from '../../../protocol/sweeps/sweep-status';
import {
  most,
  type AxisValue,
  type GridTile,
  type ShownCell,
  type SweepAxis,
  type SweepGrid,
  type SweepLook,
  type SweepPicture,
} from '../../../protocol/sweeps/sweep-picture';
import { axesOf, placeOn, type Axis } from './axes';
import type { KnownResults } from './known-results';
import { pictureSections } from './sections';

/** Cells in the order in which a person should look at them. */
const order: readonly CellState[] = ['failed', 'running', 'cancelled', 'open', 'waiting', 'done'];

/** The value, as JSON, of cells that do not have a setting, and its label. */
const [withoutIt, none] = ['null', '–'];

export function pictureOf(
  status: SweepStatus,
  known: KnownResults,
  asked: SweepLook,
  took: () => number,
): SweepPicture {
  const axes = axesOf(status);
  const look = resolved(asked, axes, known);
  const cells = filtered(status.cells, look, axes);
  const listed = (
    look.show === undefined ? inOrder(cells) : cells.filter(({ state }) => state === look.show)
  ) as CellStatus[];
  const lastPage = Math.max(0, Math.ceil(listed.length / most.cells) - 1);
  const page = Math.min(look.page ?? 0, lastPage);
  const shown = (cell: CellStatus): ShownCell => shownCell(cell, axes, known);
  const chosen = look.cell === undefined ? undefined : status.cells.find(({ key }) => key === look.cell);
  // The matrix and what is drawn over its axes keep all of their places.
  const { [look.rows ?? '']: _rows, [look.columns ?? '']: _columns, ...others } = look.only ?? {};
  const placed = filtered(status.cells, { ...look, only: others }, axes);
  const grid = gridOf(placed, look, axes);
  const { title, run, engine, total, states, secondsLeft, active } = status;
  return {
    title,
    run,
    ...(engine === undefined ? {} : { engine }),
    total,
    states,
    ...(secondsLeft === undefined ? {} : { secondsLeft }),
    active,
    axes: axes.map((axis) => listedAxis(axis, look)),
    look: { ...look, page },
    ...(grid ? { grid } : {}),
    cells: listed.slice(page * most.cells, (page + 1) * most.cells).map(shown),
    listed: listed.length,
    ...(chosen ? { chosen: shown(chosen) } : {}),
    values: known.names,
    read: known.read,
    sections: pictureSections({ placed, cells }, known, look, axes),
    took: took(),
  };
}

const listedAxis = ({ name, ids, labels }: Axis, { only = {} }: SweepLook): SweepAxis => ({
  name,
  values: [
    ...ids.slice(0, most.choices).map((id, at): AxisValue => ({ id, label: labels[at] ?? id })),
    ...(only[name] === withoutIt ? [{ id: withoutIt, label: none }] : []),
  ],
  count: ids.length,
});

/** What the person did not choose, or what is no longer there, is chosen for them. */
function resolved(asked: SweepLook, axes: readonly Axis[], known: KnownResults): SweepLook {
  const names = axes.map(({ name }) => name);
  const several = axes.filter(({ ids }) => ids.length > 1).map(({ name }) => name);
  const rows = asked.rows !== undefined && names.includes(asked.rows) ? asked.rows : (several[0] ?? names[0]);
  const others = several.filter((name) => name !== rows);
  const isColumns = asked.columns === '' || (asked.columns !== undefined && others.includes(asked.columns));
  const usual = others.filter((name) => name !== 'seed').at(-1) ?? others.at(-1);
  const columns = isColumns ? asked.columns : usual;
  const value = asked.value !== undefined && known.names.includes(asked.value) ? asked.value : known.usual;
  const only = Object.entries(asked.only ?? {}).filter(([name, id]) =>
    axes.some((axis) => axis.name === name && (id === withoutIt || axis.places.has(id))),
  );
  const { rows: _rows, columns: _columns, value: _value, ...rest } = asked;
  return {
    ...rest,
    only: Object.fromEntries(only),
    ...(rows === undefined ? {} : { rows }),
    ...(columns === undefined ? {} : { columns }),
    ...(value === undefined ? {} : { value }),
  };
}

function filtered(
  cells: readonly CellStatus[],
  { only = {} }: SweepLook,
  axes: readonly Axis[],
): readonly CellStatus[] {
  const wanted = axes.flatMap(({ name }) => (only[name] === undefined ? [] : [[name, only[name]] as const]));
  if (wanted.length === 0) return cells;
  return cells.filter(({ settings }) => wanted.every(([name, id]) => JSON.stringify(settings[name] ?? null) === id));
}

const inOrder = (cells: readonly CellStatus[]): readonly CellStatus[] =>
  order.flatMap((state) => cells.filter((cell) => cell.state === state));

/** With a place at the end for cells that do not have the setting, where there are some. */
function withAll(axis: Axis, cells: readonly CellStatus[]): Axis {
  if (cells.every(({ settings }) => settings[axis.name] !== undefined)) return axis;
  const { ids, labels, places } = axis;
  return {
    ...axis,
    ids: [...ids, withoutIt],
    labels: [...labels, none],
    places: new Map([...places, [withoutIt, ids.length]]),
  };
}

function gridOf(cells: readonly CellStatus[], look: SweepLook, axes: readonly Axis[]): SweepGrid | undefined {
  const side = (wanted: string | undefined): Axis | undefined => {
    const axis = axes.find(({ name }) => name === wanted);
    return axis && withAll(axis, cells);
  };
  const [down, across] = [side(look.rows), side(look.columns)];
  if (!down) return undefined;
  const start = (from: number | undefined, count: number, page: number): number =>
    Math.min(from ?? 0, Math.max(0, (Math.ceil(count / page) - 1) * page));
  const rowFrom = start(look.rowFrom, down.ids.length, most.rows);
  const columnFrom = start(look.columnFrom, across?.ids.length ?? 1, most.columns);
  const rows = Math.min(most.rows, down.ids.length - rowFrom);
  const columns = across ? Math.min(most.columns, across.ids.length - columnFrom) : 1;
  const empty = (): { states: Record<string, number>; cells: number; key: string } => ({
    states: {},
    cells: 0,
    key: '',
  });
  const counts = Array.from({ length: rows }, () => Array.from({ length: columns }, empty));
  for (const cell of cells) {
    const row = placeOf(down, cell) - rowFrom;
    const column = across ? placeOf(across, cell) - columnFrom : 0;
    const tile = counts[row]?.[column];
    if (!tile) continue;
    tile.cells += 1;
    tile.states[cell.state] = (tile.states[cell.state] ?? 0) + 1;
    tile.key = cell.key;
  }
  const page = ({ name, labels, ids }: Axis, from: number, length: number) => ({
    axis: name,
    ids: ids.slice(from, from + length),
    labels: labels.slice(from, from + length),
    from,
    count: ids.length,
  });
  return {
    rows: page(down, rowFrom, rows),
    ...(across ? { columns: page(across, columnFrom, columns) } : {}),
    tiles: counts.map((row) =>
      row.map(({ cells: count, states, key }): GridTile | null =>
        count === 0 ? null : { cells: count, states, ...(count === 1 ? { key } : {}) },
      ),
    ),
  };
}

const placeOf = (axis: Axis, cell: CellStatus): number => placeOn(axis, cell) ?? axis.places.get(withoutIt) ?? -1;

function shownCell({ settings, ...cell }: CellStatus, axes: readonly Axis[], known: KnownResults): ShownCell {
  const finding = known.finding(cell.key);
  return {
    ...cell,
    labels: axes.map((axis) => axis.labels[placeOn(axis, { settings }) ?? -1] ?? ''),
    ...(finding === undefined || cell.state !== 'done' ? {} : { finding }),
  };
}
