/** What pictures say of their cells and where these stand; without a canvas, widths of texts are estimates. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { linearDomain, linearTicks } from '../../../../webviews/charts/axis';
import { domainOfAxis, xTicksOf } from '../../../../webviews/charts/chart-axis';
import { chartOf, leftOut } from '../../../../webviews/sections/chart/chart-model';
import { differingPart } from '../../../../webviews/sections/differing-part';
import { headAt, headBox, layOutHeads } from '../../../../webviews/sections/heads/heads-layout';
import { cellKey, expertsPicture, layerKey } from '../../../../webviews/sections/experts/experts-picture';
import { hoverToken, markedFor } from '../../../../webviews/sections/hovered-token';
import { significant } from '../../../../webviews/ui/numbers';
import { kindOf } from '../../../../webviews/sections/sections';
import {
  barsStory,
  expertsStory,
  graphStory,
  headsStory,
  lineStory,
  mapStory,
  tokensStory,
} from '../../../browser/workbench/stories';
import { theme } from './theme';

const pictureOf = (section: Parameters<typeof kindOf>[0], shown?: string) => {
  const kind = kindOf(section);
  assert.ok(kind?.drawn === 'picture');
  return kind.picture(section, { shown }, new Map());
};

describe('the layout of heads', () => {
  it('finds each head again at the middle of its cell, at every size', () => {
    for (const [layers, heads] of [
      [1, 2],
      [12, 12],
      [64, 64],
      [1, 4096],
      [4096, 1],
    ] as const)
      for (const width of [270, 900]) {
        const at = layOutHeads(
          Array.from({ length: layers }, () => heads),
          width,
          28,
          16,
        );
        for (const [layer, head] of [
          [0, 0],
          [layers - 1, heads - 1],
          [Math.floor(layers / 2), Math.floor(heads / 3)],
        ] as const) {
          const box = headBox(at, layer, head);
          assert.ok(box.x + box.width <= width + 0.01, `${layers} x ${heads} in ${width}`);
          assert.deepEqual(headAt(at, box.x + box.width / 2, box.y + box.height / 2), { layer, head });
        }
        assert.ok(at.cellHeight >= 3 && at.cellWidth >= 3);
      }
  });

  it('finds no head beside the cells', () => {
    const at = layOutHeads([2, 2], 300, 28, 16);
    assert.equal(headAt(at, 5, 20), undefined);
    assert.equal(headAt(at, 40, 4), undefined);
    assert.equal(headAt(at, 40, 4000), undefined);
  });
});

describe('the experts of a layer', () => {
  const section = expertsStory();
  for (const width of [270, 900]) {
    it(`stand where they are found again, ${width} px wide`, () => {
      const picture = expertsPicture(section, 2);
      const { box, hit, marks, width: drawn } = picture.draw(width, theme);
      for (const cursor of [cellKey(2, { row: 5, column: 0 }), cellKey(2, { row: 63, column: 21 }), layerKey(4)]) {
        const at = box(cursor) ?? assert.fail(cursor);
        assert.ok(at.x >= 0 && at.x + at.width <= width, cursor);
        assert.equal(hit(at.x + at.width / 2, at.y + at.height / 2), cursor);
      }
      assert.equal(box(cellKey(1, { row: 5, column: 0 })), undefined, 'a cell of another layer');
      for (const mark of marks) if (mark.kind === 'rect') assert.ok(mark.x + mark.width <= drawn + 1);
    });
  }

  it('say what they count, and of which layer', () => {
    const { words, move, first } = expertsPicture(section, 2);
    const said = words(cellKey(2, { row: 5, column: 4 }));
    assert.equal(said?.title, 'layer 2, expert 5, token 4, ␣the');
    const slot = section.layers[2]?.chosen[4]?.indexOf(5) ?? -1;
    assert.match(said.value, new RegExp(`^weight ${significant(section.layers[2]?.weights[4]?.[slot] ?? NaN)}, load `));
    assert.match(words(cellKey(0, { row: 63, column: 4 }))?.value ?? '', /^not chosen, load 0 %$/);
    assert.match(words(layerKey(1))?.value ?? '', /^entropy .* nats of 4\.16 at most$/);
    assert.equal(move(first() ?? '', 'ArrowRight'), cellKey(2, { row: 5, column: 1 }));
    assert.equal(move(layerKey(0), 'ArrowRight'), layerKey(1));
  });

  it('share the token under the pointer with every picture of the text', () => {
    const ribbon = pictureOf({ ...tokensStory(), tokens: section.tokens.slice(0, 8) });
    const { tokens: own } = expertsPicture(section, 0);
    assert.ok(ribbon.tokens && own);
    hoverToken(ribbon.tokens, '3');
    assert.equal(markedFor(own), 'token.3');
    hoverToken(own, cellKey(0, { row: 2, column: 6 }));
    assert.equal(markedFor(ribbon.tokens), '6');
    hoverToken(own, cellKey(0, { row: 2, column: 9 }));
    assert.equal(markedFor(ribbon.tokens), undefined, 'a token that it does not draw');
    hoverToken(own, undefined);
    assert.equal(markedFor(ribbon.tokens), undefined);
  });
});

describe('a cell of a head', () => {
  it('has its number under the shapes of its classes, however narrow it is', () => {
    const { marks, box } = pictureOf(headsStory(12, 8)).draw(410, theme);
    for (const cursor of ['5.1', '8.6', '10.7']) {
      const cell = box(cursor);
      assert.ok(cell);
      const within = marks.filter(
        ({ x = 0, y = 0 }: { x?: number; y?: number }) =>
          x >= cell.x && x < cell.x + cell.width && y >= cell.y && y < cell.y + cell.height,
      );
      const [number] = within.filter(({ kind }) => kind === 'text');
      const shapes = within.filter(({ kind }) => kind === 'path');
      assert.ok(number?.kind === 'text' && shapes.length > 0, cursor);
      // Digits are less than 0.75 of their size high; shapes are drawn on a square of 16.
      for (const shape of shapes)
        assert.ok(shape.kind === 'path' && (shape.y ?? 0) + 16 * (shape.scale ?? 1) <= number.y - 0.75 * number.size);
      assert.ok(number.y + 2 <= cell.y + cell.height);
    }
  });
});

describe('a cell in words', () => {
  it('of a head: place, classes, number with unit, interval, definition', () => {
    const words = pictureOf(headsStory()).words('8.6');
    assert.equal(words?.title, 'layer 8, head 6: Retrieval');
    assert.match(words.value, /^Retrieval score 0\.\d{3} \(0\.\d{3} to 0\.\d{3}, 95 % interval over prompts\)$/);
    assert.match(words.definition ?? '', /^Share of copied needle tokens/);
    assert.match(pictureOf(headsStory(), 'effect').words('8.6')?.value ?? '', /^Effect of removal -\d\.\d+ nats$/);
    assert.equal(pictureOf(headsStory()).words('0.3')?.value, 'Retrieval score no value');
    assert.equal(pictureOf(headsStory()).words('99.0'), undefined);
  });

  it('of a map whose labels name their places: without the count; tokens keep theirs behind the count where only some fit', () => {
    const frequencies = Array.from({ length: 60 }, (_, at) => String(at - 30));
    const axis = { title: 'Frequency', labels: frequencies };
    const named = { ...axis, named: true } as const;
    const values = frequencies.map(() => frequencies.map((_, at) => at));
    const drawn = (rows: typeof axis): readonly string[] =>
      pictureOf({ ...mapStory(), rows, columns: rows, values })
        .draw(300, theme)
        .marks.flatMap((mark) => (mark.kind === 'text' ? [mark.text] : []));
    assert.equal(
      pictureOf({ ...mapStory(), rows: named, columns: named, values }).words('0.31')?.title,
      'Frequency -30, Frequency 1',
    );
    // Steps of 10 of 60 cells at this width, down and across: places in the middle of the axis are 0 and not 30.
    for (const [rows, is, isNot] of [
      [named, ['-30', '-20', '0', '20'], ['30', '40']],
      [axis, ['0 -30', '20 -10', '40 10'], ['-30', '20', '40']],
    ] as const) {
      const texts = drawn(rows);
      for (const text of is) assert.ok(texts.includes(text), `${text} among ${texts.join()}`);
      for (const text of isNot) assert.ok(!texts.includes(text), `${text} not among ${texts.join()}`);
      assert.deepEqual(
        texts.filter((text) => text.includes('…')),
        [],
        'every one fits',
      );
    }
  });

  it('of a map whose labels are words: their spaces as they are, unlike those of tokens', () => {
    const axis = { title: 'read', labels: ['region 1', 'the rest'] };
    const texts = (named: object): readonly string[] =>
      pictureOf({
        ...mapStory(),
        rows: { ...axis, ...named },
        columns: { ...axis, ...named },
        values: [
          [0, 1],
          [1, 0],
        ],
      })
        .draw(900, theme)
        .marks.flatMap((mark) => (mark.kind === 'text' && mark.text.includes('rest') ? [mark.text] : []));
    assert.deepEqual(texts({ named: true }), ['the rest', 'the rest']);
    assert.deepEqual(texts({}), ['the␣rest', 'the␣rest']);
  });

  it('of heads with counts: without decimals, and with as many as its span asks for otherwise', () => {
    const texts = (values: readonly (readonly number[])[]): readonly string[] => {
      return pictureOf({
        ...headsStory(1, 2),
        classes: [],
        numbers: [
          {
            name: 'degree',
            title: 'Degree',
            unit: '',
            definition: 'd',
            scale: { kind: 'sequential', min: 0, max: 16 },
            values,
          },
        ],
      })
        .draw(900, theme)
        .marks.flatMap((mark) => (mark.kind === 'text' && /^(?:2|16)(?:\.|$)/.test(mark.text) ? [mark.text] : []));
    };
    assert.deepEqual(texts([[2, 16]]).slice(0, 2), ['2', '16']);
    assert.deepEqual(texts([[2.5, 16]]).slice(0, 2), ['2.5', '16.0']);
  });

  it('of a map and of a token: the texts as they can be seen', () => {
    assert.equal(pictureOf(mapStory()).words('13.1')?.title, 'Query 13 ␣to, Key 1 ␣Mary');
    assert.equal(pictureOf(tokensStory()).words('4')?.title, 'token 4, ␣71432');
    assert.equal(pictureOf(tokensStory()).words('4')?.value, 'Attention 62.0 %, needle');
  });

  it('of an edge: its ends, the input it enters and its sign', () => {
    const picture = pictureOf(graphStory());
    const [to] = ['ArrowDown'].map((key) => picture.move('node logits', key));
    assert.equal(picture.words(to ?? '')?.title, 'L9H9 → logits (logits)');
    assert.equal(picture.words(to ?? '')?.value, '+2.10 logits');
  });
});

describe('a chart section', () => {
  it('keeps the scale of its axes and leaves out what has no place on them', () => {
    const story = lineStory();
    const [first] = story.series;
    assert.ok(first);
    const section = {
      ...story,
      series: [{ ...first, points: [...first.points, { x: 0, y: 1 }, { x: 9, y: Number.NaN }] }],
    };
    const chart = chartOf(section);
    assert.equal(chart.x.scale, undefined);
    assert.equal(chart.x.base, 2);
    assert.equal(chart.x.format(1024), '1,024');
    assert.equal(chart.y.scale, 'linear');
    assert.deepEqual(
      chart.series[0]?.points.map(({ x }) => x),
      [256, 512, 1024, 2048, 4096, 8192],
    );
    assert.equal(leftOut(section), 2);
    assert.equal(leftOut(story), 0);
  });

  it('names categories, and gives each bar its place', () => {
    const chart = chartOf(barsStory());
    assert.equal(chart.x.format(4), 'Knock-out of keys');
    assert.deepEqual(domainOfAxis(chart.x, [], 0.04), [-0.5, 4.5]);
    assert.deepEqual(xTicksOf(chart.x, [-0.5, 4.5], 600, 11), { ticks: [0, 1, 2, 3, 4], turned: 0 });
    assert.ok(xTicksOf(chart.x, [-0.5, 4.5], 200, 11).turned > 0);
  });

  it('gives series of one number one colour or shape', () => {
    const story = lineStory();
    const looks = [
      { colour: 1, shape: 0 },
      { colour: 1, shape: 2 },
      { colour: 0, shape: 2 },
    ];
    const series = looks.map((look, at) => ({
      id: `${at}`,
      title: `series ${at}`,
      mark: 'points' as const,
      look,
      points: [{ x: 1, y: 1 }],
    }));
    const found = chartOf({ ...story, series }).series.map(({ identity: { hue, shape } }) => [hue, shape]);
    assert.deepEqual(found, [
      [1, 'circle'],
      [1, 'triangle'],
      [0, 'triangle'],
    ]);
  });
});

describe('a linear axis', () => {
  it('has ticks in steps of 1, 2 or 5', () => {
    assert.deepEqual(linearTicks([0, 1], 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
    assert.deepEqual(linearTicks([-3, 12], 4), [0, 5, 10]);
    assert.deepEqual(linearTicks([0.1, 0.35], 3), [0.1, 0.2, 0.3]);
  });

  it('does not go below zero by its padding alone, keeps the given ends, and is never empty', () => {
    assert.deepEqual(linearDomain([0, 10], {}, 0.1), [0, 11]);
    assert.deepEqual(linearDomain([0.2, 0.5], { min: 0, max: 1 }), [0, 1]);
    for (const values of [[], [3], [Number.NaN], [0]]) {
      const [low, high] = linearDomain(values);
      assert.ok(high > low);
    }
  });
});

describe('two continuations', () => {
  it('differ between the words that both begin and end with', () => {
    assert.deepEqual(differingPart('the key is 7 now', 'the key is 9 now'), ['the key is ', '9 ', 'now']);
    assert.deepEqual(differingPart('same', 'same'), ['same', '', '']);
    assert.deepEqual(differingPart('a', ''), ['', '', '']);
    assert.deepEqual(differingPart('', 'b c'), ['', 'b c', '']);
  });
});

describe('an axis of things that are counted', () => {
  const chart = (xs: readonly number[]) =>
    chartOf({
      ...lineStory(),
      x: { title: 'Layer', unit: '', scale: 'linear' },
      series: [{ id: 'one', title: 'Largest head', mark: 'line', points: xs.map((x) => ({ x, y: x })) }],
    });

  it('has ticks at whole numbers alone, and others where the numbers between count', () => {
    const ticks = (xs: readonly number[]) => xTicksOf(chart(xs).x, [0, 5], 600, 12).ticks;
    assert.deepEqual(ticks([0, 1, 2, 3, 4, 5]), [0, 1, 2, 3, 4, 5]);
    assert.ok(ticks([0, 0.25, 5]).some((tick) => !Number.isInteger(tick)));
  });

  it('has no name at the end of its only line', () => {
    assert.deepEqual(
      chart([0, 1]).series.map(({ identity }) => identity.name),
      [''],
    );
  });
});
