/** Toy pictures with two ellipses by hand values, where a gate points, equal parameters, and what the body changes. */
import assert from 'node:assert/strict';
import {
  chances,
  deviation,
  meanAgreement,
  measuresOf,
  pointing,
  seenPictures,
  type SeenPicture,
} from '../../../../../diagnostics/experiments/toy-lungs/measure';
import {
  batchSize,
  channelsFor,
  initialOf,
  lungNetwork,
} from '../../../../../diagnostics/experiments/toy-lungs/network';
import { cellsOf, drawPictures, painted, side } from '../../../../../diagnostics/experiments/toy-lungs/pictures';
import { parameterCount } from '../../../../../kernels/training/network';
import { random } from '../../../../../kernels/tensors/random';

const near = (found: number | undefined, expected: number, margin = 1e-6): void =>
  assert.ok(found !== undefined && Math.abs(found - expected) < margin, `${found} is not ${expected}`);

describe('pictures of toy-lungs', () => {
  it('half inside the ellipses, and a Gaussian of height one half for a blob', () => {
    const lungs = [
      { row: 16, column: 9 },
      { row: 16, column: 23 },
    ];
    const x = painted(lungs, [
      { row: 16.5, column: 9.5 },
      { row: 2.5, column: 16.5 },
    ]);
    const at = (row: number, column: number) => x[row * side + column];
    near(at(16, 9), 1);
    near(at(2, 16), 0.5);
    // One pixel beside the middle: exp(-1 / (2 1.2^2)) / 2 = 0.353324.
    near(at(2, 17), 0.353324);
    near(at(3, 17), 2 * 0.353324 ** 2);
    near(at(16, 23), 0.5);
    near(at(31, 0), 0);
    // Half axes of 11.52 and 5.44 pixels: 5 pixels across are inside, 6 are not.
    near(at(16, 27), 0.5);
    near(at(16, 29), 0);
    near(at(26, 23), 0.5);
    near(at(28, 23), 0);
  });

  it('three blobs each; class 1 has one of them inside an ellipse, class 0 none', () => {
    const all = drawPictures(40, random(4));
    for (const { label, lesion, lungs, spots } of all) {
      assert.equal(spots.length, 3);
      const inside = spots.filter((spot) =>
        lungs.some((lung) => Math.hypot((spot.row - lung.row) / 11.52, (spot.column - lung.column) / 5.44) < 1),
      );
      assert.deepEqual(inside, lesion ? [lesion] : []);
      assert.equal(lesion !== undefined, label === 1);
    }
    assert.equal(all.filter(({ label }) => label === 1).length, 20);
  });
});

