/** A sweep as its panel shows it: expected values are counted by hand. */
import assert from 'node:assert/strict';
import type { ShellSettings } from '../../../../compute-server/sweeps/cell-key';
import { devicesInWords } from '../../../../compute-server/sweeps/picture/devices-in-words';
import { KnownResults, namedNumbers } from '../../../../compute-server/sweeps/picture/known-results';
import { pictureOf } from '../../../../compute-server/sweeps/picture/picture';
import type { ChartSection } from '../../../../protocol/sections/chart';
import type { MapSection } from '../../../../protocol/sections/map';
import type { SweepFile } from '../../../../protocol/sweeps/sweep-file';
import type { SweepLook, SweepPicture } from '../../../../protocol/sweeps/sweep-picture';
import {
  cellStates,
  type CellState,
  type CellStatus,
  type SweepStatus,
} from '../../../../protocol/sweeps/sweep-status';

const key = (cell: number): string => cell.toString(16).padStart(24, '0');

function statusOfCells(axes: readonly string[], cells: readonly Pick<CellStatus, 'settings' | 'state'>[]): SweepStatus {
  const counts = Object.fromEntries(cellStates.map((state) => [state, 0])) as Record<CellState, number>;
  for (const { state } of cells) counts[state] += 1;
  return {
    title: 'a',
    run: 'ablation',
    cells: cells.map((cell, at) => ({
      ...cell,
      key: key(at),
      cell: at,
      tries: 1,
      ...(cell.state === 'done' ? { file: 'x' } : {}),
    })),
    done: counts.done,
    total: cells.length,
    states: counts,
    axes,
    active: false,
  };
}

/** Two models, two modes, three seeds: cell 0 is (a, zero, 0), 1 is (a, zero, 1), 3 is (a, mean, 0), 6 is (b, zero, 0). */
const grid = statusOfCells(
  ['model', 'param.mode', 'seed'],
  ['models/a', 'models/b'].flatMap((model) =>
    ['zero', 'mean'].flatMap((mode) =>
      [0, 1, 2].map((seed) => ({
        settings: { model, 'param.mode': mode, seed },
        state:
          model === 'models/b' && mode === 'mean'
            ? seed === 0
              ? ('failed' as const)
              : ('open' as const)
            : ('done' as const),
      })),
    ),
  ),
);

/** The number of each cell that is done is its place. */
function knownOf(status: SweepStatus): KnownResults {
  const known = new KnownResults();
  for (const { key: one, cell, state } of status.cells)
    if (state === 'done') known.take(one, { rows: [{ constant: 1, score: cell, name: 'x' }] });
  return known;
}

const look = (status: SweepStatus, asked: SweepLook = {}): SweepPicture =>
  pictureOf(status, knownOf(status), asked, () => 0);

