/** Pictures against what Pillow made of them (recorded by examples/training/compare/pillow_pictures.py), bit by bit. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { anyresTiles, bestSize, type HeightWidth } from '../../../../models/images/anyres';
import { crop, type Pixels } from '../../../../models/images/pixels';
import { processPicture } from '../../../../models/images/process';
import { readProcessor } from '../../../../models/images/processor';
import { filters, resize, resizePart, type Filter } from '../../../../models/images/resample';
import { splitPicture } from '../../../../models/images/splits';
import { clipProcessor, tinyPixels } from '../../../support/checkpoints/tiny-vision';
import { expectedPictures as expected } from '../../../support/pictures';

const digest = ({ data }: Pixels): string => createHash('sha256').update(data).digest('hex');
const of = ([width, height]: readonly [number, number]): Pixels => tinyPixels(width, height);

describe('pictures as Pillow prepares them', () => {
  it('resizes with every filter, enlarging and shrinking', () => {
    const wrong = expected.resize.filter(
      ({ of: size, to, filter, sha256 }) => digest(resize(of(size), to[0], to[1], filter as Filter)) !== sha256,
    );
    assert.ok(expected.resize.length === 90);
    assert.deepEqual(wrong, []);
  });

  it('makes a part of a resized picture as if it were cut out of the whole', () => {
    for (const { of: size, to, filter } of expected.resize) {
      const [width, height] = to;
      const parts = [
        { x: 1, y: 0, width: Math.ceil(width / 2), height: Math.ceil(height / 3) },
        { x: -2, y: Math.floor(height / 2), width: width + 3, height },
        { x: width, y: 0, width: 2, height: 2 },
      ];
      const whole = resize(of(size), width, height, filter as Filter);
      for (const part of parts) {
        const made = resizePart(of(size), width, height, filter as Filter, part);
        assert.deepEqual(made, crop(whole, part), `${size.join(' x ')} to ${to.join(' x ')}, ${filter}`);
      }
    }
  });

  it('makes of a long strip no more than is cut out of it', () => {
    const strip = of([2, 20_000]);
    const settings = readProcessor({ ...clipProcessor(112), do_rescale: false, do_normalize: false }, undefined);
    for (const resample of [0, 3]) {
      const filter = { ...settings, filter: filters[resample] ?? settings.filter };
      const { tiles, shown } = processPicture(strip, filter, { kind: 'single' });
      assert.deepEqual([shown.width, shown.height], [2, 2]);
      // Two columns and two lines of the strip, enlarged: the same from a piece of it about its middle.
      const piece = { width: 2, height: 8, data: strip.data.slice(9_996 * 6, 10_004 * 6) };
      assert.deepEqual(tiles, processPicture(piece, filter, { kind: 'single' }).tiles);
    }
  });

  it('refuses a strip so long that the lines between the passes would not fit', () => {
    const strip = { width: 1, height: 4_000_000, data: new Uint8Array(12_000_000) };
    const far = { x: 0, y: 69_000_000, width: 4, height: 4 };
    assert.throws(() => resizePart(strip, 224, 70_000_000, 'nearest', far), /^PictureError: has 1 x 4000000 pixels/);
    assert.throws(() => resize(strip, 224, 224, 'bicubic'), /too long a strip to be resampled/);
    const splitting = { longest: undefined, edge: 364, split: true, filter: 'lanczos' } as const;
    assert.throws(() => splitPicture(strip, splitting), /of which 10990 tiles would be made/);
  });

  it('cuts the middle of a picture whose shortest edge is brought to the tile (CLIP)', () => {
    const settings = readProcessor({ ...clipProcessor(12), do_rescale: false, do_normalize: false }, undefined);
    for (const { of: size, edge, sha256 } of expected.clip) {
      const { tiles, width, height } = processPicture(of(size), settings, { kind: 'single' });
      assert.deepEqual([width, height], [edge, edge]);
      const [tile] = tiles;
      assert.ok(tile);
      const data = new Uint8Array(edge * edge * 3);
      for (let i = 0; i < edge * edge; i++) {
        for (let channel = 0; channel < 3; channel++) data[i * 3 + channel] = tile[channel * edge * edge + i] ?? 0;
      }
      assert.equal(digest({ width, height, data }), sha256, size.join(' x '));
    }
  });

  it('enlarges, pads and cuts into tiles (LLaVA-NeXT)', () => {
    const { pinpoints, edge, cases } = expected.anyres;
    for (const { of: size, tiles } of cases) {
      const picture = of(size);
      const canvas = bestSize(picture, pinpoints as readonly HeightWidth[]);
      const found = [resize(picture, edge, edge, 'bicubic'), ...anyresTiles(picture, canvas, edge, 'bicubic')];
      assert.deepEqual(found.map(digest), tiles, size.join(' x '));
    }
  });

  it('brings to whole tiles and cuts (Idefics3)', () => {
    const { longest, edge, cases } = expected.splits;
    for (const { of: size, rows, columns, tiles } of cases) {
      const found = splitPicture(of(size), { longest, edge, split: true, filter: 'lanczos' });
      assert.deepEqual([found.rows, found.columns], [rows, columns], size.join(' x '));
      assert.deepEqual(found.tiles.map(digest), tiles, size.join(' x '));
    }
  });
});
