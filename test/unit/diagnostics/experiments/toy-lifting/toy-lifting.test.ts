/** Clips of a walker: the truth is the pose of the middle frame, seen with little noise; the loss by hand. */
import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../../../compute-server/runner/server-trainer';
import {
  batchSize,
  frames,
  liftingBatch,
  liftingNetwork,
  liftingWeights,
} from '../../../../../diagnostics/experiments/toy-lifting/network';
import { drawnWeights } from '../../../../../diagnostics/shared/training/module-weights';
import { joints } from '../../../../../kernels/modules/convformer/skeleton';
import { random } from '../../../../../kernels/tensors/random';

describe('toy lifting', () => {
  const batch = liftingBatch(random(5));
  const [seen, truth] = [batch['joints']!.data, batch['truth']!.data].map((data) => Array.from(data, Number)) as [
    number[],
    number[],
  ];

  it('the truth is what the middle frame shows, by the projection of the camera', () => {
    const errors: number[] = [];
    for (let b = 0; b < batchSize; b++) {
      for (let joint = 0; joint < joints.length; joint++) {
        const [x = 0, y = 0, z = 0] = truth.slice((b * joints.length + joint) * 3);
        const from = ((b * frames + (frames - 1) / 2) * joints.length + joint) * 2;
        errors.push(seen[from]! - (4 * x) / (4 + z), seen[from + 1]! - (4 * y) / (4 + z));
      }
    }
    const deviation = Math.sqrt(errors.reduce((sum, error) => sum + error ** 2, 0) / errors.length);
    assert.ok(Math.abs(deviation - 0.01) < 0.001, `${deviation}`);
  });

  it('the loss is the mean distance of the joints', async () => {
    const trainer = new ServerTrainer({ defaultThreads: 1 }, new AbortController().signal);
    const { loss, outputs } = await trainer.forward(
      liftingNetwork('lifting', '1'),
      drawnWeights(liftingWeights('1'), 2),
      batch,
    );
    await trainer.close();
    const pose = Array.from(outputs['pose']!.data, Number);
    let total = 0;
    for (let at = 0; at < pose.length; at += 3) {
      total += Math.hypot(pose[at]! - truth[at]!, pose[at + 1]! - truth[at + 1]!, pose[at + 2]! - truth[at + 2]!);
    }
    assert.ok(Math.abs(loss - total / (batchSize * joints.length)) < 1e-4 * loss);
  });
});
