/** Bags with planted patterns: what is drawn, what is measured, and that the diversity loss turns branches to different patterns. */
import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../../../compute-server/runner/server-trainer';
import { Bags, strengthOf } from '../../../../../diagnostics/experiments/toy-bags/bags';
import { bagArm, bagArms } from '../../../../../diagnostics/experiments/toy-bags/experiment';
import {
  covered,
  foundShare,
  massCurve,
  meanCosine,
  patternAreas,
} from '../../../../../diagnostics/experiments/toy-bags/measure';
import { bagBatch, bagNetwork } from '../../../../../diagnostics/experiments/toy-bags/network';
import { shownOf } from '../../../../../diagnostics/experiments/toy-bags/examples';
import { overSeeds, trainArms, type ArmsResult } from '../../../../../diagnostics/shared/training/arms';
import { glorot } from '../../../../../diagnostics/shared/training/module-network';
import { random } from '../../../../../kernels/tensors/random';

const size = { instances: 50, features: 8, patterns: 2 };
const close = (a: number, b: number, within = 1e-12): void => assert.ok(Math.abs(a - b) <= within, `${a} and ${b}`);

describe('toy bags', () => {
  const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
  after(() => trainer.close());

  it('shows the first bag with most patterns: instances by pattern, then background, 40 of them', () => {
    const bag = (shows: readonly number[]) => ({ x: new Float32Array(), shows, label: 1 });
    const two = bag([-1, 1, 0, -1, 0, ...new Array<number>(60).fill(-1)]);
    const { bag: chosen, places } = shownOf([bag([-1, 0, 0]), two, bag([-1, 1, 0])]);
    assert.equal(chosen, two);
    assert.equal(places.length, 40);
    assert.deepEqual(
      places.slice(0, 6).map(({ instance, pattern }) => [instance, pattern]),
      [
        [2, 0],
        [4, 0],
        [1, 1],
        [0, -1],
        [3, -1],
        [5, -1],
      ],
    );
  });

  it('a positive bag has instances of a pattern, as far out as is said, and a negative one none', () => {
    const bags = new Bags({ ...size, instances: 200 }, 3).drawn(200, random(1));
    const lengths: number[] = [];
    for (const { x, shows, label } of bags) {
      assert.equal(
        shows.some((pattern) => pattern >= 0),
        label === 1,
      );
      shows.forEach((pattern, n) => {
        if (pattern === 0) lengths.push(x.slice(8 * n, 8 * n + 8).reduce((sum, value) => sum + value * value, 0));
      });
    }
    assert.equal(bags.filter(({ label }) => label === 1).length, 100);
    // E |noise + direction|^2 = 8 + 36, deviation sqrt(2 * 8 + 4 * 36) = 12.6 of each.
    const mean = lengths.reduce((sum, value) => sum + value, 0) / lengths.length;
    close(mean, 8 + strengthOf(0) ** 2, (4 * 12.6) / Math.sqrt(lengths.length));
  });

  it('measures by hand: mass of the strongest, cosine, instances found, areas, patterns that lead a branch', () => {
    const seen = {
      bag: { x: new Float32Array(0), shows: [-1, 0, 1, -1], label: 1 },
      score: 1,
      attention: [Float64Array.of(0.1, 0.7, 0.1, 0.1), Float64Array.of(0.5, 0.1, 0.3, 0.1)],
    };
    // The bag's attention: 0.3, 0.4, 0.2, 0.1.
    massCurve([seen], 4).forEach((value, at) => close(value, [0.4, 0.7, 0.9, 1][at]!));
    close(foundShare(seen), 0.5);
    close(meanCosine(seen.attention), 0.16 / Math.sqrt(0.52 * 0.36));
    const areas = patternAreas([seen], 2, 2);
    assert.deepEqual(areas, [
      [1, 0.5],
      [0.25, 0.5],
    ]);
    assert.equal(covered(areas), 1);
    assert.equal(
      covered([
        [0.9, 0.85],
        [0.6, 0.81],
      ]),
      2,
    );
  });

  it('masked ranks get no attention, the rest all of it, and none is masked at inference', async () => {
    const of = { branches: 2, diversity: 1, masking: { strongest: 10, probability: 0.6, draw: 'count' } } as const;
    const network = bagNetwork('masked', size, of, 4);
    const weights = glorot(network.parameters, 2);
    const bags = new Bags(size, 1).drawn(4, random(2));
    const maps = async (source?: ReturnType<typeof random>) =>
      (await trainer.forward(network, weights, bagBatch(size, of, bags, source))).outputs['attention']!
        .data as Float32Array;
    const [plain, masked] = [await maps(), await maps(random(5))];
    assert.ok(plain.every((value) => value > 0));
    for (let row = 0; row < 8; row++) {
      const [own, before] = [masked, plain].map((all) => [...all.slice(50 * row, 50 * row + 50)]) as [
        number[],
        number[],
      ];
      const gone = own.flatMap((value, n) => (value === 0 ? [n] : []));
      const strongest = before.map((_, n) => n).sort((a, b) => before[b]! - before[a]!);
      assert.equal(gone.length, 6);
      assert.ok(gone.every((n) => strongest.slice(0, 10).includes(n)));
      const left = 1 - gone.reduce((sum, n) => sum + before[n]!, 0);
      own.forEach((value, n) => value > 0 && close(value, before[n]! / left, 1e-5));
    }
  });

  it('with the diversity loss two branches rank different patterns first in most runs; without it branches are more alike', async () => {
    const bags = new Bags({ ...size, instances: 100 }, 7);
    const training = { trainer, bags, count: 256, test: bags.drawn(32, random(11)) };
    const arms = bagArms(5, 1).filter(({ id }) => id === 'branches' || id === 'diverse');
    const [plain, diverse] = arms.map((of) => bagArm(of, training));
    const running = trainArms({ trainer }, (_, act) => act(), {
      arms: [plain!, diverse!],
      seeds: 5,
      steps: 150,
      seed: 1,
      every: 150,
    });
    let next = await running.next();
    while (!next.done) next = await running.next();
    const { result } = next.value;
    const last = (arm: string, name: string): readonly number[] =>
      result.runs.filter((run) => run.arm === arm).map(({ curves }) => curves.measures[name]!.at(-1)!.value);
    const lead = last('diverse', 'covered').filter((count) => count === 2).length;
    assert.ok(lead >= 3, `${lead} of 5 runs`);
    const cosine = (of: ArmsResult, arm: string): number => overSeeds(of, 'cosine', arm)!.mean;
    assert.ok(
      cosine(result, 'branches') > cosine(result, 'diverse') + 0.1,
      `${cosine(result, 'branches')} and ${cosine(result, 'diverse')}`,
    );
  });
});
