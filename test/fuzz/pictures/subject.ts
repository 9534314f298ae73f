/** Picture files, sound and broken, as the compute server reads them: in the decoder's process. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { readPicture } from '../../../compute-server/images/read-picture';
import { FailureError } from '../../../protocol/wire/failures';
import { sentenceOf } from '../../../protocol/wire/words';
import { mutateBytes, Random } from '../../support/fuzz/random';
import type { Outcome, Subject } from '../../support/fuzz/subject';
import { pictureFile, pictureFolder } from '../../support/pictures';
import { chunk, headerChunk, pngOf, type PngShape } from '../../support/png-file';

const files = readdirSync(pictureFolder)
  .filter((name) => /\.(png|jpg)$/.test(name))
  .sort()
  .map((name) => readFileSync(pictureFile(name)));

const sizes = [0, 1, 2, 3, 7, 8, 9, 64, 255, 2000, 65_535, 65_536, 8_000_000, 63_000_000, 2 ** 31, 2 ** 32 - 1];

/** Depths by colour type; others do not exist and are drawn too. */
const depths = [1, 2, 4, 8, 16];

/** Sound chunks in a strange order, or data of another size than the header says, up to a hundredfold. */
function strangePng(random: Random): Buffer {
  const small = random.chance(0.6);
  const side = () => (small ? random.whole(1, 40) : random.pick(sizes));
  const shape: PngShape = {
    width: side(),
    height: side(),
    depth: random.pick(depths),
    colour: random.pick([0, 2, 3, 4, 6, 6, 2, 1, 5]),
    interlace: random.pick([0, 0, 1, 1, 2]),
  };
  const samples = [1, 1, 3, 1, 2, 1, 4][shape.colour ?? 2] ?? 1;
  const row = 1 + Math.ceil((Math.min(shape.width, 5000) * samples * (shape.depth ?? 8)) / 8);
  const wanted = Math.min(3e6, row * Math.min(shape.height, 5000));
  const raw = Buffer.alloc(
    random.chance(0.6) ? wanted : random.pick([0, 1, Math.max(0, wanted - 1), wanted + 1, 100 * wanted]) % 2e7,
  );
  for (let at = 0; at < raw.length; at += row) raw[at] = random.whole(0, random.chance(0.95) ? 4 : 255);
  if (random.chance(0.5))
    for (let at = 1; at < Math.min(raw.length, 4000); at++) if (at % row) raw[at] = random.whole(0, 255);
  const deflated = deflateSync(raw, { level: 1 });
  const cut = random.whole(0, deflated.length);
  const palette = chunk('PLTE', random.bytes(random.pick([3, 6, 48, 768, 768, 4, 0, 771])));
  const parts = [
    headerChunk(shape),
    ...(shape.colour === 3 || random.chance(0.1) ? [palette] : []),
    ...(random.chance(0.2) ? [chunk('tRNS', random.bytes(random.whole(0, 8)))] : []),
    ...(random.chance(0.1)
      ? [chunk('zTXt', Buffer.concat([Buffer.from('k\0\0'), deflateSync(Buffer.alloc(1e6))]))]
      : []),
    ...(random.chance(0.1) ? [chunk('acTL', random.bytes(8)), chunk('fcTL', random.bytes(26))] : []),
    ...(random.chance(0.3)
      ? [chunk('IDAT', deflated.subarray(0, cut)), chunk('IDAT', deflated.subarray(cut))]
      : [chunk('IDAT', deflated)]),
  ];
  if (random.chance(0.15))
    parts.splice(random.whole(0, parts.length), 0, random.pick([...parts, headerChunk({ width: 9, height: 9 })]));
  if (random.chance(0.1)) parts.splice(random.whole(0, parts.length - 1), 1);
  return pngOf(...parts);
}

/** Its segments removed, doubled or in another order, with the numbers of its headers turned to others. */
function strangeJpeg(random: Random, whole: Buffer): Buffer {
  const segments: Buffer[] = [];
  let at = 2;
  while (whole[at] === 0xff && whole[at + 1] !== 0xda) {
    const end = at + 2 + whole.readUInt16BE(at + 2);
    segments.push(Buffer.from(whole.subarray(at, end)));
    at = end;
  }
  const rest = Buffer.from(whole.subarray(at));
  for (let edit = random.whole(1, 3); edit > 0; edit--) {
    const place = random.whole(0, segments.length - 1);
    const segment = segments[place]!;
    switch (random.whole(0, 4)) {
      case 0:
        segments.splice(place, 1);
        break;
      case 1:
        segments.splice(random.whole(0, segments.length), 0, segment);
        break;
      case 2:
        segment[random.whole(1, segment.length - 1)] = random.whole(0, 255);
        break;
      case 3:
        for (let change = 0; change < 5; change++) rest[random.whole(0, rest.length - 1)] = random.whole(0, 254);
        break;
      default:
        segments.splice(place, 0, Buffer.from([0xff, random.whole(0xc0, 0xfe), 0, random.whole(0, 4), 1, 1]));
    }
    if (segments.length === 0) break;
  }
  // A progressive bomb: the same scan over and over.
  const scans = random.chance(0.05)
    ? Array.from({ length: random.pick([20, 90, 300]) }, () => rest.subarray(0, -2))
    : [];
  return Buffer.concat([Buffer.from([0xff, 0xd8]), ...segments, ...scans, rest]);
}

async function read(bytes: Buffer, folder: string): Promise<Outcome> {
  const path = join(folder, 'picture');
  writeFileSync(path, bytes);
  try {
    const { width, height, data } = await readPicture(path);
    if (data.length !== width * height * 3) throw new Error(`${data.length} bytes for ${width} x ${height} pixels`);
    return { value: { width, height } };
  } catch (error) {
    if (error instanceof FailureError && error.failure.code === 'bad-request')
      return { refusal: sentenceOf(error.failure) };
    throw error;
  }
}

export const subject: Subject<Buffer> = {
  counts: { tier: 400, full: 2000 },
  least: { values: 0.1, refusals: 0.3 },
  make(seed) {
    const random = new Random(seed);
    if (random.chance(0.4)) return strangePng(random);
    const whole = random.pick(files);
    if (whole[0] === 0xff && random.chance(0.6)) return strangeJpeg(random, whole);
    return random.chance(0.25) ? whole : mutateBytes(random, whole, 4);
  },
  run: read,
};
