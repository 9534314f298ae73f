/** A model whose circuit is known: labels, scores, causal check and continuation must find it, through the command line. */
import assert from 'node:assert/strict';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import { vocabulary, writePlantedCircuit } from '../../support/checkpoints/planted-circuit';
import { buildServer, Place } from './support/model-server';

/** Random-looking tokens, none twice: the prompt itself shows no repetition. */
const prompt = [0, ...Array.from({ length: 50 }, (_, i) => 1 + ((i * 37) % 61))];

describe('a planted induction circuit', function () {
  this.timeout(60_000);
  let place: Place;
  let folder: string;
  before(async () => {
    await buildServer();
    place = new Place();
    folder = place.at('model');
    writePlantedCircuit(folder);
  });
  after(() => place.remove());

  const json = async <T>(...words: string[]): Promise<T> => {
    const { code, stdout, stderr } = await place.headscope([...words, '--json', '-']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as T;
  };

  it('heads: the two heads have their labels, and the loss says what each is worth', async () => {
    const { classes, labelScores, statistics, topKeys } = await json<HeadsResult>(
      'heads',
      folder,
      '--ids',
      prompt.join(),
      '--causal',
    );
    const of = (layer: number, head: number) => classes.filter((each) => each.layer === layer && each.head === head);
    assert.ok((statistics.previousToken[0]?.[0] ?? 0) > 0.999);
    // What the last token reads most: the one before it.
    const [top, ...others] = topKeys?.[0]?.[0] ?? [];
    assert.equal(top?.key, prompt.length - 2);
    assert.ok(top.weight > 0.999 && others.every(({ weight }) => weight < 0.001));
    assert.equal(topKeys?.[1]?.[1]?.length, 4);
    assert.deepEqual(
      of(0, 0).map(({ label }) => label),
      ['previous-token'],
    );
    assert.deepEqual(
      of(1, 0).map(({ label }) => label),
      ['induction'],
      'what followed its own token is all it finds: it is no retrieval head',
    );
    const [induction] = of(1, 0);
    assert.ok(induction && induction.score > 0.99 && induction.null.mean < 0.1 && induction.confidence > 0.999);
    assert.equal(induction.null.seeds, 6);
    // Even over all tokens the circuit knows nothing: ln 63 = 4.1 nats are what can be lost.
    for (const { causal } of [...of(0, 0), ...of(1, 0)]) {
      assert.ok(causal && causal.lossChange > 2 && causal.lossChange < 20, JSON.stringify(causal));
      // The prompt repeats nothing that the circuit could find.
      assert.ok(Math.abs(causal.promptLossChange ?? Number.NaN) < 1, JSON.stringify(causal));
    }
    // Evenly: the entropy is the mean of ln(i + 1).
    const most = prompt.reduce((sum, _, i) => sum + Math.log(i + 1), 0) / prompt.length;
    for (const layer of [0, 1]) {
      assert.ok(Math.abs((statistics.entropy[layer]?.[1] ?? 0) - most) < 1e-4);
      assert.ok(Math.abs((labelScores?.uniform?.score[layer]?.[1] ?? 0) - 1) < 1e-4);
      // What an untrained head does is worth a name only beside heads that do otherwise: three others are too few.
      assert.deepEqual(of(layer, 1), []);
      assert.equal(labelScores?.uniform?.needed?.[layer]?.[1], null);
    }
    // The null model of 51 tokens has the mean (1/2 + 1/3 + … + 1/51) / 50; the label needs 0.4 of the rest.
    const dealt = prompt.slice(1).reduce((sum, _, i) => sum + 1 / (i + 2), 0) / (prompt.length - 1);
    assert.ok(Math.abs((labelScores?.['previous-token']?.needed?.[0]?.[0] ?? 0) - (dealt + 0.4 * (1 - dealt))) < 1e-6);
  });

  it('heads: a prompt that repeats itself is predicted worse without the circuit; all scores of all heads are given', async () => {
    const half = prompt.slice(1, 31);
    const ids = [0, ...half, ...half];
    const { classes, classAblations, labelScores } = await json<HeadsResult>(
      ...['heads', folder, '--ids', ids.join(), '--causal'],
    );
    const induction = classes.find(({ label }) => label === 'induction');
    assert.deepEqual([induction?.layer, induction?.head], [1, 0]);
    assert.ok((induction?.causal?.promptLossChange ?? 0) > 1, JSON.stringify(induction));
    const joint = classAblations?.find(({ label }) => label === 'induction');
    assert.deepEqual(joint, { label: 'induction', heads: 1, ...induction?.causal });
    assert.deepEqual(classAblations?.map(({ label }) => label).sort(), ['induction', 'previous-token']);
    assert.deepEqual(
      labelScores?.induction?.score.map((row) => row.length),
      [2, 2],
    );
    assert.equal(labelScores.induction?.score[1]?.[0], induction?.score);
    assert.ok((labelScores.retrieval?.score[1]?.[0] ?? 1) < 0.3, 'what an induction head finds by chance');
    const { stdout } = await place.headscope(['heads', folder, '--ids', ids.join(), '--causal']);
    const change = `\\+${(joint.lossChange ?? Number.NaN).toFixed(3)}`;
    assert.match(stdout, new RegExp(`^induction +1 +${change} +\\+\\d\\.\\d{3}$`, 'm'));
    // With its gain at 0 it can be removed no further: no change is claimed.
    const gone = await place.headscope(['heads', folder, '--ids', ids.join(), '--causal', '--gain', '1.0=0']);
    assert.match(gone.stdout, /loss change without \(nats, on top of the interventions\)/);
    assert.match(gone.stdout, /^L1H0 +induction +.* already off *$/m);
    assert.match(gone.stdout, /^induction +1, 1 already off *$/m);
  });

  it('generate: the continuation repeats the sequence, and no more without either head', async () => {
    const half = prompt.slice(1, 20);
    const words = ['generate', folder, '--ids', [0, ...half, ...half.slice(0, 5)].join(), '--max-new-tokens', '10'];
    const plain = await json<{ ids: number[] }>(...words);
    assert.deepEqual(plain.ids, half.slice(5, 15));
    for (const gain of ['0.0=0', '1.0=0']) {
      const without = await json<{ ids: number[] }>(...words, '--gain', gain);
      assert.notDeepEqual(without.ids, plain.ids, gain);
    }
    assert.deepEqual((await json<{ ids: number[] }>(...words, '--gain', '0.1=0', '--gain', '1.1=5')).ids, plain.ids);
  });

  it('map: the previous-token head is a line beside the diagonal', async () => {
    const { probabilities } = await json<{ probabilities: number[][] }>(
      ...['map', folder, '--ids', prompt.join(), '--layer', '0', '--head', '0'],
    );
    probabilities.slice(1).forEach((row, i) => assert.ok((row[i] ?? 0) > 0.99, `query ${i + 1}`));
  });

  it('map --bias: a key whose scores are raised by ln 2 weighs twice as much beside the others, in every row', async () => {
    const words = ['map', folder, '--ids', prompt.join(), '--layer', '1', '--head', '0'];
    const plain = await json<{ probabilities: number[][] }>(...words);
    const biased = await json<{ probabilities: number[][] }>(...words, '--bias', `1.0:2=${Math.LN2}`);
    plain.probabilities.slice(3).forEach((row, i) => {
      const [other = NaN, key = NaN] = [row[1], row[2]];
      const [otherNow = NaN, keyNow = NaN] = [biased.probabilities[i + 3]?.[1], biased.probabilities[i + 3]?.[2]];
      assert.ok(Math.abs(keyNow * other - 2 * key * otherNow) < 1e-6 * key * otherNow + 1e-12, `query ${i + 3}`);
    });
  });

  it('generation fills the context to its last position', async () => {
    const ids = Array.from({ length: 75 }, (_, i) => 1 + (i % (vocabulary - 1)));
    const { ids: made } = await json<{ ids: number[] }>(
      ...['generate', folder, '--ids', ids.join(), '--max-new-tokens', '50'],
    );
    // 80 positions: 75 of the prompt, five generated tokens read, and the one that the last of them predicts.
    assert.equal(made.length, 6);
  });
});
