import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { unclassified } from '../../../protocol/results/comparability';
import { vhdOfAnalysis } from '../../../protocol/compute/vhd-of-analysis';
import { planted, plantedPrompt, writePlantedSpanHeads } from '../../support/checkpoints/planted-span-heads';
import { tinyLlava, tinyPixels, writePng, writeProcessor } from '../../support/checkpoints/tiny-vision';
import { writeTinyModel } from '../../support/checkpoints/tiny-models';
import type { Outcome } from '../compute/support/run-cli';
import { divergenceOf, vhdOn } from '../../support/vhd-call';
import { buildServer, Place } from '../model/support/model-server';

const vlm = tinyLlava();
/** Three tokens of text, the image, three tokens of text. */
const ids = [1, 5, 9, vlm.imageToken, 11, 17, 23];

describe('divergence and reinforcement by the real process', () => {
  let place: Place;
  let [llava, text, picture] = ['', '', ''];
  before(async function () {
    this.timeout(60_000);
    await buildServer();
    place = new Place();
    llava = place.at('llava');
    writeTinyModel(llava, vlm);
    writeProcessor(llava, vlm);
    text = place.at('planted');
    writePlantedSpanHeads(text, { visual: 8, prior: 4.2 });
    picture = writePng(place.at('a.png'), tinyPixels(20, 14));
    writePng(place.at('b.png'), tinyPixels(31, 40));
  });
  after(() => place.remove());

  const json = (outcome: Outcome): Record<string, unknown> => {
    assert.equal(outcome.code, 0, outcome.stderr);
    return JSON.parse(outcome.stdout) as Record<string, unknown>;
  };
  const refused = (outcome: Outcome, sentence: RegExp): void => {
    assert.equal(outcome.code, 2, outcome.stderr);
    assert.equal(outcome.stdout, '');
    assert.match(outcome.stderr, sentence);
  };
  const table = (value: unknown): unknown[][] => value as unknown[][];

  describe('headscope vhd', () => {
    it('of an image: the fields that are promised, of the shape of the model', async () => {
      const words = ['vhd', llava, '--image', picture, '--ids', ids.join(','), '--steps', '5', '--json', '-'];
      const result = json(await place.headscope(words));
      const tokens = result['tokens'] as { id: number; text: string; tVhd: number }[];
      assert.equal(tokens.length, 5);
      for (const token of tokens) {
        assert.ok(Number.isInteger(token.id) && typeof token.text === 'string' && token.tVhd > 0);
      }
      for (const name of ['vhd', 'textEnergy', 'outlier', 'selected', 'visualAttention']) {
        assert.deepEqual(
          table(result[name]).map((row) => row.length),
          [4, 4],
          name,
        );
      }
      assert.equal(result['k'], 1);
      assert.equal(result['text'], tokens.map((token) => token.text).join(''));
      assert.ok(
        table(result['vhd'])
          .flat()
          .every((value) => typeof value === 'number' && value >= 0),
      );
      const image = result['image'] as { start: number; tokens: number; tiles: unknown[] };
      assert.equal(image.start, 3);
      assert.ok(image.tokens > 1 && image.tiles.length === 1);
    });

    it('of a span: finds the planted heads, and T-VHD is the sum of the k largest', async () => {
      const { ids: prompt, removed } = plantedPrompt(8, 4);
      const span = `${removed.start}:${removed.end}`;
      const words = ['vhd', text, '--ids', prompt.join(','), '--span', span, '--steps', '1', '--k', '2', '--json', '-'];
      const result = json(await place.headscope(words));
      const [, row = []] = table(result['vhd']) as number[][];
      const largest = row.map((value, head) => ({ value, head })).sort((a, b) => b.value - a.value);
      assert.deepEqual(
        largest
          .slice(0, 3)
          .map(({ head }) => head)
          .sort(),
        [...planted.copy, planted.burst].sort(),
      );
      assert.equal(table(result['outlier'])[1]?.[planted.burst], true);
      const [token] = result['tokens'] as { tVhd: number }[];
      const sum = (table(result['vhd']) as number[][])
        .flatMap((each) => [...each].sort((a, b) => b - a).slice(0, 2))
        .reduce((a, b) => a + b, 0);
      assert.ok(Math.abs((token?.tVhd ?? NaN) - sum) < 1e-9);
    });

    it('of a span: what a head reads of it adds up to its mass on it; the change of a head that a file has otherwise', async () => {
      const { ids: prompt, removed } = plantedPrompt(8, 4);
      const span = `${removed.start}:${removed.end}`;
      const words = ['vhd', text, '--ids', prompt.join(','), '--span', span, '--steps', '1', '--json', '-'];
      const [copy = 0] = planted.copy;
      const before = json(await place.headscope([...words, '--map', `1.${copy}`]));
      const { shares } = before['spanMap'] as { shares: { position: number; share: number }[] };
      assert.deepEqual([shares[0]?.position, shares.length], [removed.start, removed.end - removed.start]);
      const mass = shares.reduce((sum, { share }) => sum + share, 0);
      assert.ok(Math.abs(mass - ((before['visualAttention'] as number[][])[1]?.[copy] ?? NaN)) < 1e-6);
      assert.ok(mass > 0.5, 'a head that copies the span looks at it');
      const vhd = (before['vhd'] as number[][]).map((row, layer) =>
        row.map((value, head) => (layer === 1 && head === copy ? value - 3 : value)),
      );
      const file = place.at('before.json');
      writeFileSync(file, JSON.stringify({ ...before, vhd }));
      const after = json(await place.headscope([...words, '--compare', file]));
      const { changes } = after['comparedWith'] as { changes: { vhd: number[][] } };
      const expected = vhd.map((row, layer) => row.map((_, head) => (layer === 1 && head === copy ? 3 : 0)));
      changes.vhd.forEach((row, layer) =>
        row.forEach((change, head) => assert.ok(Math.abs(change - (expected[layer]?.[head] ?? NaN)) < 1e-5)),
      );
      // A result of the analysis is compared in the same way.
      const saved = place.at('saved.json');
      const values = ['removed=span', `start=${removed.start}`, `end=${removed.end}`, 'tokens=1'];
      const analysis = ['run', 'divergence', text, '--ids', prompt.join(','), '--json', saved];
      await place.headscope([...analysis, ...values.flatMap((value) => ['--param', value])]);
      const same = json(await place.headscope([...words, '--compare', saved]));
      const { changes: none } = same['comparedWith'] as typeof after & { changes: { vhd: number[][] } };
      assert.ok(none.vhd.flat().every((change) => Math.abs(change) < 1e-5));
      refused(await place.headscope([...words, '--map', '1.99']), /no head 1\.99: the model has 2 layers/);
      refused(
        await place.headscope([...words, '--compare', file, '--distance', 'squared']),
        /cannot be compared with before\.json.*distance \(squared, there l2\)/,
      );
    });

    it('bad input gets a sentence with a next step', async () => {
      const prompt = ids.join(',');
      const noImage = ids.filter((id) => id !== vlm.imageToken).join(',');
      refused(await place.headscope(['vhd', llava, '--ids', noImage]), /names no image/);
      refused(await place.headscope(['vhd', llava, '--ids', noImage, '--image', picture]), /no image token/);
      refused(
        await place.headscope(['vhd', llava, '--ids', `${prompt},${vlm.imageToken}`, '--image', picture]),
        /One image is read per prompt/,
      );
      refused(await place.headscope(['vhd', text, '--ids', '0,1,2,5']), /no vision encoder.*--span/);
      refused(
        await place.headscope(['vhd', text, '--ids', '0,1,2,5', '--image', picture]),
        /no vision encoder.*--span/,
      );
      refused(await place.headscope(['vhd', text, '--ids', '0,1,2,5', '--span', '1:9']), /not a span of the prompt/);
      refused(await place.headscope(['vhd', text, '--ids', '0,1,2,5', '--span', '3']), /from:to/);
      refused(await place.headscope(['vhd', text, '--ids', '0,1,2,5', '--span', '1:2', '--k', '99']), /which has 8/);
      refused(
        await place.headscope(['vhd', text, '--ids', '0,1,2,5', '--span', '1:2', '--bias', '0.1:1=2']),
        /acts on positions of this one/,
      );
      const torn = place.at('torn.png');
      writeFileSync(torn, 'no picture');
      refused(await place.headscope(['vhd', llava, '--ids', prompt, '--image', torn]), /neither a PNG nor a JPEG/);
    });
  });

  describe('headscope generate --vhr', () => {
    const run = async (...more: string[]) =>
      json(
        await place.headscope([
          'generate',
          llava,
          '--image',
          picture,
          '--ids',
          ids.join(','),
          '--max-new-tokens',
          '6',
          '--logits',
          '--json',
          '-',
          ...more,
        ]),
      );

    it('adds what was selected; alpha 1 is the plain model to the bit', async () => {
      const plain = await run();
      const reinforced = await run('--vhr', '--alpha', '40', '--vhr-layers', 'auto');
      assert.equal('selected' in plain, false);
      assert.deepEqual(
        table(reinforced['selected']).map((row) => row.filter(Boolean).length),
        [0, 2],
      );
      assert.notDeepEqual(reinforced['logitsLast'], plain['logitsLast']);
      const same = await run('--vhr', '--alpha', '1');
      assert.deepEqual(same['logitsLast'], plain['logitsLast']);
      assert.deepEqual(same['ids'], plain['ids']);
    });

    it('all executors choose the same heads of one layer; controls scale others', async () => {
      const graph = await run('--vhr', '--vhr-layers', '1');
      for (const executor of ['progressive', 'one-shot']) {
        const result = await run('--vhr', '--vhr-layers', '1', '--vhr-executor', executor);
        assert.deepEqual(result['selected'], graph['selected']);
        assert.deepEqual(result['ids'], graph['ids']);
      }
      const all = await run('--vhr', '--vhr-layers', '0-1', '--vhr-control', 'all');
      assert.ok(table(all['selected']).flat().every(Boolean));
    });

    it('bad input gets a sentence', async () => {
      const words = ['generate', llava, '--image', picture, '--ids', ids.join(',')];
      refused(await place.headscope([...words, '--vhr', '--alpha', 'NaN']), /alpha is "NaN".*finite number/);
      refused(await place.headscope([...words, '--vhr', '--vhr-layers', '7']), /no layer 7.*has 2/);
      refused(await place.headscope([...words, '--vhr', '--vhr-layers', 'last']), /auto, or layers/);
      for (const alone of [
        ['--alpha', '2'],
        ['--vhr-layers', '1'],
        ['--vhr-executor', 'one-shot'],
      ])
        refused(await place.headscope([...words, ...alone]), /Add --vhr/);
      refused(await place.headscope(['generate', text, '--ids', '0,1,5', '--vhr']), /no vision encoder.*--span/);
    });
  });

  describe('what every run of it says', () => {
    const request = () => ({ folder: llava, prompt: { kind: 'ids', ids, image: picture } as const });
    const parameters = { tokens: 12 };

    it('the first step comes before the caption, tokens in order; a step that is asked for is the one that was kept', async () => {
      const client = place.client();
      const seen: number[] = [];
      const run = divergenceOf({ ...request(), parameters: { ...parameters, allSteps: true } });
      const made = await client.call('analysis', [run], {
        onProgress(progress) {
          if (progress.kind !== 'partial' || !progress.sections.some(({ id }) => id === 'heads')) return;
          const caption = progress.sections.find(({ id }) => id === 'caption');
          seen.push(caption?.kind === 'tokens' ? caption.tokens.length : 0);
        },
      });
      assert.equal(seen[0], 0);
      assert.deepEqual(
        seen,
        [...seen].sort((one, two) => one - two),
      );
      const { steps } = vhdOfAnalysis(made);
      assert.equal(steps?.length, 12);
      const step = await client.call('askAnalysis', [made, { section: 'caption', place: { kind: 'token', token: 7 } }]);
      assert.ok(step.kind === 'heads');
      step.numbers[0]?.values.flat().forEach((value, at) => {
        assert.ok(Math.abs(value - (steps[7]?.vhd.flat()[at] ?? NaN)) < 1e-4);
      });
    });

    it('how far it is from exact weights, which is left out of a comparison', async () => {
      const exact = await vhdOn(place.client(), { ...request(), parameters });
      assert.ok(exact.parity?.ok && exact.parity.weights === undefined);
      const packed = await vhdOn(place.client({}, { HEADSCOPE_WEIGHTS: 'q8' }), { ...request(), parameters });
      assert.equal(packed.parity?.weights, 'q8');
      assert.ok(packed.parity.maxLogitError > 100 * exact.parity.maxLogitError);
      assert.deepEqual(unclassified(packed), []);
    });

    it('words of the caption are judged by a lexicon of a file', async () => {
      // Without a tokenizer the text of a token is its number.
      const client = place.client();
      const made = await vhdOn(client, { ...request(), parameters });
      assert.deepEqual(unclassified(made), []);
      const [first, second] = made.caption.text.replaceAll('#', '').split(' ');
      assert.ok(first !== undefined && second !== undefined);
      const lexicon = place.at('lexicon.json');
      const classes = { [`thing ${first}`]: [first], other: [second === first ? 'none' : second] };
      writeFileSync(lexicon, JSON.stringify(classes));
      const own = { ...parameters, lexicon, objects: `thing ${first}` };
      const judged = await vhdOn(client, { ...request(), parameters: own });
      const [mention] = judged.caption.mentions;
      assert.equal(mention?.object, `thing ${first}`);
      assert.equal(mention?.inTruth, true);
      assert.equal(judged.caption.text.slice(mention?.start, mention?.end), first);
      assert.equal(judged.caption.score?.recall, 1);
    });
  });

  describe('headscope captions', () => {
    const file = (name: string, value: unknown): string => {
      const path = place.at(name);
      writeFileSync(path, JSON.stringify(value));
      return path;
    };
    const words = (truth: string, ...more: string[]): string[] => [
      'captions',
      llava,
      '--images',
      place.folder,
      '--truth',
      truth,
      '--ids',
      ids.join(','),
      '--max-new-tokens',
      '4',
      ...more,
    ];

    it('captions the images that the truth names, plainly and for each factor and control', async () => {
      const truth = file('truth.json', { 'a.png': ['dog'], 'b.png': { objects: [] }, 'absent.png': ['cat'] });
      const references = file('references.json', [{ image: 'b.png', caption: 'a puppy' }]);
      const more = [
        '--references',
        references,
        '--alpha',
        '0.5,3',
        '--vhr-control',
        'random,norm-matched',
        '--json',
        '-',
      ];
      const result = json(await place.headscope(words(truth, ...more)));
      const entries = result['entries'] as { name: string; truth: string[]; variants: unknown[] }[];
      assert.deepEqual(
        entries.map((entry) => [entry.name, entry.truth, entry.variants.length]),
        [
          ['a.png', ['dog'], 6],
          ['b.png', ['dog'], 6],
        ],
      );
      const variants = result['variants'] as {
        reinforcement: { alpha: number; heads: string; normMatched: boolean };
      }[];
      assert.deepEqual(
        variants.map(({ reinforcement: { alpha, heads, normMatched } }) => [alpha, heads, normMatched]),
        [
          [0.5, 'selected', false],
          [0.5, 'random', false],
          [0.5, 'selected', true],
          [3, 'selected', false],
          [3, 'random', false],
          [3, 'selected', true],
        ],
      );
      assert.match((await place.headscope(words(truth))).stdout, /CHAIR_S %[\s\S]*plain[\s\S]*2 images/);
    });

    it('bad input gets a sentence', async () => {
      const truth = file('other.json', { 'nothing.png': ['dog'] });
      refused(await place.headscope(words(truth)), /No image of .* is named in/);
      refused(await place.headscope(words(file('one.json', { 'a.png': [] }), '--alpha', 'x')), /finite numbers/);
      refused(await place.headscope(words(truth, '--vhr-control', 'many')), /random, all, norm-matched/);
      refused(await place.headscope(words(truth, '--image', picture)), /--image does not belong/);
    });
  });
});
