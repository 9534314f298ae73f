/** The attention of a head that analyses answer with: of a long prompt the first tokens, as they are in the whole. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { ServerRunner } from '../../../compute-server/runner/runner';
import { attentionMap, mostDrawn } from '../../../diagnostics/shared/sections/head-maps';
import { openTiny, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { llamaLike, tinyModel } from '../../support/checkpoints/tiny-models';
import { surroundingsOf } from '../../support/model-jobs';

const long = 600;
const ids = Array.from({ length: long }, (_, i) => (i * 17) % 61);

describe('the map of a head', () => {
  const opened: OpenTiny[] = [];
  const runnerOf = async (which: Parameters<typeof openTiny>[0]): Promise<ServerRunner> => {
    const tiny = await openTiny(which);
    opened.push(tiny);
    return new ServerRunner(tiny.model, tiny.model, surroundingsOf(), new AbortController().signal);
  };
  after(async () => {
    for (const tiny of opened) await tiny.close();
  });
  const drawn = async (runner: ServerRunner, of: readonly number[], variant: Variant = []) => {
    const prompt = await runner.prompt({ kind: 'ids', ids: of });
    const job = { input: { given: { kind: 'none' }, prompts: [prompt] }, variant, groups: [] } as const;
    const map = await attentionMap(runner, job, { layer: 1, head: 2 }, 'heads');
    const { layers } = await runner.run({
      ...prompt,
      variants: [variant],
      maps: [{ layer: 1, head: 2 }],
      logits: 'none',
    });
    const whole = layers[1]?.maps.get(2) ?? new Float32Array(0);
    const side = Math.min(of.length, mostDrawn);
    assert.equal(map.values.length, side);
    map.values.forEach((row, query) => {
      assert.equal(row.length, side);
      row.forEach((p, key) => {
        const expected = whole[query * of.length + key] ?? Number.NaN;
        assert.ok(Math.abs(p - expected) < 1e-5, `p(${query}, ${key}) is ${p}, not ${expected}`);
      });
    });
    return map;
  };

  it('of a long prompt is that of its first tokens, and says so', async () => {
    const runner = await runnerOf(llamaLike('long', 'llama', { max_position_embeddings: 1024 }));
    const map = await drawn(runner, ids);
    assert.equal(map.caption, 'The first 512 of 600 tokens, as queries and as keys: the rest is not drawn.');
    await drawn(runner, ids, [{ kind: 'gain', layer: 0, head: 1, gain: 0 }]);
    // What attention is taken from is decided by the whole prompt.
    const from = { kind: 'columns', strength: 0.004 } as const;
    const to = { rows: [], behind: 0 };
    await drawn(runner, ids, [{ kind: 'redistribution', layer: 1, head: 2, from, to, share: 1, first: 0, region: [] }]);
  });

  it('of a short prompt is whole, in models that read in both directions too', async () => {
    const map = await drawn(await runnerOf('bert'), ids.slice(0, 20));
    assert.equal(map.caption, 'All 20 tokens.');
    assert.equal(map.title, 'Attention of L1H2');
    const [first = []] = map.values;
    assert.ok(Math.abs(first.reduce((sum, p) => sum + p, 0) - 1) < 1e-5);
    assert.ok((first[19] ?? 0) > 0);
    await drawn(await runnerOf(tinyModel('gpt2')), ids.slice(0, 7));
  });
});
