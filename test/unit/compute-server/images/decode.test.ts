import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { endDecoder, readPicture, type PictureLimits } from '../../../../compute-server/images/read-picture';
import { headerOf } from '../../../../compute-server/images/header';
import { StructureError } from '../../../../compute-server/images/structure-error';
import { sentenceOf } from '../../../../protocol/wire/words';
import { FailureError } from '../../../../protocol/wire/failures';
import { tinyPixels, writePng } from '../../../support/checkpoints/tiny-vision';
import { expectedPictures, pictureFile } from '../../../support/pictures';
import { chunk, headerChunk, pngFile, pngOf, type PngShape } from '../../../support/png-file';

const refusal = async (path: string, limits: PictureLimits = {}): Promise<string> => {
  try {
    await readPicture(path, limits);
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
  after(() => {
    endDecoder();
    rmSync(folder, { recursive: true });
  });
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

  it('reads width and height from the structure', () => {
    const sizeOf = (bytes: Buffer) => {
      const header = headerOf(bytes);
      return header && [header.format, header.width, header.height];
    };
    assert.deepEqual(sizeOf(readFileSync(pictureFile('rgb.png'))), ['PNG', 70, 45]);
    for (const name of ['444.jpg', 'progressive.jpg', 'grey.jpg']) {
      assert.deepEqual(sizeOf(readFileSync(pictureFile(name))), ['JPEG', 70, 45], name);
    }
    assert.equal(headerOf(Buffer.from('GIF89a')), undefined);
    assert.equal(headerOf(Buffer.alloc(0)), undefined);
    for (const broken of [
      Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0]),
      Buffer.concat([Buffer.from([0xff, 0xd8]), Buffer.alloc(40)]),
    ]) {
      assert.throws(() => headerOf(broken), StructureError);
    }
  });

  it('counts the bytes that a PNG inflates to, interlaced too', () => {
    const inflated = (shape: PngShape) => {
      const header = headerOf(pngFile(shape, Buffer.alloc(0)));
      return header && 'inflated' in header ? header.inflated : undefined;
    };
    // One filter byte a row: 3 rows of 1 + 5 * 3.
    assert.equal(inflated({ width: 5, height: 3 }), 48);
    // 3 rows of 1 + ceil(9 / 8).
    assert.equal(inflated({ width: 9, height: 3, depth: 1, colour: 0 }), 9);
    // Adam7 of 3 x 3 in one byte a pixel: passes of 1x1, none, none, 1x1, 2x1, 1x2, 3x1.
    assert.equal(inflated({ width: 3, height: 3, depth: 8, colour: 0, interlace: 1 }), 2 + 2 + 3 + 2 * 2 + 4);
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
      /does not decode: the checksum of its chunk IDAT is wrong\. Open it in an image program and save it again\.$/,
    );
    assert.match(await refusal(write('cut.jpg', jpeg.subarray(0, 400))), /is cut off: .*\. Copy it again\.$/);
    assert.match(await refusal(write('header.png', png.subarray(0, 12))), /is cut off/);
    const nothing = pngFile({ width: 0, height: 4 }, Buffer.alloc(4));
    assert.match(await refusal(write('nothing.png', nothing)), /header gives 0 x 4 pixels/);
    assert.match(
      await refusal(write('text.txt', Buffer.from('a picture'))),
      /is neither a PNG nor a JPEG file by its first bytes/,
    );
    assert.match(await refusal(pictureFile('cmyk.jpg')), /four inks \(CMYK\)/);
    assert.match(await refusal(join(folder, 'absent.png')), /There is no image at .*absent\.png\. Check the path/);
    assert.match(await refusal(folder), /is not a file\. Name a PNG or JPEG file/);
  });

  it('refuses a PNG whose parts contradict each other', async () => {
    const shape = { width: 4, height: 4 };
    const raw = Buffer.alloc(4 * 13);
    const data = chunk('IDAT', deflateSync(raw));
    const palette = chunk('PLTE', Buffer.alloc(6));
    const cases: readonly (readonly [string, Buffer, RegExp])[] = [
      ['two-headers', pngOf(headerChunk(shape), headerChunk({ width: 9e6, height: 7 }), data), /two headers \(IHDR\)/],
      ['late-header', pngOf(palette, headerChunk(shape), data), /first chunk is PLTE and not IHDR/],
      ['no-data', pngOf(headerChunk(shape)), /no data \(IDAT\)/],
      ['apart', pngOf(headerChunk(shape), data, chunk('tEXt'), data), /other chunks are between its data/],
      ['unknown', pngOf(headerChunk(shape), chunk('ABCD'), data), /a chunk ABCD that is not known/],
      ['no-palette', pngOf(headerChunk({ ...shape, colour: 3 }), data), /no palette/],
      [
        'palettes',
        pngOf(headerChunk({ ...shape, colour: 3 }), palette, palette, data),
        /palette is in the wrong place/,
      ],
      ['depth', pngFile({ ...shape, depth: 4 }, raw), /colour type 2 with 4 bits, which PNG does not have/],
      ['interlace', pngFile({ ...shape, interlace: 2 }, raw), /interlace method that PNG does not have/],
      ['less', pngFile(shape, raw.subarray(0, 40)), /less data than its header asks for/],
      ['more', pngFile(shape, Buffer.alloc(53)), /more data than its header asks for/],
      ['no-zlib', pngOf(headerChunk(shape), chunk('IDAT', raw)), /its data is damaged/],
      ['half-zlib', pngOf(headerChunk(shape), chunk('IDAT', deflateSync(raw).subarray(0, 8))), /its data ends early/],
      ['filter', pngFile(shape, Buffer.alloc(4 * 13, 9)), /does not decode as PNG \(its data is damaged\)/],
    ];
    for (const [name, bytes, words] of cases) assert.match(await refusal(write(`${name}.png`, bytes)), words, name);
  });

  it('refuses a JPEG whose parts contradict each other', async () => {
    const jpeg = readFileSync(pictureFile('444.jpg'));
    const frameAt = jpeg.indexOf(Buffer.from([0xff, 0xc0]));
    const frame = jpeg.subarray(frameAt, frameAt + 2 + jpeg.readUInt16BE(frameAt + 2));
    const larger = Buffer.from(frame);
    larger.writeUInt16BE(60_000, 5);
    larger.writeUInt16BE(60_000, 7);
    const with_ = (...parts: readonly Uint8Array[]) => Buffer.concat([jpeg.subarray(0, frameAt), ...parts]);
    const rest = jpeg.subarray(frameAt + frame.length);
    const changed = (at: number, value: number) => {
      const copy = Buffer.from(frame);
      copy[at] = value;
      return with_(copy, rest);
    };
    const scanAt = rest.indexOf(Buffer.from([0xff, 0xda]));
    const scan = rest.subarray(scanAt, scanAt + 2 + rest.readUInt16BE(scanAt + 2));
    const cases: readonly (readonly [string, Buffer, RegExp])[] = [
      ['two-frames', with_(frame, larger, rest), /two frame headers/],
      ['hidden-frame', with_(frame, Buffer.from([0xff, 0xd8]), larger, rest), /begins twice/],
      ['lossless', changed(1, 0xc3), /frame 3 of JPEG/],
      ['arithmetic', changed(1, 0xc9), /frame 9 of JPEG/],
      ['deep', changed(4, 12), /12 bits a sample, and 8 are read/],
      ['components', changed(9, 7), /bytes for 7 components/],
      ['sampling', changed(11, 0x50), /a sampling that JPEG does not have/],
      ['no-frame', with_(rest), /data comes before its frame header/],
      ['lines', with_(frame, Buffer.from([0xff, 0xdc, 0, 4, 0, 9]), rest), /changes its size on the way/],
      [
        'scans',
        with_(frame, rest.subarray(0, scanAt), ...Array.from({ length: 101 }, () => scan), rest),
        /more than 100 scans/,
      ],
      ['between', with_(frame, Buffer.from([0, 0]), rest), /there are bytes between its segments/],
      ['empty', Buffer.from([0xff, 0xd8, 0xff, 0xd9]), /no picture in it/],
    ];
    for (const [name, bytes, words] of cases) assert.match(await refusal(write(`${name}.jpg`, bytes)), words, name);
    // The same frame once, with what follows it, decodes.
    assert.equal((await readPicture(write('whole.jpg', with_(frame, rest)))).width, 70);
  });

  it('refuses huge dimensions before it decodes, with the figures', async () => {
    const huge = pngFile({ width: 60_000, height: 50_000 }, Buffer.alloc(100));
    assert.match(
      await refusal(write('huge.png', huge)),
      /has 60000 x 50000 pixels, and at most 64 million are decoded, 8 million along a side\. Scale it down/,
    );
    const tall = pngFile({ width: 1, height: 63_000_000 }, Buffer.alloc(100));
    assert.match(await refusal(write('tall.png', tall)), /has 1 x 63000000 pixels, .* 8 million along a side/);
    const deep = pngFile({ width: 8000, height: 7900, depth: 16, colour: 6 }, Buffer.alloc(100));
    assert.match(
      await refusal(write('deep.png', deep)),
      /needs 1\.2 GB to decode, and the limit is 1\.0 GB\. Scale it down/,
    );
    assert.match(
      await refusal(pictureFile('rgb.png'), { memoryLimit: 10_000 }),
      /needs 49\.\d kB to decode, and the limit is 10\.0 kB/,
    );
  });

  it('inflates no more than the header asks for, interlaced or not, and nothing that is no pixel', async () => {
    const bomb = Buffer.alloc(100_000_000);
    for (const interlace of [0, 1]) {
      const file = write(`bomb-${interlace}.png`, pngFile({ width: 100, height: 100, interlace }, bomb));
      assert.match(await refusal(file), /more data than its header asks for/);
    }
    const text = chunk('zTXt', Buffer.concat([Buffer.from('a\0\0'), deflateSync(bomb)]));
    const data = chunk('IDAT', deflateSync(Buffer.alloc(4 * 13)));
    const { width } = await readPicture(write('text.png', pngOf(headerChunk({ width: 4, height: 4 }), text, data)));
    assert.equal(width, 4);
  });

  it('goes on after a file that broke in the middle of decoding, and after one that was given up', async () => {
    const jpeg = readFileSync(pictureFile('420.jpg'));
    const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]));
    const broken = Buffer.from(jpeg);
    broken.fill(0x55, scan + 40, jpeg.length - 2);
    const whole = async () => {
      const { data } = await readPicture(pictureFile('444.jpg'));
      assert.equal(createHash('sha256').update(data).digest('hex'), expectedPictures.files['444.jpg']);
    };
    const path = write('broken.jpg', broken);
    for (let i = 0; i < 3; i++) {
      assert.match(await refusal(path), /does not decode as JPEG \(.+\)\. Open it in an image program/);
      await whole();
    }
    // A picture of zeros takes seconds to inflate and decode, while its file is small.
    const [width, height] = [7000, 7000];
    const slow = write('slow.png', pngFile({ width, height }, Buffer.alloc(height * (1 + width * 3))));
    assert.match(
      await refusal(slow, { seconds: 0.2, secondsPerMillion: 0 }),
      /was given up: decoding it took longer than 0\.2 s\. Open it in an image program and save it again\.$/,
    );
    await whole();
  });

  it('answers many that are asked for at once, each for itself', async () => {
    const names = ['444.jpg', 'rgb.png', 'palette.png', '420.jpg'];
    const pictures = await Promise.all(names.map((name) => readPicture(pictureFile(name))));
    assert.deepEqual(
      pictures.map(({ data }) => createHash('sha256').update(data).digest('hex')),
      names.map((name) => expectedPictures.files[name]),
    );
  });
});
