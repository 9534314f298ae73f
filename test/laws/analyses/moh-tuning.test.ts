/** MoH tuned by the trainer: nearer to the model, more even with the balance loss, and written as it was measured. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mixtureOfHeads } from '../../../diagnostics/plans/moh/analysis';
import { mohResult } from '../../../diagnostics/plans/moh/result';
import { sections } from '../../../diagnostics/plans/moh/sections';
import { balanceOf, fitting } from '../../../diagnostics/plans/moh/tuning';
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { openPlanted } from '../../support/checkpoints/open-planted';
import { llamaLike, tinyTensors } from '../../support/checkpoints/tiny-models';
import { checkSections, throughFile } from './checked-sections';
import { resultFor } from './one-run';

const near = (found: number | undefined, expected: number): void =>
  assert.ok(Math.abs(found! - expected) < 1e-6, `${found}, not ${expected}`);

describe('moh, tuned', () => {
  it('loads of several texts are weighed by their places; a head that no token has counts as if one had it', () => {
    const floats = (...values: number[]) => ({ data: Float32Array.from(values), shape: [values.length] });
    const text = (places: number, load: readonly number[], probability: readonly number[], entropy: number) => ({
      places,
      outputs: { 'load.1': floats(...load), 'probability.1': floats(...probability), 'entropy.1': floats(entropy) },
    });
    const blocks = [{ index: 0 }, { index: 1 }] as unknown as ModelSpec['blocks'];
    const texts = [text(2, [1, 0], [0.75, 0.25], 0.5), text(6, [1, 0], [0.25, 0.75], 0.7)];
    const { balance, ratio, entropy } = balanceOf({ blocks })(texts);
    // Loads 1 and 0, probabilities (2 * 0.75 + 6 * 0.25) / 8 = 0.375 and 0.625; 8 tokens against the one that is counted.
    near(balance, 2 * 0.375);
    near(ratio, 8);
    near(entropy, 0.65);
  });

  it('texts are trained on as far as their logits fit, and one always', () => {
    const ids = (length: number) => new Array<number>(length).fill(0);
    assert.deepEqual(
      fitting([ids(300), ids(200), ids(100)], 250_000).map(({ length }) => length),
      [300, 200],
    );
    assert.equal(fitting([ids(3000), ids(1)], 250_000).length, 1);
  });

  it('the divergence falls, the balance loss spreads the tokens, and the checkpoint has the tuned weights', async () => {
    const root = mkdtempSync(join(tmpdir(), 'headscope-moh-tuning-'));
    const model = llamaLike('llama-uneven', 'llama', { num_key_value_heads: 4 });
    const name = 'model.layers.0.self_attn.q_proj.weight';
    const tensors = new Map(tinyTensors(model));
    const { shape, data } = tensors.get(name)!;
    // Head 2 of four, eight rows each: most tokens take it.
    const longer = data.map((value, at) => (Math.floor(at / shape[1]! / 8) === 2 ? 1.3 * value : value));
    tensors.set(name, { shape, data: longer });
    const planted = await openPlanted({ config: model.config, tensors });
    try {
      const file = join(root, 'documents.jsonl');
      const documents = Array.from({ length: 8 }, (_, at) =>
        Array.from({ length: 24 }, (_, i) => (i * (7 + 2 * at) + 5 * at) % 61),
      );
      writeFileSync(file, documents.map((each) => JSON.stringify({ ids: each })).join('\n'));
      const folder = join(root, 'tuned');
      const tuned = (parameters: object) =>
        resultFor(planted.model, mixtureOfHeads, {
          input: { kind: 'corpus', file },
          parameters: {
            ...{ curve: '', share: 0.5, sharedShare: 0.25, shared: 'first', steps: 60, rate: 0.003 },
            ...parameters,
          },
        });
      const result = await tuned({ folder });
      const { tuning, comparison, difference } = result;
      assert.deepEqual(throughFile(mohResult, result, 'the result'), result);
      const blocks = planted.model.spec.blocks.map(({ attention }) => ({ heads: attention!.heads }));
      const unwritten = { ...result, comparison: { ...comparison, written: null } };
      for (const each of [result, unwritten]) checkSections(sections(each), { blocks });
      const [balanced, plain] = tuning!.arms;
      assert.deepEqual([balanced!.balance, plain!.balance], [0.01, 0]);
      for (const { after } of [balanced!, plain!]) assert.ok(after.kl < tuning!.before.kl);
      // At the published weight the loads are more even than without, and at a large one by far.
      assert.ok(balanced!.after.ratio < plain!.after.ratio);
      const { tuning: strong } = await tuned({ balance: 0.3, unbalanced: false });
      assert.equal(strong!.arms.length, 1);
      assert.ok(strong!.arms[0]!.after.ratio < 0.6 * plain!.after.ratio);
      // Loss of the trainer and of the checkpoint that was opened.
      assert.equal(difference, null);
      assert.ok(Math.abs(comparison.after.loss - balanced!.after.loss) < 1e-4);
      const config = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;
      assert.ok('mixture_of_heads' in config);
    } finally {
      await planted.close();
      rmSync(root, { recursive: true });
    }
  });
});
