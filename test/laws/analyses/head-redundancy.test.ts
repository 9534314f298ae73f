/** Redundant heads on a model in which one head was copied: alike to the last digit, and one of the two does the work of both. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { headRedundancy } from '../../../diagnostics/patterns/head-redundancy/analysis';
import { changeOf, outputsOf } from '../../../diagnostics/shared/maps/changed-output';
import { openPlanted, type OpenPlanted } from '../../support/checkpoints/open-planted';
import { promptIds as ids } from '../../support/checkpoints/open-tiny';
import { withPermutedHeads } from '../../support/checkpoints/permuted-heads';
import { tinyModel, tinyTensors } from '../../support/checkpoints/tiny-models';
import { runnerOf } from '../../support/model-jobs';
import { resultFor } from './one-run';

describe('redundant heads, planted', () => {
  let planted: OpenPlanted;
  before(async () => {
    const tiny = tinyModel('gpt2');
    // Head 1 of layer 0 is head 0 once more.
    const tensors = withPermutedHeads(tinyTensors(tiny), [[0, 0, 2, 3]]);
    planted = await openPlanted({ config: tiny.config, tensors });
  });
  after(() => planted.close());

  it('two equal heads have similarity 1, and without one of them the other at twice its gain changes nothing', async () => {
    const budget = 0.03;
    const input = { kind: 'prompt', prompt: { kind: 'ids', ids } } as const;
    const result = await resultFor(planted.model, headRedundancy, { input, parameters: { effects: true, budget } });
    assert.ok(Math.abs(result.similarity[0]![0]![1]! - 1) < 1e-7);
    assert.ok(result.similarity[0]![0]![2]! < 1 - 1e-4);
    assert.equal(result.nearestHead[0]![0], 1);
    assert.equal(result.nearestHead[0]![1], 0);

    const runner = runnerOf(planted.model);
    const gains = (...list: readonly (readonly [head: number, gain: number])[]): Variant =>
      list.map(([head, gain]) => ({ kind: 'gain', layer: 0, head, gain }));
    const others = [1, 2, 3].map((head) => [head, 0] as const);
    const [plain, doubled, without, alone] = await outputsOf(
      runner,
      { ids },
      [[], gains([1, 0], [0, 2]), gains([1, 0]), gains(...others)],
      'all',
    );
    assert.ok(plain?.logits && doubled?.logits && without && alone);
    const most = plain.logits.reduce((far, value, at) => Math.max(far, Math.abs(value - doubled.logits![at]!)), 0);
    assert.ok(most < 1e-6, `${most}`);
    // The effects are those of these gains, and the plan ends where the budget does.
    const near = (found: number | undefined, expected: number) =>
      assert.ok(Math.abs(Number(found) - expected) < 1e-7, `${found}, not ${expected}`);
    near(result.without[0]![1], changeOf(plain, without, ids.length));
    near(result.alone[0]![0], changeOf(plain, alone, ids.length));
    assert.ok(result.plan.length > 0 && result.plan.every(({ joint }) => joint <= budget));
    assert.match(headRedundancy.finding(result), /can go within \S+ nats, which saves/);
    assert.match(
      headRedundancy.finding({ ...result, measure: 'turn' }),
      /can go within \S+ \(1 - cosine of the last stream\), which saves/,
    );
    const all = result.without.flat().length - result.without.length;
    assert.ok(result.plan.length < all, 'the budget is large enough for every head');
  });
});
