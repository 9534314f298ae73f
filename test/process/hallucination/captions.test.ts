/** `headscope captions` on the demo model: what stops a whole set, what stops one picture, and what is left of a stopped run. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HallucinationSet } from '../../../protocol/results/hallucination';
import type { Outcome } from '../compute/support/run-cli';
import { buildServer, Place } from '../model/support/model-server';

const examples = join(__dirname, '..', '..', '..', 'examples');
const scenes = join(examples, 'scenes');
const demo = join(examples, 'models', 'demo-vlm');
const prompt = 'USER: <image>\nDescribe the image. ASSISTANT:';

describe('headscope captions on the held-out scenes', () => {
  let place: Place;
  before(async function () {
    this.timeout(60_000);
    await buildServer();
  });
  beforeEach(() => (place = new Place()));
  afterEach(() => place.remove());

  const words = (model: string, text: string, ...more: readonly string[]): string[] => [
    'captions',
    model,
    '--images',
    scenes,
    '--truth',
    join(scenes, 'truth.json'),
    '--lexicon',
    join(scenes, 'lexicon.txt'),
    '--prompt',
    text,
    ...more,
  ];
  const refused = ({ code, stdout, stderr }: Outcome, sentence: RegExp): void => {
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, sentence);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  };

  it('says once what is wrong with every picture alike', async function () {
    this.timeout(60_000);
    refused(await place.headscope(words(demo, 'Describe.')), /The prompt has no image token\. Write <image> where/);
    // The panel asks before a run.
    const client = place.client();
    const placed = (text: string) => client.call('promptForPictures', [demo, { kind: 'text', text }]);
    await assert.rejects(placed('Describe.'), /no image token\. Write <image> where/);
    const { ids, tokens } = await placed(prompt);
    assert.ok(
      ids.length === tokens.length && tokens.filter((token) => token === '<image>').length > 1,
      tokens.join('|'),
    );
    refused(await place.headscope(words(demo, 'a <image> b <image> c')), /The prompt has 2 image tokens/);
    refused(await place.headscope(words(demo, '<image>')), /image.*Write a question/);
    refused(
      await place.headscope(words(demo, 'Look: <image>')),
      /ends with the image.*Write a question behind the image/,
    );
    refused(
      await place.headscope(words(join(examples, 'models', 'demo-lm'), prompt)),
      /no vision encoder, so it cannot caption pictures\. Choose a vision-language model/,
    );
  });

  it('fails when no picture of the set can be read, and says of each why', async function () {
    this.timeout(60_000);
    writeFileSync(place.at('a.png'), 'no picture');
    writeFileSync(place.at('b.png'), '');
    const truth = place.at('truth.json');
    writeFileSync(truth, '{"a.png": ["dog"], "b.png": ["dog"]}');
    const given = ['captions', demo, '--images', place.folder, '--truth', truth, '--prompt', prompt];
    const { code, stderr } = await place.headscope(given);
    assert.equal(code, 3);
    assert.match(stderr, /^a\.png: .*no PNG.*\nb\.png: .*no PNG.*\nNo image was captioned\./);
  });

  it('marks captions that the token limit cut, and counts them beside the scores', async function () {
    this.timeout(60_000);
    const limited = (limit: string, ...more: readonly string[]) =>
      place.headscope(words(demo, prompt, '--limit', '2', '--alpha', '2', '--max-new-tokens', limit, ...more));
    const set = async (limit: string) => {
      const { code, stdout, stderr } = await limited(limit, '--json', '-');
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout) as HallucinationSet;
    };
    const cut = await set('5');
    assert.deepEqual([cut.plain.unfinished, cut.variants[0]?.score.unfinished], [2, 2]);
    for (const { plain, variants } of cut.entries) {
      assert.deepEqual(
        [plain, ...variants].map(({ stoppedAt }) => stoppedAt),
        [5, 5],
      );
    }
    const whole = await set('64');
    assert.deepEqual([whole.plain.unfinished, whole.variants[0]?.score.unfinished], [0, 0]);
    assert.ok(whole.entries.every(({ plain }) => !('stoppedAt' in plain)));
    assert.match((await limited('5')).stdout, /\n4 of 4 captions stopped at the token limit, unfinished/);
    assert.doesNotMatch((await limited('64')).stdout, /unfinished/);
    const one = ['vhd', demo, '--image', join(scenes, 'scene-000.png'), '--prompt', prompt, '--steps', '4'];
    assert.match((await place.headscope(one)).stdout, /Stopped at 4 tokens/);
  });

  it('stopped by Ctrl+C, writes what it has and ends with 130', async function () {
    this.timeout(120_000);
    const file = place.at('stopped.json');
    const kept = join(place.cache, 'unfinished');
    let look: NodeJS.Timeout | undefined;
    const { code, stderr } = await place.headscope(words(demo, prompt, '--json', file), (interrupt) => {
      look = setInterval(() => {
        if (!existsSync(kept) || readdirSync(kept).length === 0) return;
        clearInterval(look);
        interrupt();
      }, 20);
    });
    clearInterval(look);
    assert.equal(code, 130, stderr);
    assert.match(stderr, /Stopped after \d+ of 320 images; the same command goes on from there/);
    const result = JSON.parse(readFileSync(file, 'utf8')) as HallucinationSet;
    assert.equal(result.state, 'cancelled');
    assert.ok(result.entries.length > 0 && result.entries.length < 320);
  });
});
