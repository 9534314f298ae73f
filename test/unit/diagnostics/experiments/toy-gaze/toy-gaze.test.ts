/** The scripted searcher by hand, what a batch asks for, and a planted searcher that is learned. */
import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../../../compute-server/runner/server-trainer';
import { gazeArm, gazeArms, gazeContext } from '../../../../../diagnostics/experiments/toy-gaze/experiment';
import { end, gazeBatch } from '../../../../../diagnostics/experiments/toy-gaze/network';
import { count, drawScene, nearestSimilar } from '../../../../../diagnostics/experiments/toy-gaze/searcher';
import { trainArms } from '../../../../../diagnostics/shared/training/arms';
import { random } from '../../../../../kernels/tensors/random';

describe('toy gaze', () => {
  it('goes to the nearest object of the color of the target that was not seen', () => {
    // Kinds 0 to 3 share the color of the target, kind 1 at (0, 0); others of it are at (1, 1), (3, 3) and (0, 3).
    const kinds = Array.from({ length: count }, () => 9);
    for (const [at, kind] of [
      [0, 1],
      [5, 2],
      [15, 3],
      [3, 0],
    ] as const)
      kinds[at] = kind;
    const scene = { kinds, target: 0 };
    // From the middle, (2, 2): (1, 1) and (3, 3) are as near, and the first in reading order is taken.
    assert.equal(nearestSimilar(scene, undefined, new Set()), 5);
    assert.equal(nearestSimilar(scene, 5, new Set([5])), 0);
  });

  it('a path ends at the target, without a second look; a batch asks for the next object, then the end', () => {
    const source = random(3);
    for (let at = 0; at < 40; at++) {
      const { kinds, target, path } = drawScene(source);
      assert.equal(path.at(-1), target);
      assert.equal(new Set(path).size, path.length);
      assert.equal(kinds.filter((kind) => kind === kinds[target]).length, 1);
    }
    const scene = { kinds: Array.from({ length: count }, (_, at) => at % 12), target: 4, path: [10, 4] };
    const batch = gazeBatch([scene], []);
    assert.deepEqual([...batch['fixations']!.data].map(Number).slice(0, 3), [count, 10, 4]);
    assert.deepEqual([...batch['next']!.data].map(Number).slice(0, 3), [10, 4, end]);
    assert.deepEqual([...batch['counted']!.data], [1, 1, 1, 0, 0, 0, 0, 0]);
  });

  it('a searcher that always goes to the next object is predicted for more than 99 % of the steps', async () => {
    const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
    const context = gazeContext(trainer, 1, (_, at) => (at === undefined ? 0 : (at + 1) % count));
    const running = trainArms({ trainer }, (_, act) => act(), {
      arms: [gazeArm(gazeArms[3]!, context)],
      seeds: 1,
      steps: 500,
      seed: 2,
      every: 500,
    });
    let next = await running.next();
    while (!next.done) next = await running.next();
    await trainer.close();
    const { measures } = next.value.result.runs[0]!.curves;
    const at = (name: string): number => measures[name]!.at(-1)!.value;
    assert.ok(at('accuracy') > 0.99 && at('mass') > 0.95, `${at('accuracy')}, ${at('mass')}`);
    assert.ok(at('sequence') > 0.99 && at('delta') < 0.05, `${at('sequence')}, ${at('delta')}`);
  });
});
