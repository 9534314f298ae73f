import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { binaryTicks, decimalTicks, logDomain, thin } from '../../../webviews/charts/axis';
import { markLabelStart } from '../../../webviews/charts/draw-lines';
import { spread } from '../../../webviews/charts/end-labels';
import { draw } from '../../../webviews/charts/draw';
import { twinByX, type Axis, type Chart, type Series } from '../../../webviews/charts/chart';
import type { CustomSeriesOption } from '../../../webviews/charts/echarts';
import type { Identity } from '../../../webviews/charts/palette';
import { textWidth } from '../../../webviews/charts/text-width';
import { theme } from './sections/theme';
import { lengthAxis, type Measured } from '../../../webviews/charts/rows';

describe('logarithmic axes', () => {
  it('span the positive values and never less than a factor of two', () => {
    const [low, high] = logDomain([3, 0, -1, Number.NaN, 3]);
    assert.ok(low < 3 && high > 3 && high / low >= 2);
    assert.deepEqual(logDomain([]), [1, 10]);
  });

  it('have at least two ticks inside any domain, and no more than there is room', () => {
    for (const low of [1e-9, 0.013, 1, 7, 3e5]) {
      for (const span of [2, 5, 30, 1e4, 1e9]) {
        for (const room of [3, 6, 12]) {
          const domain = [low, low * span] as const;
          const ticks = decimalTicks(domain, room);
          assert.ok(ticks.length >= 2 && ticks.length <= room + 1, `${domain.join('–')}, ${room}: ${ticks.join()}`);
          assert.ok(ticks.every((tick) => tick >= low * 0.99 && tick <= low * span * 1.01));
        }
      }
    }
  });

  it('stand at powers of two where lengths are meant', () => {
    assert.deepEqual(binaryTicks([500, 9000], 10), [512, 1024, 2048, 4096, 8192]);
    assert.deepEqual(binaryTicks([500, 9000], 3), [512, 2048, 8192]);
    assert.deepEqual(thin([1, 2, 3, 4], 2), [2, 4]);
  });
});

describe('bars along numbers', () => {
  it('are drawn whole where the axis begins at the first of them', () => {
    const axis: Axis = { name: 'token', scale: 'linear', base: 10, min: 0, format: String };
    const identity: Identity = { id: 'a', title: 'a', name: 'a', code: 'A', hue: 0, shape: 'circle', dash: [] };
    const points = [0, 1, 2, 3].map((x) => ({ x, y: 1, key: { series: 'a', at: x }, text: String(x) }));
    const series: Series = { id: 'a', identity, title: 'a', points, role: 'measured', mark: 'bars' };
    const chart: Chart = {
      ...{ id: 'chart', title: 'Chart', description: '', empty: '', hover: 'x', x: axis, y: axis, series: [series] },
      ...{ references: [], marks: [], twin: twinByX({ title: 'token' }, axis, [series]) },
    };
    const [x] = [draw(chart, { theme, width: 410, height: 240 }).xAxis].flat();
    assert.ok(Number(x?.min) <= -0.5 && Number(x?.max) >= 3.5, `${String(x?.min)} to ${String(x?.max)}`);
  });
});

describe('labels at the ends of lines', () => {
  const label = (text: string, y: number, x = 0) => ({ text, x, y, width: 20 });

  it('move apart and stay inside', () => {
    const placed = spread([label('a', 98), label('b', 99), label('c', 97)], 12, 0, 100);
    const ys = placed.map(({ y }) => y).sort((a, b) => a - b);
    assert.ok(ys.every((y) => y >= 0 && y <= 100));
    for (const [index, y] of ys.entries()) if (index > 0) assert.ok(y - (ys[index - 1] ?? 0) >= 11.9, ys.join());
  });

  it('stay where they are when nothing is in their way', () => {
    assert.deepEqual(
      spread([label('a', 10), label('b', 10, 50)], 12, 0, 100).map(({ y }) => y),
      [10, 10],
    );
  });

  it('are not cut by the edge of the picture, however long they are', () => {
    for (const code of ['K7', 'LATL', 'WWWWW', 'Memory as context']) {
      // A training ends at its last step, and so does the axis.
      const axis: Axis = { name: 'step', scale: 'linear', base: 10, min: 0, max: 4, format: String };
      const identity: Identity = { id: code, title: code, name: code, code, hue: 0, shape: 'circle', dash: [] };
      const points = [1, 4].map((x) => ({ x, y: x, key: { series: code, at: x }, text: String(x) }));
      const series: Series = { id: code, identity, title: code, points, role: 'measured' };
      const chart: Chart = {
        id: 'chart',
        title: 'Chart',
        description: '',
        empty: '',
        hover: 'x',
        x: axis,
        y: axis,
        series: [series],
        references: [],
        marks: [],
        twin: twinByX({ title: 'step' }, axis, [series]),
      };
      const option = draw(chart, { theme, width: 410, height: 240 });
      const labels = [option.series].flat().find((one) => one?.id === 'end labels') as CustomSeriesOption;
      const drawn = labels.renderItem?.({ dataIndex: 0 } as never, {} as never) as {
        style: { text: string; x: number; fontSize: number };
      };
      assert.equal(drawn.style.text, code);
      assert.ok(drawn.style.x + textWidth(code, drawn.style.fontSize) <= 410, code);
    }
  });
});

describe('the axis of lengths', () => {
  it('has ticks at the lengths of both results, where they stand clear of each other', () => {
    const measured: Measured = {
      rows: [],
      provisional: new Set(),
      lengths: [512, 1024],
      baseline: 'fused',
      fits: [],
      crossover: [],
      roof: undefined,
      identities: new Map(),
      hidden: new Set(),
      other: {
        name: 'laptop',
        rows: [256, 256, 1100, 4096].map((length) => ({ mechanism: 'fused', length, ok: true })),
      },
    };
    assert.deepEqual(lengthAxis(measured).include, [256, 512, 1024, 4096]);
    assert.deepEqual(lengthAxis({ ...measured, other: undefined }).include, [512, 1024]);
  });
});

describe('the label of an upright line', () => {
  it('stands beside its line where there is room, and never on the axis', () => {
    const area = { x: 40, width: 200 };
    assert.equal(markLabelStart(50, 100, area), 56);
    assert.equal(markLabelStart(220, 100, area), 114);
    assert.equal(markLabelStart(100, 150, area), 44);
  });
});
