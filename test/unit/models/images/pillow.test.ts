/** Pictures against what Pillow made of them (recorded by examples/training/compare/pillow_pictures.py), bit by bit. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { anyresTiles, bestSize, type HeightWidth } from '../../../../models/images/anyres';
import type { Pixels } from '../../../../models/images/pixels';
import { processPicture } from '../../../../models/images/process';
import { readProcessor } from '../../../../models/images/processor';
import { resize, type Filter } from '../../../../models/images/resample';
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
