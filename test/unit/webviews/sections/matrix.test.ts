/** The attention of one head: what is asked for, how rows are put together, which part of a matrix is seen. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { MapSection } from '../../../../protocol/sections/map';
import type { MatrixSection } from '../../../../protocol/sections/matrix';
import { section as sectionSchema, type Section } from '../../../../protocol/sections/section';
import { check } from '../../../../protocol/schema/check';
import { bandsOf, lookedTokens } from '../../../../webviews/sections/looked-tokens';
import { HeadSource, meanOfRows, openHead } from '../../../../webviews/sections/matrix/head-source';
import { headPicture } from '../../../../webviews/sections/matrix/head-picture';
import { queriesOf } from '../../../../webviews/sections/matrix/matrix';
import { clamped, panned, showing, whole, zoomed } from '../../../../webviews/sections/matrix/matrix-place';
import { kindOf } from '../../../../webviews/sections/sections';
import { theme } from './theme';

const section: MatrixSection = {
  kind: 'matrix',
  id: 'attention',
  title: 'L1H2',
  of: { layer: 1, head: 2 },
  tokens: ['a', ' b', ' c'],
  causal: true,
};
const tick = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));

describe('the rows of chosen queries', () => {
  it('are put together as their mean, once all of them are there', () => {
    const [one, other] = [Float32Array.of(1, 0, 0), Float32Array.of(0.25, 0.75, 0)];
    assert.deepEqual(meanOfRows([one, other]), Float32Array.of(0.625, 0.375, 0));
    assert.equal(meanOfRows([one, undefined]), undefined);
    assert.equal(meanOfRows([other]), other);
    assert.equal(meanOfRows([]), undefined);
  });

  it('are those that were chosen, the last token where none is, and none beyond the prompt', () => {
    assert.deepEqual(queriesOf(section, {}), [2]);
    assert.deepEqual(queriesOf(section, { chosen: ['2', '0'] }), [2, 0]);
    assert.deepEqual(queriesOf(section, { chosen: ['7'] }), [2]);
  });

  it('are asked for once, four at a time, and again after a failure when others are chosen', async () => {
    const asked: number[] = [];
    let refuse = true;
    const source = new HeadSource({ rows: 9, columns: 9 }, true, {
      tile: () => Promise.reject(new Error('no tile')),
      row: (query) => {
        asked.push(query);
        return refuse ? Promise.reject(new Error('The model is gone.')) : Promise.resolve(Float32Array.of(query));
      },
    });
    source.rowsOf([0]);
    await tick();
    assert.equal(source.rowProblem, 'The model is gone.');
    source.rowsOf([0]);
    await tick();
    assert.deepEqual(asked, [0], 'not asked again by itself');
    refuse = false;
    const arrivals: string[] = [];
    source.onChange((arrival) => arrivals.push(arrival));
    const all = [1, 2, 3, 4, 5, 6];
    assert.deepEqual(
      source.rowsOf(all),
      all.map(() => undefined),
    );
    source.rowsOf(all);
    await tick();
    assert.deepEqual(asked, [0, ...all]);
    assert.deepEqual(
      source.rowsOf(all).map((row) => row?.[0]),
      all,
    );
    assert.equal(source.rowProblem, undefined);
    assert.equal(arrivals.length, all.length);
  });
});

describe('a matrix of cross-attention', () => {
  const cross: MatrixSection = {
    ...section,
    id: 'cross',
    stack: 'cross',
    tokens: ['<s>', 'one'],
    keys: ['eins', ' zwei', '</s>'],
    causal: false,
  };
  const values = [0.5, 0.25, 0.25, 0, 1, 0];

  it('has the target down and the source across, and says a cell by both', async () => {
    const one = { ...cross };
    assert.ok(check(sectionSchema, one).ok);
    const asked: unknown[] = [];
    const source = openHead(one, {
      tile: ({ rowCount, columnCount, outRows, outColumns }) => {
        asked.push([rowCount, columnCount]);
        return Promise.resolve({ outRows, outColumns, data: Float32Array.from(values) });
      },
      row: () => Promise.resolve(Float32Array.from(values.slice(3))),
    });
    const picture = headPicture(one, source, { logarithmic: false, hideFirst: false, queries: [] });
    picture.draw(600, theme);
    await tick();
    assert.deepEqual(asked, [[2, 3]]);
    assert.deepEqual(picture.words('1.1'), { title: 'target 1 "one" → source 1 "␣zwei"', value: '1.00' });
    assert.equal(picture.words('2.0'), undefined, 'the target has two rows');
    assert.equal(picture.words('1.2')?.value, '0');
    const kind = kindOf(one);
    assert.ok(kind);
    source.rowsOf([1]);
    await tick();
    assert.deepEqual(
      kind.twin(one, {}).rows.map(([, , token, p]) => [token, p]),
      [
        ['eins', 0],
        [' zwei', 1],
        ['</s>', 0],
      ],
      'what the last token of the target reads of the source',
    );
  });
});

describe('tokens of a source and a target that are looked at', () => {
  const texts: readonly Section[] = [
    { kind: 'tokens', id: 'source', title: 'Source', side: 'source', tokens: ['a', 'b', 'c', 'd'], numbers: [] },
    { kind: 'tokens', id: 'target', title: 'Target', side: 'target', tokens: ['x', 'y'], numbers: [] },
  ];
  const pinned = (id: string): string | undefined => (id === 'source' ? '1' : undefined);

  it('are the pinned ones, unless the pointer is on another one', () => {
    assert.deepEqual(lookedTokens(texts, pinned, {}), { source: { at: 1, of: 4 } });
    assert.deepEqual(lookedTokens(texts, pinned, { source: 3, target: 0 }), {
      source: { at: 3, of: 4 },
      target: { at: 0, of: 2 },
    });
    assert.equal(lookedTokens([section], pinned, {}), undefined, 'a result of one text has none');
  });

  it('are rows and columns of the stacks that read them', () => {
    const looked = lookedTokens(texts, pinned, { target: 1 });
    assert.deepEqual(bandsOf(looked, 'encoder'), { row: [0.25, 0.5], column: [0.25, 0.5] });
    assert.deepEqual(bandsOf(looked, undefined), { row: [0.5, 1], column: [0.5, 1] });
    assert.deepEqual(bandsOf(looked, 'cross'), { row: [0.5, 1], column: [0.25, 0.5] });
    assert.equal(bandsOf(lookedTokens(texts, pinned, {}), undefined), undefined, 'the decoder reads no source');
  });
});

describe('a matrix that comes in tiles', () => {
  const values = [1, 0, 0, 0.25, 0.75, 0, 0.001, 0.5, 0.499];

  it('is drawn of what has come, and says the exact probability of a cell', async () => {
    const one = { ...section };
    const asked: number[] = [];
    const source = openHead(one, {
      tile: ({ outRows, outColumns }) => {
        asked.push(outRows);
        return Promise.resolve({ outRows, outColumns, data: Float32Array.from(values) });
      },
      row: () => Promise.reject(new Error('not asked for')),
    });
    const never = (): never => assert.fail();
    assert.equal(openHead(one, { tile: never, row: never }), source, 'opened once');
    const kind = kindOf(one);
    assert.ok(kind?.drawn === 'page');
    kind.scene(one, theme, 600, {});
    await tick();
    assert.deepEqual(asked, [3]);
    assert.deepEqual(source.lookUp(2, 1), { value: 0.5, block: 1 });
    assert.deepEqual(source.lookUp(0, 2), { value: 0, block: 1 }, 'no query reads a later key');
    const { marks } = kind.scene(one, theme, 600, {});
    const cells = marks.find((mark) => mark.kind === 'clipped');
    assert.ok(cells?.kind === 'clipped');
    const pixels = cells.marks.find((mark) => mark.kind === 'pixels');
    assert.ok(pixels?.kind === 'pixels');
    // Cividis ends in yellow; three decades below the largest probability it begins in blue.
    assert.deepEqual([...pixels.rgba.slice(0, 3)], [255, 234, 70]);
    assert.deepEqual([...pixels.rgba.slice(6 * 4, 6 * 4 + 3)], [0, 32, 77]);
  });

  it('is read from a saved file with a head and its tokens alone', () => {
    assert.ok(check(sectionSchema, section).ok);
    assert.ok(!check(sectionSchema, { ...section, of: { layer: -1, head: 0 } }).ok);
    assert.ok(!check(sectionSchema, { ...section, tokens: [1] }).ok);
  });
});

describe('the part of a matrix that is seen', () => {
  const fit = { down: 100, across: 100, cellWidth: 5, cellHeight: 5, width: 500, height: 500 };

  it('keeps what lies under the pointer when it is zoomed, down to a cell', () => {
    const near = zoomed(whole, 4, { x: 250, y: 125 }, fit);
    assert.equal(near.zoom, 4);
    // The pointer stood over cell 50 across and cell 25 down, and still does.
    assert.equal(near.column + 250 / 20, 50);
    assert.equal(near.row + 125 / 20, 25);
    const nearest = zoomed(near, 1000, { x: 250, y: 125 }, fit);
    assert.ok(fit.cellWidth * nearest.zoom >= 100, 'large enough for words');
    assert.deepEqual(zoomed(near, 1 / 1000, { x: 0, y: 0 }, fit), whole);
  });

  it('never shows what lies beyond, and moves no further than a cell needs to be seen', () => {
    const near = { column: 40, row: 40, zoom: 4 };
    assert.deepEqual(panned(near, 1e6, -1e6, fit), { column: 75, row: 0, zoom: 4 });
    assert.deepEqual(clamped({ column: -3, row: 99, zoom: 1 }, fit), whole);
    assert.deepEqual(showing(near, { row: 45, column: 45 }, fit), near);
    assert.deepEqual(showing(near, { row: 10, column: 65 }, fit), { column: 41, row: 10, zoom: 4 });
  });

  it('is that of a map too: zoomed in, the labels of the cells that are seen stand at its axes', () => {
    const labels = Array.from({ length: 60 }, (_, at) => `place ${at}`);
    const axis = { title: 'Place', labels, named: true } as const;
    const map: MapSection = {
      kind: 'map',
      id: 'm',
      title: 'Map',
      unit: '',
      definition: '',
      scale: { kind: 'sequential' },
      rows: axis,
      columns: axis,
      values: labels.map((_, row) => labels.map((__, column) => row + column)),
    };
    const kind = kindOf(map);
    assert.ok(kind?.drawn === 'picture');
    const picture = kind.picture(map, {}, new Map());
    const texts = (place?: Parameters<typeof picture.draw>[2]): readonly string[] =>
      picture.draw(300, theme, place).marks.flatMap((mark) => (mark.kind === 'text' ? [mark.text] : []));
    assert.ok(!texts().includes('place 31'));
    const place = picture.movable?.zoomed?.(undefined, 6, undefined);
    assert.ok(place);
    assert.ok(texts(place).includes('place 31'));
    assert.ok(!texts(place).includes('place 1'));
    const { hit, box } = picture.draw(300, theme, place);
    const cell = box('31.30');
    assert.ok(cell);
    assert.equal(hit(cell.x + cell.width / 2, cell.y + cell.height / 2), '31.30');
    assert.equal(box('1.1'), undefined, 'out of sight');
  });
});