describe('the picture of a sweep', () => {
  it('puts cells on two axes and counts the rest of each place, without the folders of models', () => {
    const { grid: shown, look: chosen, axes } = look(grid);
    assert.deepEqual(
      [chosen.rows, chosen.columns],
      ['model', 'param.mode'],
      'seeds are no axis where there is another',
    );
    assert.deepEqual(shown?.rows.labels, ['a', 'b']);
    assert.deepEqual(shown?.columns?.labels, ['zero', 'mean']);
    assert.deepEqual(shown?.tiles, [
      [
        { cells: 3, states: { done: 3 } },
        { cells: 3, states: { done: 3 } },
      ],
      [
        { cells: 3, states: { done: 3 } },
        { cells: 3, states: { failed: 1, open: 2 } },
      ],
    ]);
    assert.deepEqual(
      axes.map(({ name, count }) => [name, count]),
      [
        ['model', 2],
        ['param.mode', 2],
        ['seed', 3],
      ],
    );
    const bySeed = look(grid, { rows: 'model', columns: 'seed', only: { 'param.mode': '"mean"' } });
    assert.deepEqual(bySeed.grid?.tiles[1], [
      { cells: 1, states: { failed: 1 }, key: key(9) },
      { cells: 1, states: { open: 1 }, key: key(10) },
      { cells: 1, states: { open: 1 }, key: key(11) },
    ]);
    assert.equal(bySeed.listed, 6);
    // A place that was chosen limits the list; the matrix keeps its other places.
    const place = look(grid, { only: { model: '"models/b"', 'param.mode': '"mean"' } });
    assert.equal(place.listed, 3);
    assert.deepEqual(place.grid, shown);
  });

  it('has a place for cells that lack the setting of an axis', () => {
    const lacking = statusOfCells(
      ['task', 'weights', 'seed'],
      [
        { settings: { task: 'a', weights: 'q8', seed: 0 }, state: 'done' },
        { settings: { task: 'b', seed: 0 }, state: 'failed' },
        { settings: { task: 'b', seed: 1 }, state: 'open' },
      ],
    );
    const byWeights = look(lacking, { rows: 'weights', columns: '' });
    assert.deepEqual(byWeights.grid?.rows.labels, ['q8', '–']);
    assert.deepEqual(byWeights.grid?.tiles, [
      [{ cells: 1, states: { done: 1 }, key: key(0) }],
      [{ cells: 2, states: { failed: 1, open: 1 } }],
    ]);
    const chosen = look(lacking, { rows: 'weights', only: { weights: byWeights.grid?.rows.ids[1] ?? '' } });
    const { id = '', label } = chosen.axes[1]?.values[1] ?? {};
    assert.deepEqual([id, label], [chosen.look.only?.['weights'], '–'], 'the filter can be taken back');
    assert.deepEqual([chosen.listed, chosen.cells.map(({ labels }) => labels[1])], [2, ['', '']]);
  });

  it('draws means over the rest with their interval, and no number where a place has no result', () => {
    const { sections, look: chosen } = look(grid);
    assert.equal(chosen.value, 'score', 'the first number that differs between cells');
    const map = sections.find((section): section is MapSection => section.kind === 'map');
    // Places 0 to 2, 3 to 5, 6 to 8, and none.
    assert.deepEqual(map?.values, [
      [1, 4],
      [7, Number.NaN],
    ]);
    const lines = sections.find((section): section is ChartSection => section.kind === 'chart');
    assert.deepEqual(
      lines?.series.map(({ title, points }) => [title, points.map(({ y }) => y)]),
      [
        ['zero', [1, 7]],
        ['mean', [4]],
      ],
    );
    // 0, 1, 2: mean 1, standard deviation 1, t(2) at 97.5 % is 4.302653: 1 ± 4.302653 / sqrt(3).
    const [point] = lines?.series[0]?.points ?? [];
    assert.ok(Math.abs((point?.low ?? 0) - (1 - 2.484138)) < 1e-5, String(point?.low));
    assert.ok(Math.abs((point?.high ?? 0) - (1 + 2.484138)) < 1e-5, String(point?.high));
    assert.match(lines?.interval ?? '', /over the cells of a point \(seed\)/u);
  });

  it('lists first what a person should look at, a page at a time, and the chosen cell wherever it stands', () => {
    const { cells, chosen } = look(grid, { cell: key(4) });
    assert.deepEqual(
      cells.slice(0, 4).map(({ state, labels }) => [state, ...labels]),
      [
        ['failed', 'b', 'mean', '0'],
        ['open', 'b', 'mean', '1'],
        ['open', 'b', 'mean', '2'],
        ['done', 'a', 'zero', '0'],
      ],
    );
    assert.deepEqual(chosen?.labels, ['a', 'mean', '1']);
    const done = look(grid, { show: 'done', page: 7 });
    assert.deepEqual([done.listed, done.look.page], [9, 0], 'a page that is no longer there gives way to the last');
  });

  it('sends of 100,000 cells no more than a page, in a moment', () => {
    const many = statusOfCells(
      ['x', 'seed'],
      Array.from({ length: 100_000 }, (_, at) => ({
        settings: { x: at % 1000, seed: Math.floor(at / 1000) },
        state: at % 2 === 0 ? ('done' as const) : ('waiting' as const),
      })),
    );
    const { grid: shown, cells, listed, sections, axes } = look(many, { rowFrom: 990 });
    assert.deepEqual([shown?.rows.from, shown?.rows.labels.length, shown?.rows.count], [960, 40, 1000]);
    assert.deepEqual([shown?.columns?.labels.length, cells.length, listed], [24, 50, 100_000]);
    assert.equal(axes[0]?.values.length, 200);
    assert.ok(JSON.stringify({ shown, cells, sections, axes }).length < 2e6);
  });

  it('says where cells run: the file decides, then the shell that submitted them, then it is the cpu', () => {
    const says = (file: Partial<SweepFile>, shell: ShellSettings = {}): string =>
      devicesInWords({ kind: 'headscope-sweep', version: 1, run: 'ablation', ...file }, shell);
    const webgpu = { HEADSCOPE_DEVICE: 'webgpu' };
    assert.equal(says({}), 'Cells run on cpu: the file names no device.');
    assert.equal(
      says({ matrix: { task: ['induction'] } }, webgpu),
      'Cells run on webgpu, as HEADSCOPE_DEVICE was set in the shell that submitted them.',
    );
    assert.equal(says({ settings: { device: 'cuda' } }, webgpu), 'Cells run on cuda, as the file says.');
    assert.equal(
      says({ settings: { device: 'cuda' }, matrix: { device: ['cpu', 'webgpu,cpu'] }, cells: [{ device: 'cpu' }] }),
      'Cells run on cpu or webgpu,cpu, as the file says.',
    );
    assert.equal(
      says({ cells: [{ device: 'webgpu' }, { samples: 3 }] }),
      'Cells run on webgpu, as the file says; those without a device run on cpu.',
    );
  });

  it('offers no choice that is gone, and no picture without numbers', () => {
    const { look: chosen, sections } = pictureOf(
      grid,
      new KnownResults(),
      { rows: 'depth', value: 'lost', only: { depth: '1' } },
      () => 0,
    );
    assert.deepEqual([chosen.rows, chosen.value, chosen.only], ['model', undefined, {}]);
    assert.deepEqual(sections, []);
    const alone = look(statusOfCells([], [{ settings: {}, state: 'done' }]));
    assert.equal(alone.grid, undefined);
    assert.deepEqual(
      alone.sections.map(({ kind }) => kind),
      ['table'],
    );
  });

  it('names numbers of several rows by what tells the rows apart', () => {
    const rows = [
      { mechanism: 'fused', length: 64, ms: 1, state: 'measured' },
      { mechanism: 'fused', length: 128, ms: 2, state: 'measured' },
      { mechanism: 'tiled', length: 64, ms: 3, state: 'measured' },
    ];
    assert.deepEqual(
      namedNumbers(rows).filter(([name]) => name.endsWith(' · ms')),
      [
        ['fused length 64 · ms', 1],
        ['fused length 128 · ms', 2],
        ['tiled length 64 · ms', 3],
      ],
    );
    assert.deepEqual(namedNumbers([{ a: 1, b: 'x' }]), [['a', 1]]);
    assert.deepEqual(namedNumbers([{ a: 1 }, { a: 1 }]), [
      ['row 1 · a', 1],
      ['row 2 · a', 1],
    ]);
  });
});
