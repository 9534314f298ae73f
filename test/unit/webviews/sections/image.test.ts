import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { ImageSection } from '../../../../protocol/sections/image';
import { cividis, css } from '../../../../webviews/charts/colour-map';
import { sceneSvg } from '../../../../webviews/sections/scene-svg';
import type { LoadedPicture } from '../../../../webviews/sections/scene';
import type { SectionView } from '../../../../webviews/sections/section-kind';
import { imageKind } from '../../../../webviews/sections/image/image';
import { theme } from './theme';

/** A picture of 40 x 40 pixels: whole in 2 x 2 patches, and its left and right half in one patch each. */
const section: ImageSection = {
  kind: 'image',
  id: 'picture',
  title: 'Where it looks',
  image: {
    name: 'a.png',
    path: '/a.png',
    sha256: 'ab',
    width: 40,
    height: 40,
    start: 0,
    end: 6,
    tokens: 6,
    tiles: [
      { x: 0, y: 0, width: 40, height: 40, rows: 2, columns: 2, first: 0, stride: 2 },
      { x: 0, y: 0, width: 20, height: 40, rows: 1, columns: 1, first: 4, stride: 1 },
      { x: 20, y: 0, width: 20, height: 40, rows: 1, columns: 1, first: 5, stride: 1 },
    ],
  },
  numbers: [
    {
      name: 'mass',
      title: 'Mass',
      unit: '',
      definition: '',
      scale: { kind: 'sequential' },
      values: [0, 0.25, 0.5, 9, 1, 0.5],
    },
  ],
  apart: { title: 'a sink', definition: '', tokens: [3] },
};
const loaded: LoadedPicture = { image: {} as ImageBitmap, address: 'data:,' };
const pictures = new Map([['ab', loaded]]);

const marksOf = (view: SectionView, from = pictures as ReadonlyMap<string, LoadedPicture>) => {
  const drawn = imageKind.picture(section, view, from).draw(600, theme);
  const at = (token: number) => {
    const box = drawn.box(String(token));
    return drawn.marks.flatMap((mark) =>
      mark.kind === 'rect' && mark.fill !== undefined && box && mark.x === box.x && mark.y === box.y ? [mark] : [],
    );
  };
  return { drawn, at };
};

describe('values over a picture', () => {
  it('leave what stands apart out of the scale, hatched, and say it', () => {
    const { drawn, at } = marksOf({ opacity: 1 });
    assert.deepEqual(
      [0, 2, 4].map((token) => at(token)[0]?.fill),
      [cividis(0), cividis(0.5), cividis(1)].map((one) => css(one)),
      '9 is no end of the scale',
    );
    assert.equal(at(3)[0]?.fill, '#000000');
    const box = drawn.box('3');
    assert.ok(drawn.marks.some((mark) => mark.kind === 'path' && mark.x === box?.x && mark.y === box?.y));
    const words = drawn.marks.flatMap((mark) => (mark.kind === 'text' ? [mark.text] : []));
    assert.ok(words.includes('S: a sink, left out of the scale'));
    assert.equal(imageKind.picture(section, {}, pictures).words('3')?.value, 'Mass 9.00, a sink');
    assert.deepEqual(
      imageKind.twin(section, {}).rows.map((row) => row.at(-1)),
      ['', '', '', 'a sink', '', ''],
    );
  });

  it('go from the picture alone to the values alone, denser where a value is larger', () => {
    const has = (view: SectionView): boolean => marksOf(view).drawn.marks.some(({ kind }) => kind === 'picture');
    assert.deepEqual([has({ opacity: 0 }), has({}), has({ opacity: 1 })], [true, true, false]);
    assert.deepEqual(marksOf({ opacity: 0 }).at(4), []);
    assert.deepEqual(
      [0, 2, 4].map((token) => marksOf({ opacity: 1 }).at(token)[0]?.opacity),
      [1, 1, 1],
    );
    const [low = 1, middle = 0, high = 0] = [0, 2, 4].map((token) => marksOf({}).at(token)[0]?.opacity ?? 0);
    assert.ok(low > 0.1 && low < middle && middle < high && high < 0.7, [low, middle, high].join());
    // Without the picture there is nothing to shine through.
    assert.equal(marksOf({ opacity: 0 }, new Map()).at(4)[0]?.opacity, 1);
  });

  it('lie on a sheet for each level of tiles, or on that of the chosen one, with its own scale', () => {
    const { drawn } = marksOf({});
    assert.deepEqual(
      [0, 4, 5].map((token) => drawn.box(String(token))),
      [
        { x: 0, y: 18, width: 80, height: 80 },
        { x: 172, y: 18, width: 80, height: 160 },
        { x: 252, y: 18, width: 80, height: 160 },
      ],
    );
    const one = marksOf({ level: 0, opacity: 1 });
    assert.deepEqual([one.drawn.box('4'), one.drawn.box('0')], [undefined, { x: 0, y: 0, width: 80, height: 80 }]);
    assert.equal(one.at(2)[0]?.fill, css(cividis(1)), '0.5 is the largest of this level');
    assert.equal(imageKind.picture(section, { level: 1 }, pictures).first(), '4');
  });

  it('are enlarged about a point, and moved until a chosen patch is seen', () => {
    const picture = imageKind.picture(section, { level: 0, opacity: 0.5 }, pictures);
    picture.draw(600, theme);
    const { movable } = picture;
    // The sheet is 160 pixels wide: its middle stays where it is.
    const twice = movable?.zoomed?.(undefined, 2, { x: 80, y: 80 });
    assert.deepEqual(twice, { column: 10, row: 10, zoom: 2 });
    const drawn = picture.draw(600, theme, twice);
    assert.deepEqual(drawn.box('0'), { x: 0, y: 0, width: 80, height: 80 });
    assert.deepEqual(drawn.box('3'), { x: 80, y: 80, width: 80, height: 80 });
    const seen = drawn.marks.find(({ kind }) => kind === 'picture');
    assert.ok(seen?.kind === 'picture');
    assert.deepEqual(seen.part, { x: 0.25, y: 0.25, width: 0.5, height: 0.5 });
    assert.match(
      sceneSvg({ width: 1, height: 1, marks: [seen] }),
      /viewBox="0\.25 0\.25 0\.5 0\.5".*<image width="1" height="1"/,
    );
    assert.equal(drawn.hit(1, 1), '0');
    const moved = movable?.panned(twice, 1000, 0);
    assert.deepEqual(moved, { column: 20, row: 10, zoom: 2 });
    assert.equal(picture.draw(600, theme, moved).box('0'), undefined, 'out of sight');
    assert.deepEqual(movable?.showing(moved, '0'), { column: 0, row: 0, zoom: 2 });
    assert.equal(movable?.zoomed?.(twice, 0.5, undefined), undefined, 'all of it is seen');
  });

  it('need no number: the picture is drawn, and each patch has its place', () => {
    const bare = { ...section, numbers: [] };
    assert.equal(imageKind.isEmpty(bare), false);
    const picture = imageKind.picture(bare, {}, pictures);
    assert.ok(picture.draw(600, theme).marks.some(({ kind }) => kind === 'picture'));
    assert.equal(picture.words('1')?.title, 'row 0, column 1 of the whole picture (image token 1)');
  });
});
