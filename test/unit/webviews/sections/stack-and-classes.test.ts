/** Bars that stand on each other, and classes of patches. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ChartSection } from '../../../../protocol/sections/chart';
import type { ImageSection } from '../../../../protocol/sections/image';
import { chartOf } from '../../../../webviews/sections/chart/chart-model';
import { sectionCsv } from '../../../../webviews/sections/section-file';
import { kindOf } from '../../../../webviews/sections/sections';
import { imageStory } from '../../../browser/workbench/stories';
import { theme } from './theme';

describe('a stack', () => {
  const values = [
    [0.5, 0.25],
    [0.125, Number.NaN],
    [0.25, 0.5],
  ];
  const section: ChartSection = {
    kind: 'chart',
    id: 's',
    title: 'Shares',
    x: { title: 'Layer', unit: '', scale: 'category', categories: ['0', '1'] },
    y: { title: 'Attention', unit: '', scale: 'linear' },
    series: values.map((ys, at) => ({
      id: `s${at}`,
      title: `Share ${at}`,
      mark: 'stack',
      points: ys.map((y, x) => ({ x, y })),
    })),
  };

  it('begins each bar where those before it end, and says the height of the bar alone', () => {
    const { series } = chartOf(section);
    assert.deepEqual(
      series.map(({ points }) => points.map(({ x, base, y, text }) => [x, base, y, text])),
      [
        [
          [0, 0, 0.5, '0.500'],
          [1, 0, 0.25, '0.250'],
        ],
        [[0, 0.5, 0.625, '0.125']],
        [
          [0, 0.625, 0.875, '0.250'],
          [1, 0.25, 0.75, '0.500'],
        ],
      ],
    );
  });

  it('has its own numbers in the table', () => {
    assert.match(sectionCsv(section), /Share 2,[^\n]*0\.5/);
  });
});

describe('classes of patches', () => {
  const section: ImageSection = {
    ...imageStory(),
    classes: {
      names: ['local', 'summary'],
      of: imageStory().numbers[0]?.values.map((_, at) => (at === 1 ? 0 : at === 2 ? 1 : -1)) ?? [],
    },
  };
  const kind = kindOf(section);
  assert.ok(kind?.drawn === 'picture');
  const picture = kind.picture(section, {}, new Map());

  it('have a frame and letters on the picture, and their names in the legend and in words', () => {
    const drawn = picture.draw(900, theme);
    const texts = drawn.marks.flatMap((mark) => (mark.kind === 'text' ? [mark.text] : []));
    assert.deepEqual(
      texts.filter((text) => /^(Lo|Su)/.test(text)),
      ['Lo', 'Su', 'Lo: local', 'Su: summary'],
    );
    const box = drawn.box('1');
    assert.ok(box);
    const frame = drawn.marks.find((mark) => mark.kind === 'rect' && mark.x === box.x + 1 && mark.y === box.y + 1);
    assert.ok(frame?.kind === 'rect' && frame.lineWidth === 2 && frame.width === box.width - 2);
    assert.match(picture.words('1')?.value ?? '', /, local$/);
    assert.doesNotMatch(picture.words('3')?.value ?? '', /,/);
  });

  it('are a column of the table', () => {
    const twin = kind.twin(section, {});
    assert.equal(twin.columns.at(-1)?.title, 'Class');
    const class1 = twin.rows.find(([token]) => token === 2)?.at(-1);
    assert.equal(class1, 'summary');
  });
});