describe('measures of toy-lungs', () => {
  // Cells of 8 pixels; the blob reaches rows 6 to 9 and columns 18 to 21.
  const lesion = { row: 8, column: 20 };
  const map = (values: Readonly<Record<number, number>>) => Array.from({ length: 16 }, (_, at) => values[at] ?? 0);

  it('a blob touches the cells of its pixels', () => {
    assert.deepEqual(
      cellsOf(lesion, 4).flatMap((touched, at) => (touched ? [at] : [])),
      [2, 6],
    );
  });

  it('the largest cell is a hit or none; equal ones share it', () => {
    assert.equal(pointing(map({ 6: 0.9, 1: 0.8 }), lesion), 1);
    assert.equal(pointing(map({ 1: 0.9, 6: 0.8 }), lesion), 0);
    assert.equal(pointing(map({}), lesion), 2 / 16);
  });

  it('agreement: 1 of a map and itself in twice the size, -1 with its opposite', () => {
    const small = [0.1, 0.9, 0.4, 0.2];
    const large = Array.from({ length: 16 }, (_, at) => small[2 * (at >> 3) + ((at >> 1) & 1)]!);
    near(meanAgreement([large, small]), 1);
    near(meanAgreement([large, small.map((value) => 1 - value)]), -1);
    assert.ok(Number.isNaN(meanAgreement([large, [1, 1, 1, 1]])));
  });

  it('contrast of the global map: the deviation of its numbers, mean over pictures', () => {
    near(deviation([0.2, 0.4, 0.6, 0.8]), Math.sqrt(0.05));
    const x = new Float32Array(side * side);
    const seen = (global: readonly number[]): SeenPicture => ({
      picture: { x, label: 1, lesion },
      right: true,
      maps: [map({}), map({}), map({})],
      global,
    });
    near(measuresOf([seen([0.5, 0.5]), seen([0, 1])], 'shared')['contrast'], 0.25);
  });

  it('a picture is right where the larger logit is that of its class', async () => {
    const x = new Float32Array(side * side);
    const pictures = Array.from({ length: batchSize }, (_, at) => ({ x, label: at % 2, lungs: [], spots: [] }));
    // Class 1 is said of the first half, class 0 of the second.
    const logits = Float32Array.from({ length: 2 * batchSize }, (_, at) => (at < batchSize ? at % 2 : 1 - (at % 2)));
    const trainer = {
      forward: () => Promise.resolve({ loss: 0, outputs: { logits: { data: logits, shape: [batchSize, 2] } } }),
      advance: () => Promise.reject(new Error('nothing is trained')),
    };
    const network = lungNetwork('', { form: 'none', channels: 2, bodyWidth: 1 });
    const seen = await seenPictures(trainer, network, {}, 'none', pictures);
    assert.deepEqual(
      seen.map(({ right }) => right),
      pictures.map(({ label }, at) => (at < batchSize / 2 ? label === 1 : label === 0)),
    );
  });

  it('accuracy over all pictures, pointing over those of class 1', () => {
    const x = new Float32Array(side * side);
    const seen = (label: number, right: boolean, hit: number): SeenPicture => ({
      picture: { x, label, ...(label === 1 ? { lesion } : {}) },
      right,
      maps: [map({ [hit]: 1 }), map({ [hit]: 1 }), map({ 0: 1 })],
      global: [],
    });
    const all = [seen(1, true, 6), seen(1, false, 0), seen(1, true, 2), seen(0, true, 6)];
    const found = measuresOf(all, 'isolated');
    assert.equal(found['accuracy'], 0.75);
    near(found['pointing1'], 2 / 3);
    assert.equal(found['pointing3'], 0);
    assert.deepEqual(measuresOf(all, 'none'), { accuracy: 0.75 });
    // The blob has pixels up to 2 from its middle. It touches 4 of 16 x 16 cells of 2 pixels, 4 of 8 x 8 cells and two of 4 x 4.
    assert.deepEqual(
      chances(all.map(({ picture }) => picture)).map((chance, at) => chance * [256, 64, 16][at]!),
      [4, 4, 2],
    );
  });
});

describe('networks of toy-lungs', () => {
  const count = (form: 'none' | 'isolated' | 'shared', channels: number, bodyWidth = 1): number =>
    parameterCount(lungNetwork('', { form, channels, bodyWidth }));

  it('parameters by hand', () => {
    // Stages 1 -> 2 -> 4 -> 8 channels and a layer to 2 classes; heads of 8 hidden units.
    const plain = 2 * 9 + 2 + (4 * 2 * 9 + 4) + (8 * 4 * 9 + 8) + (2 * 8 + 2);
    assert.equal(count('none', 2), plain);
    const heads = [2, 4, 8].map((channels) => 8 * channels * 9 + 8 + 8 + 1);
    assert.equal(count('isolated', 2), plain + heads[0]! + heads[1]! + heads[2]!);
    // Levels of 1, 2, 4 and 8 channels down, 4, 2 and 1 up, two convolutions each; a map; 8 x 9 more weights in each head.
    const pairs = [
      1 * 1 + 1 * 1,
      2 * 1 + 2 * 2,
      4 * 2 + 4 * 4,
      8 * 4 + 8 * 8,
      4 * 12 + 4 * 4,
      2 * 6 + 2 * 2,
      1 * 3 + 1,
    ];
    const biases = 2 * (1 + 2 + 4 + 8 + 4 + 2 + 1);
    const body = 9 * pairs.reduce((a, b) => a + b, 0) + biases + 2;
    assert.equal(count('shared', 2), count('isolated', 2) + body + 3 * 8 * 9);
  });

  it('the other networks get channels until their parameters are those of the shared one', () => {
    const wanted = count('shared', 6, 2);
    for (const form of ['none', 'isolated'] as const) {
      const off = (channels: number) => Math.abs(count(form, channels, 2) - wanted);
      const found = channelsFor(form, 6, 2);
      assert.ok(off(found) <= off(found - 1) && off(found) <= off(found + 1));
      assert.ok(off(found) / wanted < 0.1, `${form}: ${off(found)} off ${wanted}`);
    }
  });

  it('gates start at 0.95 everywhere', () => {
    const initial = initialOf(lungNetwork('', { form: 'shared', channels: 2, bodyWidth: 1 }), 1);
    near(1 / (1 + Math.exp(-initial['heads.2.map.bias']![0]!)), 0.95);
    assert.ok(initial['heads.2.map.weight']!.every((weight) => weight === 0));
  });
});
