import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPicture } from '../../../../compute-server/images/decode';
import { headerOf } from '../../../../compute-server/images/header';
import { sentenceOf } from '../../../../protocol/wire/words';
import { FailureError } from '../../../../protocol/wire/failures';
import { tinyPixels, writePng } from '../../../support/checkpoints/tiny-vision';
import { expectedPictures, pictureFile } from '../../../support/pictures';

const refusal = async (path: string): Promise<string> => {
  try {
    await readPicture(path);
  } catch (error) {
    if (error instanceof FailureError) return sentenceOf(error.failure);
    throw error;
  }
  return assert.fail(`${path} was read`);
};

describe('decoding of pictures', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-pictures-'));
  });
  after(() => rmSync(folder, { recursive: true }));
  const write = (name: string, bytes: Uint8Array): string => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  };

  for (const [name, sha256] of Object.entries(expectedPictures.files)) {
    it(`${name}: the pixels that Pillow reads`, async () => {
      const { width, height, data, sha256: file } = await readPicture(pictureFile(name));
      const turned = /turned-(\d)/.exec(name)?.[1];
      const size = turned === undefined ? [70, 45] : Number(turned) >= 5 ? [20, 33] : [33, 20];
      assert.deepEqual([width, height], size);
      assert.equal(createHash('sha256').update(data).digest('hex'), sha256);
      assert.equal(
        file,
        createHash('sha256')
          .update(readFileSync(pictureFile(name)))
          .digest('hex'),
      );
    });
  }

  it('reads width and height from the first bytes', () => {
    assert.deepEqual(headerOf(readFileSync(pictureFile('rgb.png'))), { format: 'PNG', width: 70, height: 45 });
    for (const name of ['444.jpg', 'progressive.jpg', 'grey.jpg', 'cmyk.jpg']) {
      const header = headerOf(readFileSync(pictureFile(name)));
      assert.deepEqual([header?.format, header?.width, header?.height], ['JPEG', 70, 45], name);
    }
    assert.equal(headerOf(Buffer.from('GIF89a')), undefined);
    assert.equal(headerOf(Buffer.alloc(0)), undefined);
    assert.deepEqual(headerOf(Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0])), { format: 'JPEG', width: 0, height: 0 });
    assert.deepEqual(headerOf(Buffer.concat([Buffer.from([0xff, 0xd8]), Buffer.alloc(40)])), {
      format: 'JPEG',
      width: 0,
      height: 0,
    });
  });

  it('refuses what does not decode, one sentence each', async () => {
    const png = readFileSync(writePng(join(folder, 'whole.png'), tinyPixels(30, 20)));
    const jpeg = readFileSync(pictureFile('420.jpg'));
    assert.match(
      await refusal(write('cut.png', png.subarray(0, png.length / 2))),
      /^The request is not valid: The image .*cut\.png is cut off: its file ends in the middle of the picture\. Copy it again\.$/,
    );
    const flipped = Buffer.from(png);
    flipped.fill(0xa5, 60, 120);
    assert.match(
      await refusal(write('flipped.png', flipped)),
      /does not decode as PNG \(.+\)\. Open and save it again\.$/,
    );
    assert.match(await refusal(write('cut.jpg', jpeg.subarray(0, 400))), /does not decode/);
    assert.match(await refusal(write('header.png', png.subarray(0, 12))), /header gives 0 x 0 pixels/);
    assert.match(
      await refusal(write('text.txt', Buffer.from('a picture'))),
      /is no PNG and no JPEG file by its first bytes/,
    );
    assert.match(await refusal(pictureFile('cmyk.jpg')), /JPEG of four inks \(CMYK\)/);
    assert.match(await refusal(join(folder, 'absent.png')), /There is no image .*absent\.png\. Check the path/);
    assert.match(await refusal(folder), /is no file\. Name a PNG or JPEG file/);
  });

  it('refuses huge dimensions before it decodes, with the figures', async () => {
    const png = Buffer.from(readFileSync(writePng(join(folder, 'small.png'), tinyPixels(4, 4))));
    png.writeUInt32BE(60_000, 16);
    png.writeUInt32BE(50_000, 20);
    assert.match(
      await refusal(write('huge.png', png)),
      /has 60000 x 50000 pixels, and at most 64 million are decoded\. Scale it down/,
    );
  });

  it('goes on after a file that broke in the middle of decoding', async () => {
    const jpeg = readFileSync(pictureFile('420.jpg'));
    const broken = Buffer.from(jpeg);
    broken.fill(0xff, 200, 260);
    for (let i = 0; i < 20; i++) assert.match(await refusal(write('broken.jpg', broken)), /does not decode as JPEG/);
    const { data } = await readPicture(pictureFile('444.jpg'));
    assert.equal(createHash('sha256').update(data).digest('hex'), expectedPictures.files['444.jpg']);
  });
});
