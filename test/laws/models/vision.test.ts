import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import { sequenceOf } from '../../../compute-server/model/prompt/prompt';
import type { LayerTap } from '../../../models/instrument/taps';
import { bestSize, anyresTiles } from '../../../models/images/anyres';
import { resize } from '../../../models/images/resample';
import { TinyVlms } from '../../support/checkpoints/open-vlms';
import {
  normalisedPicture,
  singleTileVlms,
  splitVlms,
  tinyLlava,
  tinyPaligemma,
  tinyPixels,
  writePng,
  type TinyVlm,
} from '../../support/checkpoints/tiny-vision';
import { visionTokens } from '../../support/checkpoints/tokenizers';
import type { Parameters } from '../../support/reference/vectors';

/** Allowed distance of logits, features and taps from the float64 pass. */
const tolerance = 1e-4;
const run = { memoryLimit: 4e9 };

function assertNear(found: ArrayLike<number | bigint> | undefined, expected: readonly number[], what: string): void {
  assert.equal(found?.length, expected.length, `${what} has another size`);
  expected.forEach((value, i) => {
    const error = Math.abs(Number(found?.[i]) - value);
    assert.ok(error <= tolerance, `${what} differs by ${error} at ${i}`);
  });
}

const taps: readonly LayerTap[] = [
  'attention.probabilities',
  'attention.head_output',
  'attention.output',
  'mlp_output',
  'residual',
];

