import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunRequest, RunResult } from '../../../compute-server/model/run/stream/run-request';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';

const n = ids.length;

function close(a: ArrayLike<number>, b: ArrayLike<number>, tolerance = 1e-5): void {
  assert.equal(a.length, b.length);
  for (let i = 0; i < a.length; i++) {
    assert.ok(Math.abs(Number(a[i]) - Number(b[i])) <= tolerance, `${a[i]} and ${b[i]} at ${i}`);
  }
}

const floats = (data: unknown): Float32Array => {
  assert.ok(data instanceof Float32Array);
  return data;
};

for (const family of ['llama', 'gpt2', 'gemma2', 'mistral, window 7'] as const) {
  describe(`variants of ${family}`, () => {
    let tiny: OpenTiny;
    before(async () => {
      tiny = await openTiny(family);
    });
    after(() => tiny.close());

    const run = (extra: Partial<RunRequest>): Promise<RunResult> =>
      runPrompt(tiny.model.spec, tiny.model.sessions, { ids, chunk: 7, logits: 'all', ...extra });
    const logits = async (extra: Partial<RunRequest>): Promise<Float32Array> => floats((await run(extra)).logits?.data);

    it('with ids of their own give what each prompt gives alone, with its own losses', async () => {
      const prompts = [0, 5, 11].map((shift) => ids.map((id) => (id + shift) % 61));
      const lossAt = [3, 9, 14];
      const together = await run({ variantIds: prompts, variants: prompts.map(() => []), lossAt });
      const each = floats(together.logits?.data).length / prompts.length;
      for (const [at, own] of prompts.entries()) {
        const alone = await run({ ids: own, lossAt });
        close(floats(together.logits?.data).subarray(at * each, (at + 1) * each), floats(alone.logits?.data));
        close([together.loss?.[at] ?? Number.NaN], alone.loss ?? []);
      }
      await assert.rejects(
        run({ variantIds: prompts, variants: [[]] }),
        /ids of 3 variants, for 1 variants of 20 rows/,
      );
    });

    const prefix = 13;
    const kept = async (length = prefix) => {
      const { cache } = await run({ ids: ids.slice(0, length), logits: 'none', keepCache: true });
      assert.ok(cache);
      return { cache, length };
    };

    it('on a kept prefix give the rows behind it, their taps and their losses', async () => {
      const past = await kept();
      const taps = [{ layer: 1, tap: 'attention.head_output' }] as const;
      const lossAt = [prefix, n - 2];
      const whole = await run({ taps, lossAt });
      const behind = await run({ past, taps, lossAt });
      const width = tiny.model.summary.vocabulary;
      close(floats(behind.logits?.data), floats(whole.logits?.data).subarray(prefix * width));
      close(behind.loss ?? [], whole.loss ?? [Number.NaN]);
      const rows = (result: RunResult, first: number): number[] => {
        const { data, shape } = result.layers[1]?.taps['attention.head_output'] ?? { data: [], shape: [] };
        const [, heads = 0, count = 0, d = 0] = shape;
        return Array.from({ length: heads }, (_, head) =>
          Array.from(floats(data).subarray((head * count + first) * d, (head + 1) * count * d)),
        ).flat();
      };
      close(rows(behind, 0), rows(whole, prefix));
      // The cache is as it was: the same run again gives the same bits.
      assert.deepEqual((await run({ past, taps, lossAt })).logits, behind.logits);
    });

    it('on a kept prefix act on the rows behind it, side by side, as a whole run with the same change', async () => {
      const past = await kept(n - 1);
      const source = await run({
        ids: ids.map((id) => (id + 5) % 61),
        taps: [{ layer: 1, tap: 'attention.head_output' }],
      });
      const { data, shape } = source.layers[1]?.taps['attention.head_output'] ?? { data: [], shape: [] };
      const size = n * (shape[3] ?? 0);
      const patched = (head: number): Variant => [
        {
          kind: 'replacement',
          layer: 1,
          target: 'head',
          head,
          positions: [n - 1],
          data: floats(data).slice(head * size, (head + 1) * size),
        },
      ];
      const variants: Variant[] = [[], patched(0), patched(3)];
      const rows = await logits({ past, variants, logits: 'last' });
      for (const [at, variant] of variants.entries()) {
        const whole = await logits({ variants: [variant], logits: 'last' });
        close(rows.subarray(at * whole.length, (at + 1) * whole.length), whole);
      }
      const neutral = await logits({ past, variants: [[]], logits: 'last' });
      const gain: Variant = [{ kind: 'gain', layer: 0, head: 0, gain: 1 }];
      assert.deepEqual(await logits({ past, variants: [gain], logits: 'last' }), neutral);
    });

    it('on a kept prefix refuse what needs the whole prompt', async () => {
      const past = await kept();
      await assert.rejects(run({ past, statistics: true }), /taps, logits and losses alone/);
      await assert.rejects(run({ past: { ...past, length: n } }), /no row is behind 20 of 20/);
    });
  });
}
