/** The encoder's attention, read for the tokens of a prompt, against the encoder in float64. */
import assert from 'node:assert/strict';
import { informedTokens, tokenScores, type TokenScores } from '../../../diagnostics/shared/pictures/informed-tokens';
import type { Parameters } from '../../support/reference/vectors';
import { TinyVlms } from '../../support/checkpoints/open-vlms';
import {
  normalisedPicture,
  tinyIdefics3,
  tinyLlava,
  tinyPaligemma,
  tinyPixels,
  type TinyVlm,
} from '../../support/checkpoints/tiny-vision';
import { runnerOf } from '../../support/model-jobs';

const close = (found: readonly number[], expected: readonly number[]): void => {
  assert.equal(found.length, expected.length);
  found.forEach((value, at) =>
    assert.ok(Math.abs(value - (expected[at] ?? NaN)) < 1e-5, `${value} at ${at}, not ${expected[at]}`),
  );
};

describe('informed tokens of a prompt', () => {
  let vlms: TinyVlms;
  before(() => {
    vlms = new TinyVlms();
  });
  after(() => vlms.close());

  const opened = async (tiny: TinyVlm, width: number, height: number) => {
    const { model, parameters } = await vlms.open(tiny);
    const runner = runnerOf(model);
    const image = vlms.picture(width, height);
    const prompt = await runner.prompt({ kind: 'ids', ids: [3, 17, tiny.imageToken, 9, 22, 41], image });
    return { runner, prompt, parameters, scores: await tokenScores(runner, prompt) };
  };
  /** [heads][n][n] of a layer on a picture of the encoder's own size. */
  const reference = (tiny: TinyVlm, parameters: Parameters, side: number, layer: number): number[][][] => {
    const { taps } = tiny.encode(parameters, normalisedPicture(tinyPixels(side, side), tiny.processor));
    const flat = taps.get(`layer.${layer}.attention.probabilities`) ?? [];
    const n = Math.sqrt(flat.length / 3);
    return [0, 1, 2].map((h) => Array.from({ length: n }, (_, i) => flat.slice((h * n + i) * n, (h * n + i + 1) * n)));
  };
  const ofClass = (maps: number[][][]): number[] =>
    (maps[0]?.[0] ?? []).slice(1).map((_, j) => maps.reduce((sum, map) => sum + (map[0]?.[j + 1] ?? NaN), 0));
  const received = (maps: number[][][], leading: number): number[] =>
    (maps[0]?.[0] ?? [])
      .slice(leading)
      .map(
        (_, j) =>
          maps.reduce((sum, map) => sum + map.slice(leading).reduce((a, row) => a + (row[j + leading] ?? NaN), 0), 0) /
          3,
      );

  it('LLaVA: the class row of the first and the second last layer; spatial scores leave the class row out', async () => {
    const tiny = tinyLlava();
    const { prompt, parameters, scores } = await opened(tiny, 12, 12);
    // Layers of the encoder: 0, 1 and 2.
    const [first, second] = [0, 1].map((layer) => reference(tiny, parameters, 12, layer));
    close(scores.scores.local, ofClass(first ?? []));
    close(scores.scores.summary, ofClass(second ?? []));
    close(scores.scores.spatial, received(first ?? [], 1));
    assert.deepEqual([scores.rows, scores.columns, scores.notes], [3, 3, []]);
    assert.deepEqual(scores.at, prompt.groups?.find(({ name }) => name === 'image')?.positions);
  });

  it('an encoder without a class row: attention received, and a note that says so', async () => {
    const tiny = tinyPaligemma(1);
    const { parameters, scores } = await opened(tiny, 12, 12);
    const [first, second] = [0, 1].map((layer) => received(reference(tiny, parameters, 12, layer), 0));
    close(scores.scores.local, first ?? []);
    close(scores.scores.spatial, first ?? []);
    close(scores.scores.summary, second ?? []);
    assert.match(scores.notes.join(' '), /no class row/);
  });

  /** A patch stands alone in no tile but the first. */
  const inWhole = ({ at }: TokenScores, prompt: { readonly image?: { readonly tokens: number } }): void => {
    assert.ok(at.length < (prompt.image?.tokens ?? 0));
    assert.ok(at.every((row) => row >= 0));
  };

  it('tiled pictures: the tile that shows the whole picture, first in LLaVA-NeXT', async () => {
    const tiny = tinyLlava({ next: true });
    const { scores, prompt } = await opened(tiny, 24, 12);
    inWhole(scores, prompt);
    const rows = prompt.groups?.find(({ name }) => name === 'image')?.positions ?? [];
    assert.deepEqual(scores.at, rows.slice(0, 9));
    assert.match(scores.notes.join(' '), /cut into tiles.* 21 tokens/);
  });

  it('and last in Idefics3, whose tokens are four patches each', async () => {
    const tiny = tinyIdefics3();
    const { scores, prompt, runner } = await opened(tiny, 32, 16);
    inWhole(scores, prompt);
    const rows = prompt.groups?.find(({ name }) => name === 'image')?.positions ?? [];
    assert.deepEqual(scores.at, rows.slice(-4));
    assert.match(scores.notes.join(' '), /several patches/);
    // Rows of attention sum to 1: what 16 patches receive from 16 patches is 16.
    close([scores.scores.spatial.reduce((sum, one) => sum + one, 0)], [16]);
    const encoder = runner.encoder();
    assert.ok(encoder);
    const whole = await encoder.prompt({ kind: 'image', image: vlms.picture(32, 16), tile: 2 });
    const heads = [0, 1, 2].map((head) => ({ layer: 0, head }));
    const { layers } = await encoder.run({ ...whole, maps: heads, logits: 'none' });
    const patches = received(
      heads.map(({ head }) => {
        const map = [...(layers[0]?.maps.get(head) ?? [])];
        return Array.from({ length: 16 }, (_, i) => map.slice(16 * i, 16 * (i + 1)));
      }),
      0,
    );
    const cell = (r: number, c: number): number =>
      [0, 1, 4, 5].reduce((sum, at) => sum + (patches[8 * r + 2 * c + at] ?? NaN), 0);
    close(scores.scores.local, [cell(0, 0), cell(0, 1), cell(1, 0), cell(1, 1)]);
  });

  it('rows of the prompt carry the numbers of their tokens', async () => {
    const { scores } = await opened(tinyLlava(), 12, 12);
    const local = [0, 0, 0, 0, 9, 0, 0, 5, 0];
    const { local: rows } = informedTokens(
      { ...scores, scores: { ...scores.scores, local } },
      { local: 0.25, spatial: 0 },
    );
    // The picture begins at row 2.
    assert.deepEqual(rows, [6, 9]);
  });

  it('refuses a prompt without a picture', async () => {
    const { model } = await vlms.open(tinyLlava());
    const runner = runnerOf(model);
    const prompt = await runner.prompt({ kind: 'ids', ids: [3, 17, 9] });
    await assert.rejects(tokenScores(runner, prompt), /no picture/);
    assert.equal(runner.encoder()?.encoder(), undefined);
  });
});