describe('vision-language models equal their float64 pass', () => {
  let vlms: TinyVlms;
  before(() => {
    vlms = new TinyVlms();
  });
  after(() => vlms.close());

  const open = (tiny: TinyVlm) => vlms.open(tiny);

  /** ids with one image token -> logits and taps of the merged sequence, chunked and whole. */
  const compare = async (
    model: LoadedModel,
    tiny: TinyVlm,
    parameters: Parameters,
    ids: readonly number[],
    image: string,
    expectedIds: readonly number[],
    rows: ReadonlyMap<number, readonly number[]>,
  ): Promise<void> => {
    const sequence = await sequenceOf(model, { kind: 'ids', ids, image }, run);
    assert.deepEqual(sequence.ids, expectedIds);
    assert.deepEqual(sequence.embeddings?.rows, [...rows.keys()]);
    assertNear(sequence.embeddings?.data, [...rows.values()].flat(), 'rows of the image');
    assert.deepEqual(
      sequence.groups?.find(({ name }) => name === 'image')?.positions,
      expectedIds.flatMap((id, at) => (id === tiny.imageToken ? [at] : [])),
    );
    const reference = tiny.read(parameters, expectedIds, rows);
    for (const chunk of [6, 64]) {
      const result = await runPrompt(model.spec, model.sessions, {
        ...sequence,
        chunk,
        logits: 'all',
        taps: model.spec.blocks.flatMap(({ index }) => taps.map((tap) => ({ layer: index, tap }))),
      });
      assertNear(result.logits?.data, reference.logits.flat(), `logits in chunks of ${chunk}`);
      if (chunk === 64) {
        for (const { index } of model.spec.blocks) {
          for (const tap of taps) {
            const expected = reference.taps.get(`layer.${index}.${tap}`) ?? [];
            assertNear(result.layers[index]?.taps[tap]?.data, expected, `${tap} of layer ${index}`);
          }
        }
      }
      const plain = await runPrompt(model.spec, model.sessions, { ...sequence, chunk, logits: 'all', plain: true });
      assert.deepEqual(plain.logits, result.logits);
    }
  };

  for (const tiny of singleTileVlms) {
    it(`${tiny.name}: rows of the image, merged sequence, every tap`, async () => {
      const { model, parameters } = await open(tiny);
      const pixels = tinyPixels(12, 12);
      const image = writePng(join(vlms.folder, 'square.png'), pixels);
      const features = tiny.features(parameters, normalisedPicture(pixels, tiny.processor));
      const [before, behind] = [
        [3, 17, 5],
        [9, 22, 41, 8],
      ];
      const expectedIds = [...before, ...features.map(() => tiny.imageToken), ...behind];
      const rows = new Map(features.map((row, at) => [before.length + at, row]));
      await compare(model, tiny, parameters, [...before, tiny.imageToken, ...behind], image, expectedIds, rows);
    });
  }

  it('llava_next: the whole picture, then the joined tiles without their padding, a newline behind each line', async () => {
    const tiny = tinyLlava({ next: true });
    const { model, parameters } = await open(tiny);
    const ids = [3, tiny.imageToken, 9, 8];
    const newline = Array.from(parameters.vector('image_newline'));
    for (const [width, height, size, lost] of [
      [20, 10, [12, 24], 0],
      // Lines of cells that hold nothing but padding are left out, one above and one below.
      [24, 17, [24, 24], 2],
      [24, 5, [12, 24], 2],
      [4, 30, [36, 12], 2],
    ] as const) {
      const pixels = tinyPixels(width, height);
      const image = writePng(join(vlms.folder, `anyres-${width}-${height}.png`), pixels);
      const sizes = tiny.config['image_grid_pinpoints'] as [number, number][];
      assert.deepEqual(bestSize(pixels, sizes), size);
      const tiles = [resize(pixels, 12, 12, 'bicubic'), ...anyresTiles(pixels, size, 12, 'bicubic')];
      const features = tiles.map((tile) => tiny.features(parameters, normalisedPicture(tile, tiny.processor)));
      const [lines, across] = [size[0] / 12, size[1] / 12];
      // The map of cells, tile beside tile, as `view` and `permute` join it.
      const map = Array.from({ length: lines * 3 }, (_, row) =>
        Array.from(
          { length: across * 3 },
          (_, column) =>
            features[1 + Math.floor(row / 3) * across + Math.floor(column / 3)]?.[(row % 3) * 3 + (column % 3)] ?? [],
        ),
      );
      const kept = unpad(map, height, width);
      assert.equal(map.length - kept.length + (map[0]?.length ?? 0) - (kept[0]?.length ?? 0), lost);
      const rowsOfImage = [...(features[0] ?? []), ...kept.flatMap((line) => [...line, newline])];
      const expectedIds = [3, ...rowsOfImage.map(() => tiny.imageToken), 9, 8];
      const rows = new Map(rowsOfImage.map((row, at) => [1 + at, row]));
      await compare(model, tiny, parameters, ids, image, expectedIds, rows);
      const { image: span } = await sequenceOf(model, { kind: 'ids', ids, image }, run);
      const [, joined] = span?.tiles ?? [];
      assert.deepEqual(
        { first: joined?.first, stride: joined?.stride, rows: joined?.rows, columns: joined?.columns },
        { first: 9, stride: (kept[0]?.length ?? 0) + 1, rows: kept.length, columns: kept[0]?.length },
      );
    }
  });

  for (const tiny of splitVlms) {
    it(`${tiny.name}: tiles line by line behind the tokens of their place, then the whole picture`, async () => {
      const { model, parameters } = await open(tiny);
      // 32 x 32 is two by two tiles of 16; the longest edge is 32 already, so that nothing is resized but the whole.
      const pixels = tinyPixels(32, 32);
      const image = writePng(join(vlms.folder, 'splits.png'), pixels);
      const tileAt = (line: number, column: number) => {
        const data = new Uint8Array(16 * 16 * 3);
        for (let y = 0; y < 16; y++) {
          for (let i = 0; i < 48; i++)
            data[y * 48 + i] = pixels.data[((line * 16 + y) * 32 + column * 16) * 3 + i] ?? 0;
        }
        return { width: 16, height: 16, data };
      };
      const tiles = [tileAt(0, 0), tileAt(0, 1), tileAt(1, 0), tileAt(1, 1), resize(pixels, 16, 16, 'lanczos')];
      const features = tiles.map((tile) => tiny.features(parameters, normalisedPicture(tile, tiny.processor)));
      // As many tokens as a tile takes: one, or four.
      const cells = Array<number>(Number(tiny.joint?.['image_seq_len'])).fill(60);
      const fake = visionTokens['<fake_token_around_image>'];
      const expectedIds = [
        ...[1, 3],
        ...[fake, 57, ...cells, fake, 56, ...cells, 4],
        // The newline of the second line of tiles and the one before the whole picture are one token.
        ...[fake, 55, ...cells, fake, 54, ...cells, 5],
        ...[fake, 58, ...cells, fake],
        ...[2, 2],
      ];
      const positions = expectedIds.flatMap((id, at) => (id === 60 ? [at] : []));
      const rows = new Map(features.flat().map((row, at) => [positions[at] ?? -1, row]));
      const ids = [1, 3, 60, 2, 2];
      await compare(model, tiny, parameters, ids, image, expectedIds, rows);
      const text = await sequenceOf(model, { kind: 'text', text: 'a <image>bb', image }, run);
      assert.deepEqual(text.ids, expectedIds);
      const again = await sequenceOf(model, { kind: 'ids', ids: expectedIds, image }, run);
      assert.deepEqual(again.embeddings, text.embeddings);
      assert.deepEqual([text.image?.start, text.image?.end], [2, expectedIds.length - 2]);
      assert.deepEqual(
        text.image?.tiles.map(({ x, y, width, height, first }) => [x, y, width, height, first]),
        [
          [0, 0, 32, 32, 4 * cells.length],
          [0, 0, 16, 16, 0],
          [16, 0, 16, 16, cells.length],
          [0, 16, 16, 16, 2 * cells.length],
          [16, 16, 16, 16, 3 * cells.length],
        ],
      );
    });
  }

  it('the chat template of a vision-language model reads a list of parts, also from a file of its own', async () => {
    const { model } = await open(tinyLlava({ name: 'llava with a template' }));
    const image = vlms.picture(12, 12);
    const template =
      "{% for message in messages %}{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>b{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}";
    writeFileSync(join(model.folder, 'chat_template.json'), JSON.stringify({ chat_template: template }));
    const again = await vlms.openFolder(model.folder);
    const merged = await sequenceOf(again, { kind: 'text', text: 'a', chat: true, image }, run);
    assert.deepEqual(merged.ids, [...Array<number>(9).fill(60), 2, 1]);
    const alone = await sequenceOf(again, { kind: 'text', text: 'a', chat: true }, run);
    assert.deepEqual(alone.ids, [1]);
  });

  it('paligemma: image tokens, beginning of sequence, text, newline, as its processor writes them', async () => {
    const { model } = await open(tinyPaligemma(1));
    const image = vlms.picture(12, 12);
    const nine = Array<number>(9).fill(60);
    const plain = await sequenceOf(model, { kind: 'text', text: 'ab', image }, run);
    assert.deepEqual(plain.ids, [...nine, 0, 1, 2, 4]);
    assert.equal(plain.prefix, 13);
    const written = await sequenceOf(model, { kind: 'text', text: '<image>ab', image }, run);
    assert.deepEqual(written.ids, plain.ids);
  });
});

/** `unpad_image` of transformers, on a map of cells. */
function unpad<T>(map: readonly (readonly T[])[], height: number, width: number): readonly (readonly T[])[] {
  const [rows, columns] = [map.length, map[0]?.length ?? 0];
  const round = (x: number): number => Math.round(x * 1e7) / 1e7;
  if (width / height > columns / rows) {
    const padding = Math.floor((rows - Math.trunc(round((height * columns) / width))) / 2);
    return map.slice(padding, rows - padding);
  }
  const padding = Math.floor((columns - Math.trunc(round((width * rows) / height))) / 2);
  return map.map((line) => line.slice(padding, columns - padding));
}
