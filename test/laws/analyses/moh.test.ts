/** MoH: choices by hand, a planted head that every token takes, and the checkpoint that routes as the intervention does. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModel } from '../../../compute-server/model/checkpoint/loaded-model';
import { mixtureOfHeads } from '../../../diagnostics/plans/moh/analysis';
import { choiceOf, loadsOf, routedLayers } from '../../../diagnostics/plans/moh/routing';
import { openPlanted } from '../../support/checkpoints/open-planted';
import { openTiny, promptIds as ids } from '../../support/checkpoints/open-tiny';
import { llamaLike, tinyTensors } from '../../support/checkpoints/tiny-models';
import { runnerOf } from '../../support/model-jobs';
import { resultFor } from './one-run';

const input = { kind: 'prompt', prompt: { kind: 'ids', ids } } as const;
const usual = { curve: '', share: 0.75, sharedShare: 0.25, shared: 'first' };

describe('routing by the length of queries', () => {
  it('by hand: shared heads are out of it, the longest of the others are chosen, of equal ones the first', () => {
    // Others: 1, 2, 4 of 5 heads; their standard deviation is sqrt(((4-3)^2 + (2-3)^2 + 0) / 2) = 1.
    const { chosen, probabilities } = choiceOf([9, 4, 2, 8, 3], { shared: [0, 3], active: 2 });
    assert.deepEqual(chosen, [1, 4]);
    const sum = Math.exp(4) + Math.exp(2) + Math.exp(3);
    [Math.exp(4), Math.exp(2), Math.exp(3)].forEach((each, at) => {
      assert.ok(Math.abs(probabilities[at]! - each / sum) < 1e-12);
    });
    assert.deepEqual(choiceOf([1, 1, 1, 1], { shared: [], active: 2 }).chosen, [0, 1]);
    const scaled = choiceOf([9, 12, 6, 8, 9], { shared: [0, 3], active: 2 });
    assert.deepEqual(scaled.chosen, chosen, 'a factor on all queries of a token changes nothing');
  });

  it('even probabilities have the balance loss K / E, all mass on the chosen heads 1', () => {
    const layer = { shared: [0], active: 1 };
    const sums = (probability: readonly number[]) => [
      { tokens: 4, chosen: [4, 2, 2], probability, entropy: 4 * Math.log(2) },
    ];
    const even = loadsOf(sums([0, 2, 2]), layer);
    assert.deepEqual(even, { loads: [1, 0.5, 0.5], balance: 0.5, even: 0.5, entropy: Math.log(2) });
    const one = loadsOf([{ tokens: 4, chosen: [4, 4, 0], probability: [0, 4, 0], entropy: 0 }], layer);
    assert.deepEqual([one.balance, one.even], [1, 0.5]);
  });

  it('shares are rounded by layer; the most important heads are shared', () => {
    assert.deepEqual(routedLayers([32], 0.75, 0.5)[0]!.active, 8);
    assert.equal(routedLayers([32], 0.75, 0.5)[0]!.shared.length, 16);
    assert.deepEqual(routedLayers([4], 0.75, 0.5, [[1, 5, 2, 9]]), [{ shared: [1, 3], active: 1 }]);
    assert.deepEqual(routedLayers([4], 0.1, 0.5), [{ shared: [0], active: 0 }]);
  });
});

describe('moh', () => {
  it('a head whose queries are three times as long is taken by every token, and the loads are those of the run', async () => {
    const model = llamaLike('llama-long', 'llama', { num_key_value_heads: 4 });
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const tensors = new Map(tinyTensors(model));
    const { shape, data } = tensors.get(name)!;
    // Head 2 of four, eight rows each.
    const longer = data.map((value, at) => (Math.floor(at / shape[1]! / 8) === 2 ? 30 * value : value));
    tensors.set(name, { shape, data: longer });
    const planted = await openPlanted({ config: model.config, tensors });
    try {
      const { loads, layers } = await resultFor(planted.model, mixtureOfHeads, {
        input,
        parameters: { ...usual, share: 0.5 },
      });
      assert.deepEqual(layers[0]!.shared, [0]);
      assert.deepEqual([loads[0]![0], loads[0]![2]], [1, 1]);
      assert.ok(Math.abs(loads[1]!.reduce((sum, load) => sum + load, 0) - 2) < 1e-9, 'two heads for each token');
    } finally {
      await planted.close();
    }
  });

  it('the checkpoint routes as the intervention, also token by token; with all heads it is the source bit by bit', async () => {
    const root = mkdtempSync(join(tmpdir(), 'headscope-moh-'));
    const tiny = await openTiny('llama');
    try {
      const folder = join(root, 'routed');
      const parameters = { ...usual, folder };
      const { difference, comparison } = await resultFor(tiny.model, mixtureOfHeads, { input, parameters });
      assert.equal(difference, 0);
      assert.notEqual(comparison.after.loss, comparison.before.loss);
      const made = await openModel(folder, { device: 'cpu', threads: 1, limitBytes: 1e9 });
      assert.deepEqual(made.summary.notes ?? [], []);
      const runner = runnerOf(made);
      const data = (given: { readonly data: unknown } | undefined): Float32Array => {
        assert.ok(given?.data instanceof Float32Array);
        return given.data;
      };
      const whole = data((await runner.run({ ids, logits: 'all' })).logits);
      const run = await runner.continuation({ sequence: { ids: ids.slice(0, -1) }, further: 1 });
      const { logits: stepped } = await run.extend([ids.at(-1)!]);
      const last = whole.subarray(whole.length - stepped.length);
      stepped.forEach((value, at) => assert.ok(Math.abs(value - last[at]!) < 1e-4));
      await made.sessions.release();

      const all = join(root, 'all');
      const same = await resultFor(tiny.model, mixtureOfHeads, {
        input,
        parameters: { ...usual, share: 1, folder: all },
      });
      assert.equal(same.difference, 0);
      assert.equal(same.comparison.after.loss, same.comparison.before.loss);
      const { mixture_of_heads: field } = JSON.parse(readFileSync(join(all, 'config.json'), 'utf8')) as Record<
        string,
        unknown
      >;
      assert.deepEqual(field, { routing: 'query-norm', shared_heads: [[0], [0]], active_heads: [3, 3] });

      const config = JSON.parse(readFileSync(join(all, 'config.json'), 'utf8')) as Record<string, unknown>;
      const wrong = { routing: 'query-norm', shared_heads: [[0], [4]], active_heads: [1, 1] };
      writeFileSync(join(all, 'config.json'), JSON.stringify({ ...config, mixture_of_heads: wrong }));
      await assert.rejects(openModel(all, { device: 'cpu', threads: 1, limitBytes: 1e9 }), {
        message: /gives layer 1 heads that it does not have: it has 4/,
      });
    } finally {
      await tiny.close();
      rmSync(root, { recursive: true });
    }
  });
});
