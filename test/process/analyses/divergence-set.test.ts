/** `headscope run divergence-set` beside `headscope captions`: the same pictures, captions and scores. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import type { AnalysisProgress } from '../../../protocol/analysis/analysis';
import type { HallucinationSet } from '../../../protocol/results/hallucination-schema';
import { tinyLlava, tinyPixels, writePng, writeProcessor } from '../../support/checkpoints/tiny-vision';
import { writeTinyModel } from '../../support/checkpoints/tiny-models';
import { buildServer, Place } from '../model/support/model-server';

const demo = resolve('examples/models/demo-vlm');
const scenes = resolve('examples/pictures/scenes');
const truth = resolve('examples/pictures/scenes/truth.json');
const lexicon = resolve('examples/pictures/scenes/lexicon.txt');
const prompt = ['--prompt', 'USER: <image>\nDescribe the image. ASSISTANT:'];
const params = (values: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(values).flatMap(([name, value]) => ['--param', `${name}=${value}`]);

describe('captions of a set of pictures as an analysis, by the real process', function () {
  this.timeout(90_000);
  let place: Place;
  before(buildServer);
  beforeEach(() => (place = new Place()));
  afterEach(() => place.remove());

  const json = async <T>(words: readonly string[]): Promise<T> => {
    const { code, stdout, stderr } = await place.headscope([...words, '--seed', '5', '--json', '-']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  };

  it('gives the captions and scores of headscope captions, of the pictures that the seed draws', async () => {
    const given = ['--images', scenes, ...prompt];
    const tokens = '12';
    const controls = ['--alpha', '4', '--vhr-control', 'random,norm-matched', '--max-new-tokens', tokens];
    const set = await json<HallucinationSet>([
      'captions',
      demo,
      ...given,
      ...['--truth', truth, '--lexicon', lexicon, '--count', '3', ...controls],
    ]);
    const run = await json<AnalysisResult>([
      'run',
      'divergence-set',
      demo,
      ...given,
      ...['--samples', '3', ...params({ truth, lexicon, tokens, captions: 'controls', alpha: 4 })],
    ]);
    assert.equal(set.entries.length, 3);
    for (const name of ['entries', 'failures', 'plain', 'variants', 'separation', 'truthLabels', 'total'] as const) {
      assert.deepEqual(run.result[name], set[name], name);
    }
    assert.deepEqual(run.result['sample'], set.sample);
    const rates = run.sections.find(({ id }) => id === 'rates');
    assert.ok(rates?.kind === 'table');
    assert.deepEqual(
      rates.rows.map(([name, , chairS]) => [name, chairS]),
      [
        ['plain', set.plain.chairS],
        ...['heads x 4', 'random heads x 4', 'norm-matched x 4'].map((name, at) => [
          name,
          set.variants[at]?.score.chairS,
        ]),
      ],
    );
    assert.match(run.finding, /^3 pictures: \d+\.\d % of the plain captions/);
    const scores = run.sections.find(({ id }) => id === 'caption-scores');
    assert.ok(scores?.kind === 'table');
    assert.deepEqual(
      scores.rows.map(([picture, , words]) => [picture, words]),
      set.entries.flatMap(({ name, plain, variants }) =>
        [plain, ...variants].map(({ score }) => [name, score?.length]),
      ),
    );
    const other = await json<AnalysisResult>([
      ...['run', 'divergence-set', demo, ...given, '--samples', '1'],
      ...params({ truth, lexicon, tokens: '2', outliers: 'release', reinforcedOutliers: 'off' }),
    ]);
    const [variant] = other.result['variants'] as HallucinationSet['variants'];
    assert.deepEqual([other.result['outliers'], variant?.reinforcement.outliers], ['release', 'off']);
  });

  it('names a picture that cannot be read and goes on; cancelled, it goes on behind the last picture', async () => {
    const vlm = tinyLlava();
    const llava = place.at('llava');
    writeTinyModel(llava, vlm);
    writeProcessor(llava, vlm);
    const folder = place.at('pictures');
    mkdirSync(folder);
    // Progress is said twice a second: more pictures than are captioned until the second one is heard of.
    const names = Array.from('abcdefghijklmnopqrst', (letter) => `${letter}.png`);
    names.forEach((name, at) => writePng(place.at('pictures', name), tinyPixels(20 + at, 14)));
    writeFileSync(place.at('pictures', 'b.png'), 'no picture');
    const own = place.at('truth.json');
    writeFileSync(own, JSON.stringify(Object.fromEntries(names.map((name) => [name, ['dog']]))));
    const ids = [1, 5, 9, vlm.imageToken, 11, 17, 23];
    const keepIn = place.at('kept');
    const request = {
      analysis: 'divergence-set',
      folder: llava,
      input: { kind: 'image-set', folder, prompt: { kind: 'ids', ids }, samples: 100 },
      // Long enough that each picture is a step worth keeping.
      parameters: { truth: own, tokens: 60, captions: 'plain' },
      interventions: [],
      seed: 0,
      keepIn,
    } as const;
    const whole = await place.client().call('analysis', [request]);
    const { entries, failures } = whole.result as unknown as HallucinationSet;
    assert.deepEqual(
      entries.map(({ name }) => name),
      names.filter((name) => name !== 'b.png'),
    );
    assert.deepEqual(
      failures.map(({ name, why }) => [name, /neither a PNG/.test(why)]),
      [['b.png', true]],
    );
    const controller = new AbortController();
    const client = place.client();
    const cancelled = client.call('analysis', [request], {
      signal: controller.signal,
      onProgress(progress) {
        if (progress.kind === 'stage' && progress.kept > 0) controller.abort();
      },
    });
    const { stopped, result: soFar } = await cancelled;
    assert.equal(stopped, true);
    const before = (soFar as unknown as HallucinationSet).entries;
    assert.ok(before.length > 0 && before.length < entries.length, 'what was captioned by then');
    assert.deepEqual(before, entries.slice(0, before.length));
    const kept = join(keepIn, 'headscope-steps');
    const [left = ''] = readdirSync(kept).filter((name) => name !== 'CACHEDIR.TAG');
    assert.ok(readdirSync(join(kept, left)).length > 0);
    const heard: AnalysisProgress[] = [];
    const resumed = await client.call('analysis', [request], { onProgress: (progress) => heard.push(progress) });
    assert.deepEqual(resumed.result, whole.result);
    assert.ok(heard.some((progress) => progress.kind === 'stage' && progress.kept > 0));
    assert.ok(heard.some(({ kind }) => kind === 'partial'));
  });

  it('says what is missing or wrong before a picture is read', async () => {
    const refused = async (more: readonly string[], sentence: RegExp) => {
      const words = ['run', 'divergence-set', demo, '--images', scenes, ...prompt, ...more];
      const { code, stderr } = await place.headscope(words);
      assert.notEqual(code, 0);
      assert.match(stderr, sentence);
    };
    await refused([], /No truth is given/);
    await refused(params({ truth: place.at('none.json') }), /cannot be read/);
    const wrong = place.at('wrong.json');
    writeFileSync(wrong, '{"scene-000.png": [1]}');
    await refused(params({ truth: wrong }), /wrong\.json: .*Write \{"image\.png"/);
    writeFileSync(wrong, '{');
    await refused(params({ truth: wrong }), /wrong\.json: it is not valid JSON/);
    writeFileSync(wrong, '{"other.png": ["dog"]}');
    await refused(params({ truth: wrong }), /No image of .* is named in/);
  });
});
