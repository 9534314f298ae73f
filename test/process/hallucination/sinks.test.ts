/** Image tokens that are attention sinks, end to end: from a picture through the encoder and the layers to what is printed. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { HallucinationResult } from '../../../protocol/results/hallucination-schema';
import { plantedSinks, wideLlava, widePaligemma, writePlantedSinks } from '../../support/checkpoints/planted-sinks';
import type { TinyVlm } from '../../support/checkpoints/tiny-vision';
import { buildServer, Place } from '../model/support/model-server';

const examples = join(__dirname, '..', '..', '..', 'examples');
const { dimension, patch, bos } = plantedSinks;

describe('attention sinks of a run on a picture', () => {
  let place: Place;
  before(async function () {
    this.timeout(60_000);
    await buildServer();
  });
  beforeEach(() => (place = new Place()));
  afterEach(() => place.remove());

  const vhd = async (model: string, image: string, ids: readonly number[], ...more: string[]) => {
    const words = ['vhd', model, '--image', image, '--ids', ids.join(','), '--steps', '2', ...more];
    const outcome = await place.headscope(words);
    assert.equal(outcome.code, 0, outcome.stderr);
    return outcome.stdout;
  };
  const sinksOf = async (model: string, image: string, ids: readonly number[]) => {
    const { sinks } = JSON.parse(await vhd(model, image, ids, '--json', '-')) as HallucinationResult;
    assert.ok(sinks);
    return sinks;
  };
  const behind = [9, 22, 41];
  const cases: readonly (readonly [string, () => TinyVlm, (image: number) => number[]])[] = [
    ['LLaVA, BOS first', wideLlava, (image) => [bos, 7, image, ...behind]],
    ['LLaVA, the image before BOS', wideLlava, (image) => [image, bos, ...behind]],
    ['PaliGemma, whose image stands before BOS', widePaligemma, (image) => [image, bos, ...behind]],
  ];

  for (const [name, make, prompt] of cases) {
    it(`${name}: the planted patch is marked, and no other`, async () => {
      const tiny = make();
      const folder = place.at('model');
      const image = writePlantedSinks(folder, tiny, true);
      const sinks = await sinksOf(folder, image, prompt(tiny.imageToken));
      assert.deepEqual(sinks.dimensions, [dimension]);
      assert.deepEqual(
        sinks.tokens.map(({ token, layers }) => [token, layers]),
        [[patch, [2, 3]]],
      );
      const [{ phi } = { phi: NaN }] = sinks.tokens;
      assert.ok(phi > 20 && phi <= Math.sqrt(512), String(phi));
      assert.equal('notApplicable' in sinks, false);
      const told = await vhd(folder, image, prompt(tiny.imageToken));
      assert.match(told, new RegExp(`Attention sinks among the image tokens.*: ${patch}\\.`));
    });

    it(`${name}: none is marked where the text alone has a sink`, async () => {
      const tiny = make();
      const folder = place.at('model');
      const image = writePlantedSinks(folder, tiny, false);
      const sinks = await sinksOf(folder, image, prompt(tiny.imageToken));
      assert.deepEqual([sinks.dimensions, sinks.tokens], [[dimension], []]);
      assert.match(await vhd(folder, image, prompt(tiny.imageToken)), /No image token is an attention sink/);
    });
  }

  it('a model too narrow for the rule says so, and marks none', async () => {
    const demo = join(examples, 'models', 'demo-vlm');
    const words = ['vhd', demo, '--image', join(examples, 'pictures', 'scenes', 'scene-010.png'), '--steps', '1'];
    const prompt = ['--prompt', 'USER: <image>\nDescribe the image. ASSISTANT:'];
    const { stdout } = await place.headscope([...words, ...prompt, '--json', '-']);
    const { sinks } = JSON.parse(stdout) as HallucinationResult;
    assert.match(sinks?.notApplicable ?? '', /a hidden state of 128 numbers has no activation above 11\.3 times/);
    assert.deepEqual(sinks?.tokens, []);
    assert.match((await place.headscope([...words, ...prompt])).stdout, /Attention sinks cannot be detected/);
  });
});
