import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel, type LoadedModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { sequenceOf } from '../../../compute-server/model/prompt/prompt';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { LayerTap } from '../../../models/instrument/taps';
import { endToken, tinyPair, tinyTextTower, type TinyPair } from '../../support/checkpoints/tiny-pairs';
import { writeClipTokenizer, writeUnigramTokenizer } from '../../support/checkpoints/tokenizers';
import { writeTinyModel, type TinyModel } from '../../support/checkpoints/tiny-models';
import { normalisedPicture, tinyPixels, writePng, writeProcessor } from '../../support/checkpoints/tiny-vision';
import { textEmbedding, textRun, type TextConfig } from '../../support/reference/contrastive';
import type { Parameters } from '../../support/reference/vectors';
import { visionRun } from '../../support/reference/vision';
import { runnerOf } from '../../support/model-jobs';

const tolerance = 1e-4;
const ids = [59, 5, 17, 23, 8, 41, 2, endToken];
const run = { memoryLimit: 4e9 };

describe('text towers of CLIP and SigLIP equal their float64 pass', () => {
  let folder: string;
  const opened: LoadedModel[] = [];
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'headscope-towers-'));
  });
  after(async () => {
    for (const model of opened) {
      await model.sessions.release();
      await model.vision?.sessions.release();
    }
    rmSync(folder, { recursive: true });
  });

  const open = async (tiny: Pick<TinyModel, 'name' | 'config' | 'shapes'>, name = tiny.name) => {
    const at = join(folder, name.replaceAll(/[^\w-]/g, '_'));
    const parameters = writeTinyModel(at, tiny);
    if ('processor' in tiny) writeProcessor(at, tiny as TinyPair);
    const model = await openModel(at, { device: 'cpu', threads: 1, limitBytes: 1e9 });
    opened.push(model);
    return { model, parameters };
  };
  const near = (found: ArrayLike<number | bigint> | undefined, expected: readonly number[], what: string): void => {
    assert.equal(found?.length, expected.length, `${what} has another size`);
    expected.forEach((value, i) => {
      const error = Math.abs(Number(found?.[i]) - value);
      assert.ok(error <= tolerance, `${what} differs by ${error} at ${i}`);
    });
  };
  const check = async (model: LoadedModel, parameters: Parameters, config: TextConfig): Promise<void> => {
    const { taps } = textRun(config, parameters, ids);
    const asked = [...taps.keys()].map((name) => {
      const [, layer, tap] = /^layer\.(\d+)\.(.*)$/.exec(name) ?? [];
      return { layer: Number(layer), tap: tap as LayerTap };
    });
    const result = await runPrompt(model.spec, model.sessions, { ids, chunk: 3, logits: 'none', taps: asked });
    for (const { layer, tap } of asked) {
      const name = `layer.${layer}.${tap}`;
      near(result.layers[layer]?.taps[tap]?.data, taps.get(name) ?? [], name);
    }
    assert.equal(model.summary.causal, config.model_type === 'clip_text_model');
  };

  for (const type of ['clip', 'siglip'] as const) {
    it(`${type}: every tap of the text tower alone`, async () => {
      const tiny = tinyTextTower(type);
      const { model, parameters } = await open(tiny);
      await check(model, parameters, tiny.config as unknown as TextConfig);
    });

    it(`${type}: one checkpoint reads texts and pictures, each by its own tower`, async () => {
      const pair = tinyPair(type);
      const { model, parameters } = await open(pair);
      await check(model, parameters, pair.text);
      const pixels = tinyPixels(12, 12);
      const image = writePng(join(folder, `${type}.png`), pixels);
      const sequence = await sequenceOf(model, { kind: 'image', image }, run);
      const { encoder } = model;
      assert.ok(encoder);
      const seen = await runPrompt(encoder.spec, encoder.sessions, {
        ...sequence,
        chunk: 64,
        logits: 'none',
        keepLast: true,
      });
      const { states } = visionRun(pair.tower.config, parameters, normalisedPicture(pixels, pair.processor));
      near(seen.last?.chunks[0], (states.at(-1) ?? []).flat(), 'the last rows of the picture');
      await assert.rejects(sequenceOf(model, { kind: 'ids', ids, image }, run), /a text or a picture, and not both/);
      assert.equal(encoder.summary.family, `${type}_vision`);
      assert.equal(model.summary.family, `${type}_text`);
    });

    it(`${type}: embeddings of texts, of every length up to the longest`, async () => {
      const pair = tinyPair(type);
      const { model, parameters } = await open(pair, `${type} embeddings`);
      const { joint } = runnerOf(model);
      assert.ok(joint);
      const longest = pair.text.max_position_embeddings;
      const texts = [
        ids,
        ids.slice(3),
        Array.from({ length: longest }, (_, at) => (at === longest - 1 ? endToken : at)),
      ];
      const found = await joint.texts(texts.map((each) => each.map((id) => `#${id}`).join(' ')));
      texts.forEach((each, at) => near(found[at], textEmbedding(pair.text, parameters, each), `text ${at}`));
      assert.equal(joint.width, found[0]?.length);
    });
  }

  it('clip: a config that says eos_token_id 2 takes the row of the largest id', async () => {
    const pair = tinyPair('clip', { eos_token_id: 2 });
    const { model, parameters } = await open(pair, 'clip of 2021');
    const [found] = (await runnerOf(model).joint?.texts(['#59 #2 #60 #7'])) ?? [];
    near(found, textEmbedding(pair.text, parameters, [59, 2, 60, 7]), 'the text');
  });

  it("clip: words go through CLIP's own BPE, and stand between its two special tokens", async () => {
    const pair = tinyPair('clip');
    writeTinyModel(join(folder, 'clip_words'), pair);
    writeClipTokenizer(join(folder, 'clip_words'));
    const { model, parameters } = await open(pair, 'clip words');
    const sequence = await sequenceOf(model, { kind: 'text', text: 'A  Dog a' }, run);
    assert.deepEqual(sequence.ids, [59, 5, 10, 5, 60]);
    assert.deepEqual(runnerOf(model).pieces(sequence.ids), ['<|startoftext|>', ' a', ' dog', ' a', '<|endoftext|>']);
    const [found] = (await runnerOf(model).joint?.texts(['A  Dog a'])) ?? [];
    near(found, textEmbedding(pair.text, parameters, sequence.ids), 'the text');
  });

  it('siglip: words are read in lower case without punctuation, and filled up', async () => {
    const pair = tinyPair('siglip');
    writeTinyModel(join(folder, 'siglip_words'), pair);
    writeUnigramTokenizer(join(folder, 'siglip_words'));
    const { model, parameters } = await open(pair, 'siglip words');
    const [found, plain] = (await runnerOf(model).joint?.texts([' The  CAT!', 'the cat'])) ?? [];
    near(found, textEmbedding(pair.text, parameters, [1, 2]), 'the text');
    assert.deepEqual(found, plain);
  });

  it('a text without its end is given it, and one that is too long keeps it', async () => {
    const pair = tinyPair('clip');
    const { model } = await open(pair, 'clip ends');
    const { joint } = runnerOf(model);
    const words = Array.from({ length: 40 }, (_, at) => at);
    const [bare, ended, long, cut] =
      (await joint?.texts([
        '#5 #9',
        `#5 #9 #${endToken}`,
        words.map((id) => `#${id}`).join(' '),
        [...words.slice(0, pair.text.max_position_embeddings - 1), endToken].map((id) => `#${id}`).join(' '),
      ])) ?? [];
    assert.deepEqual(bare, ended);
    assert.deepEqual(long, cut);
    await assert.rejects(async () => joint?.texts(['#61']), /Token id 61 of the text "#61" is outside the vocabulary/);
  });
});
