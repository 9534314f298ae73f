/** `headscope pope MODEL`: the demo model answers, and its figures are those of its answers. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { popeQuestions, popeScores } from '../../../diagnostics/shared/captions/pope';
import type { PopeResult } from '../../../protocol/results/pope';
import { shortDemoLm } from '../../support/demo-models';
import type { Outcome } from '../compute/support/run-cli';
import { buildServer, Place } from '../model/support/model-server';

const examples = join(__dirname, '..', '..', '..', 'examples');
const scenes = join(examples, 'pictures', 'scenes');
const demo = join(examples, 'models', 'demo-vlm');

describe('headscope pope MODEL', () => {
  let place: Place;
  before(async function () {
    this.timeout(60_000);
    await buildServer();
  });
  beforeEach(() => (place = new Place()));
  afterEach(() => place.remove());

  const words = (...more: readonly string[]): string[] => [
    'pope',
    demo,
    '--images',
    scenes,
    '--truth',
    join(scenes, 'truth.json'),
    ...more,
  ];
  const json = ({ code, stdout, stderr }: Outcome): PopeResult => {
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as PopeResult;
  };
  const refused = ({ code, stdout, stderr }: Outcome, sentence: RegExp): void => {
    assert.equal(code, 2, stderr);
    assert.equal(stdout, '');
    assert.match(stderr, sentence);
  };

  it('asks the questions of each split, and scores what it was answered', async function () {
    this.timeout(120_000);
    const result = json(await place.headscope(words('--count', '4', '--alpha', '2', '--json', '-')));
    assert.deepEqual([result.kind, result.state, result.pictures], ['headscope-pope', 'done', 4]);
    assert.equal(result.sample?.count, 4);
    assert.ok(result.parity?.ok);
    assert.deepEqual(result.chatPrompt, { text: 'USER: <image>\n{question} ASSISTANT:', why: 'no-image-token' });
    assert.equal(typeof result.headscope, 'string');
    const truth = JSON.parse(readFileSync(join(scenes, 'truth.json'), 'utf8')) as Record<string, string[]>;
    const all = Object.entries(truth).map(([image, objects]) => ({ image, objects }));
    assert.deepEqual(
      result.splits.map(({ split }) => split),
      ['random', 'popular', 'adversarial'],
    );
    const asked = new Set(result.answers.map(({ image }) => image));
    assert.equal(asked.size, 4);
    for (const { split, plain } of result.splits) {
      const answers = result.answers.filter(({ splits }) => splits.includes(split));
      const expected = popeQuestions(all, split, { images: Infinity, seed: 0, asked });
      const key = (one: { image: string; question: string; label: string }) =>
        `${one.image} ${one.question} ${one.label}`;
      assert.deepEqual(answers.map(key).sort(), expected.map(key).sort());
      // The published scorer, on the answers alone.
      const scores = popeScores(answers.map(({ plain: { answer }, label }) => ({ answer, label })));
      assert.deepEqual(
        [plain.questions, plain.accuracy?.value, plain.recall?.value, plain.yesRatio?.value],
        [24, scores.accuracy, scores.recall, scores.yesRatio],
      );
      assert.ok(Math.abs((plain.f1?.value ?? 0) - scores.f1) < 1e-12);
      // Its card: 97 % of the questions right.
      assert.ok(scores.accuracy > 0.8, `${scores.accuracy}`);
    }
    for (const { plain, reinforced } of result.answers) {
      assert.match(plain.answer, /^ ?(yes|no)/i);
      assert.ok(plain.clear && reinforced);
      const { yes = 0, no = 0 } = plain.probability ?? {};
      assert.equal(plain.readAs, yes > no ? 'yes' : 'no', 'greedy takes the larger of the two');
    }
  });

  it('stopped by Ctrl+C, goes on from there and gives what an unbroken run gives', async function () {
    this.timeout(120_000);
    const given = words('--count', '6', '--split', 'adversarial', '--json', '-');
    const unbroken = json(await place.headscope(given));
    let look: NodeJS.Timeout | undefined;
    const stopped = await place.headscope(given, (interrupt) => {
      look = setInterval(() => {
        if (place.unfinished().length === 0) return;
        clearInterval(look);
        interrupt();
      }, 5);
    });
    clearInterval(look);
    assert.equal(stopped.code, 130, stopped.stderr);
    assert.match(stopped.stderr, /Stopped after \d of 6 pictures; run the same command again to continue/);
    assert.equal((JSON.parse(stopped.stdout) as PopeResult).state, 'cancelled');
    const whole = json(await place.headscope(given));
    assert.deepEqual([whole.answers, whole.splits], [unbroken.answers, unbroken.splits]);
    assert.deepEqual(place.unfinished(), [], 'nothing is left of a run that is done');
  });

  it('takes interventions that mean the same for every question', async function () {
    this.timeout(60_000);
    const few = ['--count', '1', '--split', 'random', '--json', '-'];
    const result = json(await place.headscope(words(...few, '--do', 'gain:*.*=0')));
    // Without its heads the model sees no picture: it answers every question alike.
    assert.equal(new Set(result.answers.map(({ plain: { readAs } }) => readAs)).size, 1);
    const held = result.settings['interventions'];
    assert.ok(Array.isArray(held) && held.length === result.model.layers * result.model.heads);
    const placed = await place.headscope(words(...few, '--bias', '1.2:1-2=3'));
    assert.equal(placed.code, 2);
    assert.match(placed.stderr, /acts on positions of this one\. Leave it out\.$/m);
  });

  it('prints a line a split with intervals', async function () {
    this.timeout(60_000);
    const { stdout, stderr, code } = await place.headscope(
      words('--count', '2', '--split', 'random,popular', '--read-by', 'logits'),
    );
    assert.equal(code, 0, stderr);
    assert.match(stderr, /\n2 of 306 pictures, drawn by seed 0 .*about \d+ s\.\n$/);
    assert.match(stdout, /\nrandom +1 +12 +\d+\.\d \(\d+\.\d to \d+\.\d\) .*\npopular +1 +12 /);
  });

  it('what cannot be asked is refused with a next step', async function () {
    this.timeout(60_000);
    refused(await place.headscope(['pope', demo]), /Give their folder with --images and what they hold with --truth/);
    refused(
      await place.headscope(words('--prompt', '<image> Is it?')),
      /no place for the question\. Write \{question\}/,
    );
    refused(
      await place.headscope(words('--questions', 'x.json')),
      /Give --answers or --questions, or a model that answers/,
    );
    refused(await place.headscope(words('--vhr-layers', '1')), /--vhr-layers belongs to --alpha/);
    refused(
      await place.headscope(['pope', '--questions', join(scenes, 'truth.json'), '--images', '5']),
      /--images and --truth are for a model that answers.*--count/,
    );
    const few = place.at('few.json');
    writeFileSync(few, '{"scene-000.png": ["dog", "dog"]}');
    refused(await place.headscope(['pope', demo, '--images', scenes, '--truth', few]), /No picture has three objects/);
    refused(await place.headscope(['pope', shortDemoLm, '--images', scenes, '--truth', few]), /reads text/);
  });
});
