/** The experiment `landmark-recall`: positions of its network, and a planted circuit that finds every key. */
import assert from 'node:assert/strict';
import { ServerTrainer } from '../../../compute-server/runner/server-trainer';
import { factsOf } from '../../../diagnostics/experiments/landmark-recall/experiment';
import { initialWeights, recallNetwork, rotaryBase } from '../../../diagnostics/experiments/landmark-recall/network';
import { passKeyBatch, passKeyText, vocabularyOf } from '../../../diagnostics/experiments/landmark-recall/task';
import { lengthTest } from '../../../diagnostics/experiments/landmark-recall/tests';
import { random } from '../../../kernels/tensors/random';
import { surroundingsOf } from '../../support/model-jobs';

describe('the experiment landmark-recall', function () {
  this.timeout(60_000);
  const trainer = new ServerTrainer({ ...surroundingsOf(), defaultThreads: 1 }, new AbortController().signal);
  after(() => trainer.close());

  it('turns queries and keys as the mechanism does, and opening every block is what it was trained with', async () => {
    const size = { vocabulary: vocabularyOf(4), heads: 2, headDim: 4 };
    const at = { batch: 2, length: 23 };
    const weights = initialWeights(size, 3);
    const source = random(8);
    const task = { values: 4, block: 3, length: 23, apart: 8, landmarks: true };
    const batch = passKeyBatch([passKeyText(task, source), passKeyText(task, source)]);
    const lossOf = async (rule: Parameters<typeof recallNetwork>[3]): Promise<number> =>
      (await trainer.forward(recallNetwork('one', size, at, rule), weights, batch)).loss;
    const trained = await lossOf({ block: 3, open: Infinity });
    assert.ok(Math.abs((await lossOf({ block: 3, open: Infinity, rotaryBase })) - trained) < 1e-5);
    assert.ok(Math.abs((await lossOf({ block: 3, open: 5, chunk: 8 })) - trained) < 1e-5);
    assert.ok(Math.abs((await lossOf({ block: 3, open: 1, chunk: 8 })) - trained) > 1e-5);
  });

  /**
   * 16 features: one for each token (0, 1: values; 2, 3: marked; 4: question; 5: landmark), and 6, "the block has the key". Layer 1:
   * landmarks look for marked tokens and write 6. Layer 2: the question looks for marked tokens and for 6 with `sign`, and writes the
   * value. Scores are products of component 7 of the head, which turns by 0.0003 a position.
   */
  function planted(sign: number): Readonly<Record<string, Float32Array>> {
    const size = { vocabulary: 6, heads: 1, headDim: 16 };
    const weights = Object.fromEntries(
      Object.entries(initialWeights(size, 1)).map(([name, data]) => [
        name,
        data.map(() => (name.endsWith('norm.weight') ? 1 : 0)),
      ]),
    );
    const set = (name: string, cells: readonly (readonly [row: number, column: number, value: number])[]): void => {
      const data = weights[name];
      assert.ok(data, name);
      for (const [row, column, value] of cells) data[row * 16 + column] = value;
    };
    const layer = (at: number, what: string) => `layers.${at}.self_attn.${what}.weight`;
    set(
      'embedding.weight',
      [0, 1, 2, 3, 4, 5].map((token) => [token, token, 1]),
    );
    set(layer(0, 'q_proj'), [[7, 5, 20]]);
    set(layer(0, 'k_proj'), [
      [7, 2, 1],
      [7, 3, 1],
    ]);
    set(layer(0, 'v_proj'), [
      [0, 2, 1],
      [0, 3, 1],
    ]);
    set(layer(0, 'o_proj'), [[6, 0, 1]]);
    set(layer(1, 'q_proj'), [[7, 4, 20]]);
    set(layer(1, 'k_proj'), [
      [7, 2, 1],
      [7, 3, 1],
      [7, 6, sign],
    ]);
    set(layer(1, 'v_proj'), [
      [0, 2, 1],
      [1, 3, 1],
    ]);
    set(layer(1, 'o_proj'), [
      [0, 0, 10],
      [1, 1, 10],
    ]);
    return weights;
  }

  for (const positions of ['stingy', 'sequence'] as const) {
    it(`positions ${positions}: a planted circuit finds keys through their block, and not when it opens others`, async () => {
      const facts = { values: 2, block: 3, length: 23, chunk: 8, positions, sequences: 16, seeds: 1 };
      const size = { vocabulary: 6, heads: 1, headDim: 16 };
      for (const length of [23, 95]) {
        const test = lengthTest(trainer, size, { mode: 'topk', open: 1, length }, facts, 4);
        assert.deepEqual(await test(planted(1)), { success: 1, hit: 1, beside: 1 });
        assert.equal((await test(planted(-1))).hit, 0);
      }
      const all = lengthTest(trainer, size, { mode: 'all', open: 0, length: 95 }, facts, 4);
      assert.deepEqual(await all(planted(1)), { success: 1, hit: Number.NaN, beside: Number.NaN });
    });
  }

  it('refuses sequences without a far block, and too long ones', () => {
    const usual = {
      ...{ values: 8, block: 15, length: 128, times: 8, open: 4, positions: 'stingy' as const, heads: 2 },
      ...{ sequences: 32, rate: 0.01, steps: 200, seeds: 3, folder: '' },
    };
    assert.deepEqual([factsOf(usual).length, factsOf(usual).chunk], [127, 32]);
    const detail = (given: Partial<typeof usual>): string => {
      try {
        factsOf({ ...usual, ...given });
      } catch (error) {
        return (error as { failure: { detail: string } }).failure.detail;
      }
      return 'none';
    };
    assert.match(detail({ length: 47 }), /^47 tokens are no three blocks of 16/);
    assert.match(detail({ times: 65 }), /^65 times 128 tokens are more than 8192/);
  });
});
