/** Tasks learned one after the other: what is drawn and counted, and that a pathway of its own forgets exactly nothing. */
import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../../../compute-server/runner/server-trainer';
import {
  backboneStart,
  cells,
  laneBatch,
  laneNetwork,
  shapesOfPicture,
  side,
} from '../../../../../diagnostics/experiments/toy-lanes/network';
import { classesOf, drawPicture, learnTasks } from '../../../../../diagnostics/experiments/toy-lanes/stages';
import { drawShapes, shapes } from '../../../../../diagnostics/shared/training/shapes';
import { random } from '../../../../../kernels/tensors/random';

const tasks = { tasks: 2, classes: 8, selectors: 1, prompts: 1 };

describe('toy lanes', () => {
  it('a picture of a task has three different shapes, one of the task at least; only classes of the task count', () => {
    const source = random(4);
    for (let at = 0; at < 50; at++) {
      const { placed } = drawPicture(tasks, 1, source);
      const kinds = placed.map(({ shape }) => shape);
      assert.equal(new Set(kinds).size, shapesOfPicture);
      assert.ok(kinds.some((shape) => shape >= 4));
    }
    assert.deepEqual(classesOf(tasks, 1), [4, 8]);
    const picture = drawShapes({ side, cells, noise: 0 }, [2, 5], source);
    const { labels, counted } = laneBatch([picture], 8, [4, 8]);
    assert.deepEqual([...labels!.data], [0, 0, 1, 0, 0, 1, 0, 0]);
    assert.deepEqual([...counted!.data], [0, 0, 0, 0, 1, 1, 1, 1]);
  });

  it('shapes are where they are said to be, and nothing is elsewhere', () => {
    const { pixels, placed } = drawShapes({ side: 32, cells: 2, noise: 0 }, [0], random(2));
    const [disc] = placed;
    assert.equal(shapes[disc!.shape]!.name, 'disc');
    let covered = 0;
    for (let at = 0; at < 32 * 32; at++) {
      const away = Math.hypot((at % 32) + 0.5 - disc!.x, Math.floor(at / 32) + 0.5 - disc!.y);
      const dark = pixels[at] === Math.fround(-0.8);
      if (away > disc!.reach) assert.ok(dark, `${at}`);
      if (!dark) covered += 1;
    }
    const area = Math.PI * (0.95 * disc!.reach) ** 2;
    assert.ok(Math.abs(covered - area) < 0.1 * area, `${covered} of ${area}`);
  });

  it('pathways of their own forget exactly nothing, and a shared one changes', async () => {
    const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
    const test = Array.from({ length: 32 }, (_, at) => drawPicture(tasks, undefined, random(at)));
    const network = laneNetwork(tasks);
    const learning = learnTasks(
      { trainer, step: (_, act) => act(), tasks, network, backbone: backboneStart(tasks, 1), test },
      { seed: 3, steps: 3, name: 'run' },
    );
    let next = await learning.next();
    while (!next.done) next = await learning.next();
    await trainer.close();
    const { pathways, forgetting, precision } = next.value;
    assert.equal(forgetting.lanes, 0);
    assert.notEqual(forgetting.shared, 0);
    const [first, second] = pathways.map((pathway) => pathway['head.weight']!);
    assert.deepEqual(second!.slice(0, 4 * 64), first!.slice(0, 4 * 64), 'rows of the first task stay');
    assert.notDeepEqual(second!.slice(4 * 64), first!.slice(4 * 64));
    assert.notDeepEqual(pathways[0]!['selectors'], pathways[1]!['selectors']);
    assert.equal(precision.lanes[0], precision.shared[0]);
  });
});
