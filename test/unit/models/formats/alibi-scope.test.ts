/** How far heads of models with ALiBi see: by hand, and where a configuration shows it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspectModel } from '../../../../compute-server/cli/commands/inspect';
import { alibiSlopes } from '../../../../kernels/mechanisms/alibi-slopes';
import { random } from '../../../../kernels/tensors/random';
import { alibiHeads, alibiScope } from '../../../../models/formats/estimates/alibi-scope';
import { factsOf } from '../../../../webviews/panels/model/facts';
import { facts, part } from '../../extension/samples';

describe('the reach of ALiBi', () => {
  it('behind the scope no weight is above eps; it halves as the slope doubles, and is -ln eps / slope at M = 0', () => {
    const [epsilon, bound, keys] = [1e-3, 1.5, 400];
    const source = random(5);
    for (const slope of alibiSlopes(8).slice(0, 5)) {
      const scope = alibiScope(slope, bound, epsilon);
      const scores = Array.from({ length: keys }, (_, back) => bound * (2 * source.uniform() - 1) - slope * back);
      // The worst case: the query's own key has the least score, a far one the largest.
      scores[0] = -bound;
      const far = Math.ceil(scope);
      if (far < keys) scores[far] = bound - slope * far;
      const sum = scores.reduce((total, score) => total + Math.exp(score), 0);
      scores.forEach((score, back) => back > scope && assert.ok(Math.exp(score) / sum <= epsilon, `${slope}, ${back}`));
      assert.ok(Math.abs(alibiScope(2 * slope, bound, epsilon) - scope / 2) < 1e-9);
      assert.ok(Math.abs(alibiScope(slope, 0, epsilon) - Math.log(1000) / slope) < 1e-9);
    }
    // Slopes 1/2 to 1/256 of eight heads: 2 ln 1000 = 13.8 tokens, and 128 times as many.
    const heads = alibiHeads({ positions: 'alibi', heads: 8 }, 'bloom');
    assert.deepEqual([heads?.length, heads?.[0]?.slope], [8, 0.5]);
    assert.ok(Math.abs((heads?.[7]?.scope ?? 0) - 256 * Math.log(1000)) < 1e-9);
    assert.equal(alibiHeads({ positions: 'rope', heads: 8 }, 'llama'), undefined);
  });

  it('stands among the facts of a configuration', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'alibi-'));
    try {
      const config = {
        model_type: 'bloom',
        architectures: ['BloomForCausalLM'],
        n_embed: 64,
        n_layer: 2,
        n_head: 4,
        vocab_size: 100,
      };
      writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
      const { alibi } = await inspectModel(folder);
      // Slopes of four heads: 1/4, 1/16, 1/64, 1/256.
      assert.deepEqual(
        alibi?.map(({ slope, scope }) => [slope, Math.round(scope)]),
        [
          [0.25, 28],
          [1 / 16, 111],
          [1 / 64, 442],
          [1 / 256, 1768],
        ],
      );
      const model = { label: 'bloom', path: 'config.json', facts: facts({ parts: [part({ alibi: alibi ?? [] })] }) };
      const row = factsOf(model).find(({ id }) => id === 'main.alibi');
      assert.equal(row?.text, '28 to 1,769 tokens');
      assert.match(row?.detail ?? '', /0: 0\.25, 28; 1: 0\.0625, 111;/u);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
