/** `headscope captions` on the demo model: what stops a whole set, what stops one picture, and what is left of a stopped run. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { sampled } from '../../../compute-server/model/prompt/picture-sample';
import type { Caption, HallucinationSet } from '../../../protocol/results/hallucination-schema';
import { shortDemoLm } from '../../support/demo-models';
import type { Outcome } from '../compute/support/run-cli';
import { buildServer, Place } from '../model/support/model-server';

const examples = join(__dirname, '..', '..', '..', 'examples');
const scenes = join(examples, 'pictures', 'scenes');
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
    const silent = place.at('without-template');
    cpSync(demo, silent, { recursive: true });
    rmSync(join(silent, 'tokenizer_config.json'));
    refused(
      await place.headscope(words(silent, 'Describe.')),
      /no image token, and.*no chat template.*Write <image> where/,
    );
    // The panel asks before a run.
    const client = place.client();
    const placed = (folder: string, text: string) => client.call('promptForPictures', [folder, { kind: 'text', text }]);
    await assert.rejects(placed(silent, 'Describe.'), /no image token, and.*no chat template.*Write <image> where/);
    const { ids, tokens } = await placed(demo, prompt);
    assert.ok(
      ids.length === tokens.length && tokens.filter((token) => token === '<image>').length > 1,
      tokens.join('|'),
    );
    refused(await place.headscope(words(demo, 'a <image> b <image> c')), /The prompt has 2 image tokens/);
    refused(await place.headscope(words(demo, '<image>')), /image.*Write a question/);
    refused(
      await place.headscope(words(demo, 'Look: <image>')),
      /ends with the image.*Write a question after the image/,
    );
    refused(
      await place.headscope(words(shortDemoLm, prompt)),
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
    assert.match(stderr, /^a\.png: .*neither a PNG.*\nb\.png: .*neither a PNG.*\nNo image was captioned\./);
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

  it('takes 20 pictures unless another number is asked for, drawn by the seed, and says so before the run', async function () {
    this.timeout(120_000);
    const run = async (...more: readonly string[]): Promise<{ set: HallucinationSet; stderr: string }> => {
      const { code, stdout, stderr } = await place.headscope(
        words(demo, prompt, '--max-new-tokens', '1', '--json', '-', ...more),
      );
      assert.equal(code, 0, stderr);
      return { set: JSON.parse(stdout) as HallucinationSet, stderr };
    };
    const usual = await run();
    assert.match(
      usual.stderr,
      /^20 of 320 pictures, drawn by seed 0 \(--count all takes all\): at most about \d+ s\.\n$/,
    );
    assert.deepEqual(usual.set.sample, { count: 20, seed: 0, of: 320 });
    const names = ({ entries }: HallucinationSet): string[] => entries.map(({ name }) => name);
    const scenesInOrder = readdirSync(scenes)
      .filter((name) => name.endsWith('.png'))
      .sort()
      .map((name) => ({ path: join(scenes, name) }));
    const drawn = (count: number, seed: number): string[] =>
      sampled(scenesInOrder, { count, seed }).map(({ path }) => basename(path));
    assert.deepEqual(names(usual.set), drawn(20, 0));
    const other = await run('--count', '3', '--seed', '7');
    assert.deepEqual([names(other.set), other.set.seed], [drawn(3, 7), 7]);
    const first = await run('--limit', '2');
    assert.deepEqual([names(first.set), first.set.sample], [['scene-000.png', 'scene-001.png'], undefined]);
  });

  it('a count that is none, or beside a limit, is refused', async function () {
    this.timeout(60_000);
    for (const [more, sentence] of [
      [['--limit', '2', '--count', '2'], /--limit <n>' cannot be used with option '--count <n>'/],
      [['--count', 'none'], /It takes a whole number from 1, or all\./],
    ] as const) {
      const { code, stderr } = await place.headscope(words(demo, prompt, ...more));
      assert.equal(code, 2);
      assert.match(stderr, sentence);
    }
  });

  it('takes interventions that mean the same in every picture, and says which held', async function () {
    this.timeout(90_000);
    const few = ['--limit', '1', '--max-new-tokens', '6', '--json', '-'];
    const set = async (...more: readonly string[]): Promise<HallucinationSet> => {
      const { code, stdout, stderr } = await place.headscope(words(demo, prompt, ...few, ...more));
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout) as HallucinationSet;
    };
    const tVhd = ({ entries: [entry] }: HallucinationSet) => entry?.plain.tokens.map((token) => token.tVhd) ?? [];
    // Heads that are off put out nothing, with the picture and without it.
    const off = await set('--do', 'gain:*.*=0');
    assert.ok(tVhd(off).length > 0 && tVhd(off).every((value) => value === 0), tVhd(off).join());
    const held = off.settings['interventions'];
    assert.ok(Array.isArray(held) && held.length === off.model.layers * off.model.heads);
    // Under a plan that keeps little, most of the picture is gone when the caption is written.
    const planned = await set('--do', 'plan:*.*=1+2');
    assert.notDeepEqual(tVhd(planned), tVhd(await set()));
    const { code, stderr } = await place.headscope(words(demo, prompt, ...few, '--bias', '1.2:1-2=3'));
    assert.equal(code, 2);
    assert.match(stderr, /acts on positions of this one\. Leave it out\.$/m);
  });

  it('stopped by Ctrl+C, writes what it has and ends with 130; the same command goes on with the same sample', async function () {
    this.timeout(120_000);
    const file = place.at('stopped.json');
    const given = words(demo, prompt, '--count', '5', '--alpha', '2', '--json', file);
    const set = (): HallucinationSet => JSON.parse(readFileSync(file, 'utf8')) as HallucinationSet;
    let look: NodeJS.Timeout | undefined;
    const { code, stderr } = await place.headscope(given, (interrupt) => {
      look = setInterval(() => {
        if (place.unfinished().length === 0) return;
        clearInterval(look);
        interrupt();
      }, 20);
    });
    clearInterval(look);
    assert.equal(code, 130, stderr);
    assert.match(stderr, /Stopped after \d of 5 images; run the same command again to continue/);
    const stopped = set();
    assert.equal(stopped.state, 'cancelled');
    assert.ok(stopped.entries.length > 0 && stopped.entries.length < 5);
    const again = await place.headscope(given);
    assert.equal(again.code, 0, again.stderr);
    const whole = set();
    assert.deepEqual([whole.state, whole.entries.length, whole.sample], ['done', 5, stopped.sample]);
    assert.deepEqual(whole.entries.slice(0, stopped.entries.length), stopped.entries);
    assert.match(again.stdout, /\nChange by reinforcement in percentage points.*\n.*\n +2 +selected +[+−]?\d+\.\d \(/);
    // The change is that of the captions, counted here from the entries.
    const wrong = ({ mentions }: Caption): boolean => mentions.some(({ inTruth }) => inTruth === false);
    const change = whole.variants[0]?.change;
    const count = (of: (plain: boolean, reinforced: boolean) => boolean): number =>
      whole.entries.filter(({ plain, variants: [other] }) => other && of(wrong(plain), wrong(other))).length;
    assert.deepEqual(
      [change?.pictures, change?.onlyPlain, change?.onlyReinforced],
      [5, count((a, b) => a && !b), count((a, b) => !a && b)],
    );
  });
});
