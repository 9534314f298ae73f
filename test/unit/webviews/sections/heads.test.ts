/** The grid of heads: pictures in its cells, labels, order, search, groups, windows and gains. No DOM. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { resultOfHeads } from '../../../../protocol/results/earlier/heads';
import { picturesOf, writtenThumbnails } from '../../../../protocol/results/thumbnails';
import type { HeadsSection } from '../../../../protocol/sections/heads';
import { arranged, byClass, noClass, noSuchHead } from '../../../../webviews/sections/heads/arrangement';
import { headAtlas } from '../../../../webviews/sections/heads/head-atlas';
import { headClasses } from '../../../../webviews/sections/heads/heads-classes';
import { headsKind } from '../../../../webviews/sections/heads/heads';
import type { SectionView } from '../../../../webviews/sections/section-kind';
import { parseHead } from '../../../../webviews/ui/head-names';
import { plantedThumbnails } from '../../../browser/workbench/planted-model';
import { plantedHeads } from '../../../browser/workbench/try-host';
import { theme } from './theme';

const { model, result } = plantedHeads;
const thumbnails = plantedThumbnails(model);
const [grid] = resultOfHeads({ ...result, thumbnails: writtenThumbnails(thumbnails) }).sections.filter(
  (section) => section.kind === 'heads',
);
assert.ok(grid);
const section: HeadsSection = grid;

const picture = (view: SectionView = {}, of: HeadsSection = section) => headsKind.picture(of, view, new Map());
const drawn = (view: SectionView, width = 400, of: HeadsSection = section) => picture(view, of).draw(width, theme);
const induction = section.numbers.find(({ name }) => name === 'induction');
assert.ok(induction);

describe('the pictures of the heads', () => {
  it('keep a diagonal one texel wide when they are pooled', () => {
    const size = 32;
    const data = new Float32Array(size * size);
    for (let at = 0; at < size; at += 1) data[at * size + at] = 0.5;
    const atlas = headAtlas(picturesOf({ size, layers: 1, heads: 1, data }, size), 8);
    assert.equal(atlas.side, 8);
    for (let at = 0; at < 8; at += 1) {
      assert.equal(atlas.bytes[at * 8 + at], 255);
      assert.equal(atlas.bytes[at * 8 + ((at + 4) % 8)], 0);
    }
  });

  it('leave out blocks that hold no token, and stand at their head’s place', () => {
    const atlas = headAtlas(picturesOf(thumbnails, 20), 64);
    assert.equal(atlas.side, 20);
    assert.equal(atlas.width, 160);
    // L0H7 reads the previous token.
    assert.equal(model.plant(0, 7), 'previous');
    assert.ok((atlas.bytes[12 * atlas.width + 7 * 20 + 11] ?? 0) > 240);
    assert.ok((atlas.bytes[12 * atlas.width + 7 * 20 + 4] ?? 255) < 40);
  });

  it('of weights of either sign are drawn about 0, and keep their sign when they are pooled', () => {
    const size = 32;
    const data = new Float32Array(2 * size * size);
    for (let at = 0; at < size; at += 1) {
      data[at * size + at] = 0.5;
      // The second head has the same below 0, and a quarter of it in front.
      data[size * size + at * size + at] = -2;
      if (at > 0) data[size * size + at * size + at - 1] = 0.5;
    }
    const pictures = picturesOf({ size, layers: 1, heads: 2, data }, size, true);
    const atlas = headAtlas(pictures, 8);
    assert.deepEqual([...atlas.bytes.subarray(0, 3)], [255, 128, 128]);
    assert.deepEqual([...atlas.bytes.subarray(8, 11)], [1, 128, 128]);
    const one = { kind: 'sequential' } as const;
    const grid: HeadsSection = {
      kind: 'heads',
      id: 'effective',
      title: 'Effective attention',
      cell: 'recurrence head',
      numbers: [{ name: 'size', title: 'Size', unit: '', definition: '', scale: one, values: [[], [1, 1]] }],
      pictures: { ...pictures, layers: 1 },
      without: ['attention, or neither', null],
    };
    assert.deepEqual(
      headsKind.numbers?.(grid).map(({ name }) => name),
      ['pictures:signed', 'size'],
    );
    const { marks } = drawn({}, 400, { ...grid, numbers: [{ ...grid.numbers[0]!, values: [[1, 1]] }], without: [] });
    const raster = marks.find((mark) => mark.kind === 'pieces');
    assert.ok(raster?.kind === 'pieces');
    const pixel = (head: number): readonly number[] => [
      ...raster.rgba.subarray(4 * head * raster.side, 4 * head * raster.side + 3),
    ];
    // Orange above 0, blue below it.
    assert.ok((pixel(0)[0] ?? 0) > (pixel(0)[2] ?? 0));
    assert.ok((pixel(1)[2] ?? 0) > (pixel(1)[0] ?? 0));
    const words = (of: HeadsSection): readonly string[] =>
      drawn({ shown: 'size' }, 400, of).marks.flatMap((mark) => (mark.kind === 'text' ? [mark.text] : []));
    assert.ok(words(grid).includes('— attention, or neither'), 'why a layer has no cell');
    assert.ok(
      drawn({}, 400, { ...grid, pictures: { ...pictures, layers: 1 } }).marks.some(
        (mark) => mark.kind === 'text' && mark.text.includes('of the largest of each head'),
      ),
    );
    const narrow = drawn({}, 230, { ...grid, pictures: { ...pictures, layers: 1 } });
    const lineOf = (word: string): number | undefined =>
      narrow.marks.flatMap((mark) => (mark.kind === 'text' && mark.text.startsWith(word) ? [mark.y] : []))[0];
    assert.ok((lineOf('+1.0') ?? Infinity) < (lineOf('of the largest of each head') ?? 0), 'what is wide goes below');
  });

  it('stand first among what a grid shows, before its numbers', () => {
    const names = headsKind.numbers?.(section).map(({ name }) => name) ?? [];
    assert.deepEqual(names.slice(0, 4), ['pictures:class', 'pictures:magnitude', 'previousToken', 'firstToken']);
    assert.ok(drawn({}).marks.some(({ kind }) => kind === 'pieces'));
    assert.ok(!drawn({ shown: 'entropy' }).marks.some(({ kind }) => kind === 'pieces'));
    const { pictures: _, ...without } = section;
    assert.equal(headsKind.numbers?.(without)[0]?.name, 'previousToken');
  });

  it('are one raster of pieces, of which those fade that a filter leaves out', () => {
    const raster = (view: SectionView) => {
      const found = drawn(view).marks.find((mark) => mark.kind === 'pieces');
      assert.ok(found?.kind === 'pieces');
      return found;
    };
    const all = raster({});
    assert.equal(all.pieces.length, 32);
    const brightest = ({ rgba, columns, side }: typeof all, layer: number, head: number): number => {
      let most = 0;
      for (let row = layer * side; row < (layer + 1) * side; row += 1)
        for (let column = head * side; column < (head + 1) * side; column += 1)
          most = Math.max(most, rgba[(row * columns + column) * 4 + 1] ?? 0);
      return most;
    };
    const filtered = raster({ only: 'induction' });
    assert.ok(brightest(filtered, 0, 7) < brightest(all, 0, 7), 'no induction head');
    assert.equal(brightest(filtered, 2, 4), brightest(all, 2, 4), 'an induction head');
  });

  it('of layers that have not come yet are left out', () => {
    const some: HeadsSection = {
      ...section,
      numbers: section.numbers.map((number) => ({
        ...number,
        values: number.values.map((row, layer) => (layer < 2 ? row : row.map(() => Number.NaN))),
      })),
      pictures: picturesOf(
        { ...thumbnails, layers: 2, data: thumbnails.data.slice(0, thumbnails.data.length / 2) },
        20,
      ),
    };
    const found = drawn({}, 400, some).marks.find((mark) => mark.kind === 'pieces');
    assert.ok(found?.kind === 'pieces');
    assert.equal(found.pieces.length, 16);
  });
});

describe('the grid of heads', () => {
  it('finds each cell again where it was drawn', () => {
    for (const width of [250, 420, 900]) {
      const { box, hit } = drawn({}, width);
      for (const cursor of ['0.0', '3.7', '2.5']) {
        const cell = box(cursor);
        assert.ok(cell && cell.x + cell.width <= width, cursor);
        assert.equal(cell.width, cell.height, 'a square for a picture');
        assert.equal(hit(cell.x + cell.width / 2, cell.y + cell.height / 2), cursor);
      }
    }
  });

  it('brackets query heads that share a key/value head, and marks layers with a window, in order of layers alone', () => {
    const brackets = (view: SectionView): number =>
      drawn(view).marks.filter((mark) => mark.kind === 'path' && / ?V3\.5H/.test(mark.d)).length;
    const words = (view: SectionView, of: HeadsSection = section): string =>
      drawn(view, 400, of)
        .marks.flatMap((mark) => (mark.kind === 'text' ? [mark.text] : []))
        .join('\n');
    assert.equal(section.kvHeads, 4);
    assert.equal(brackets({}), 4);
    assert.equal(brackets({ shown: 'entropy' }), 4);
    assert.equal(brackets({ order: 'induction' }), 0);
    assert.match(words({}), /bracket: 2 query heads on one key\/value head/);
    const windowed = { ...section, windows: [null, 8, null, 16] };
    assert.match(words({}, windowed), /bar: window of 8 to 16 tokens/);
    assert.doesNotMatch(words({ order: 'induction' }, windowed), /bar:|bracket:/);
  });

  it('crosses out heads that are off, and marks those whose output is scaled', () => {
    const { gains: _, ...plain } = section;
    const gains = [
      { layer: 0, head: 0, gain: 0 },
      { layer: 1, head: 1, gain: 0.5 },
    ];
    const paths = (of: HeadsSection): number => drawn({}, 400, of).marks.filter(({ kind }) => kind === 'path').length;
    // A line with its ground, and a corner.
    assert.equal(paths({ ...plain, gains }) - paths(plain), 3);
    assert.match(picture({}, { ...plain, gains }).words('1.1')?.title ?? '', /^layer 1, head 1, gain 0\.500/);
  });

  it('sorts by a statistic, the largest first, without losing a head', () => {
    const order = arranged(section, induction, { order: 'induction' }, undefined).drawing?.rows?.flat() ?? [];
    assert.equal(order.length, 32);
    const values = order.map(({ layer, head }) => result.statistics.induction[layer]?.[head] ?? Number.NaN);
    assert.deepEqual(
      values,
      values.toSorted((a, b) => b - a),
    );
    const [first] = arranged(section, induction, { order: byClass }, undefined).drawing?.rows?.flat() ?? [];
    const [label] = section.classes ?? [];
    assert.ok(label?.heads.some(({ layer, head }) => layer === first?.layer && head === first.head));
  });

  it('shows the heads of a class, those of none, and those that are looked for', () => {
    const shown = (view: SectionView) => arranged(section, induction, view, undefined).drawing?.shown;
    const labelled = new Set(result.classes.map(({ layer, head }) => `${layer}.${head}`));
    const ofInduction = result.classes.filter(({ label }) => label === 'induction');
    assert.ok(ofInduction.length > 0);
    assert.deepEqual(
      [...(shown({ only: 'induction' }) ?? [])].sort(),
      ofInduction.map(({ layer, head }) => `${layer}.${head}`).sort(),
    );
    assert.equal(shown({ only: noClass })?.size, 32 - labelled.size);
    assert.deepEqual([...(shown({ find: 'l1h3' }) ?? [])], ['1.3']);
    assert.deepEqual(shown({ find: 'Induct' }), shown({ only: 'induction' }));
    assert.equal(shown({ find: '  ' }), undefined);
  });

  it('says that a head is not there, and says it of nothing else', () => {
    assert.equal(noSuchHead(section, 'L9H9'), 'There is no L9H9: 4 layers and 8 heads a layer, counted from 0.');
    assert.equal(noSuchHead(section, '3.8'), 'There is no L3H8: 4 layers and 8 heads a layer, counted from 0.');
    for (const search of ['', 'L3H7', 'induction', 'L9']) assert.equal(noSuchHead(section, search), undefined, search);
  });

  it('names the scores of its labels and the mass on the prompt apart, its strongest label first', () => {
    const own = result.classes.find(({ label }) => label === 'induction');
    assert.ok(own);
    const words = picture().words(`${own.layer}.${own.head}`);
    assert.match(words?.title ?? '', /induction 0\.\d+/);
    assert.match(words?.value ?? '', /^Previous token 0.* · First token 0.* · Entropy .* nats · /);
    const two = {
      classes: ['a', 'b'].map((name, at) => ({
        name,
        title: name,
        definition: '',
        heads: [{ layer: 0, head: 0 }],
        ranks: [1 - at],
      })),
    };
    assert.deepEqual(
      headClasses(two)
        .of.get('0.0')
        ?.map((one) => one.class.title),
      ['b', 'a'],
    );
  });

  it('has a table with every number, the labels and their scores, groups and gains', () => {
    const twin = headsKind.twin({ ...section, gains: [{ layer: 1, head: 1, gain: 0.5 }] }, {});
    const names = twin.columns.map(({ id }) => id);
    for (const name of ['previousToken', 'duplicateToken', 'classes', 'scores', 'kv_head', 'gain'])
      assert.ok(names.includes(name), name);
    const row = twin.rows.find(([name]) => name === 'L1H1');
    assert.equal(row?.[names.indexOf('kv_head')], 0);
    assert.equal(row[names.indexOf('gain')], 0.5);
  });

  it('reads the names of heads', () => {
    assert.deepEqual(parseHead('L5H3'), { layer: 5, head: 3 });
    assert.deepEqual(parseHead(' l12 h0 '), { layer: 12, head: 0 });
    assert.deepEqual(parseHead('5.3'), { layer: 5, head: 3 });
    assert.deepEqual(parseHead('layer 5 head 3'), { layer: 5, head: 3 });
    assert.equal(parseHead('induction'), undefined);
    assert.equal(parseHead('L5'), undefined);
  });
});
