import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { answersOfVariants } from '../../../compute-server/runner/variant-answers';
import { ServerRunner } from '../../../compute-server/runner/runner';
import type { LayerSessions } from '../../../compute-server/model/run/graphs/layer-sessions';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RowAnswer } from '../../../diagnostics/model-runner/run-request';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { surroundingsOf } from '../../support/model-jobs';

const asked = [
  { row: 19, tokens: [3, 60, 3] },
  { row: 4, tokens: [] },
  { row: 19, tokens: [0] },
];
const gain = { kind: 'gain', layer: 0, head: 2, gain: 0.5 } as const;
const base: Variant = [gain];
const variants: readonly Variant[] = [
  base,
  [gain, { kind: 'gain', layer: 1, head: 0, gain: 0 }],
  [gain, { kind: 'gain', layer: 0, head: 1, gain: 3 }],
  base,
  [gain, { kind: 'uniform', layer: 1, head: 3 }],
  [],
];

for (const family of ['llama', 'gpt2', 'gemma2', 'mistral, window 7'] as const) {
  describe(`answers of the variants of ${family}`, () => {
    let tiny: OpenTiny;
    before(async () => {
      tiny = await openTiny(family);
    });
    after(() => tiny.close());

    const close = (found: number | undefined, expected: number, what: string): void =>
      assert.ok(Math.abs((found ?? Number.NaN) - expected) < 1e-5, `${what}: ${found} and ${expected}`);

    /** By the definitions, from all logits of the variant alone. */
    async function check(found: readonly (readonly RowAnswer[])[], of: readonly Variant[] = variants): Promise<void> {
      assert.equal(found.length, of.length);
      for (const [v, variant] of of.entries()) {
        const { logits } = await runPrompt(tiny.model.spec, tiny.model.sessions, {
          ids,
          chunk: 20,
          variants: [variant],
          logits: 'all',
        });
        const width = logits?.shape.at(-1) ?? 0;
        for (const [at, { row, tokens }] of asked.entries()) {
          const line = Array.from(logits?.data ?? [], Number).slice(row * width, (row + 1) * width);
          const sum = line.reduce((total, each) => total + Math.exp(each), 0);
          const answer = found[v]?.[at];
          assert.equal(answer?.logits.length, tokens.length);
          tokens.forEach((id, to) => close(answer?.logits[to], line[id] ?? Number.NaN, `logit of ${id}`));
          close(answer?.logSumExp, Math.log(sum), 'logSumExp');
          const entropy = line.reduce(
            (total, each) => total - (Math.exp(each) / sum) * Math.log(Math.exp(each) / sum),
            0,
          );
          close(answer?.entropy, entropy, 'entropy');
          assert.equal(answer?.largest, line.indexOf(Math.max(...line)));
        }
      }
    }

    it('are those that each gives alone, whatever the memory allows side by side', async () => {
      const { signal } = new AbortController();
      for (const memoryLimit of [1e9, 2e5]) {
        const runner = new ServerRunner(tiny.model, tiny.model, surroundingsOf({ memoryLimit }), signal);
        await check(await runner.answers({ ids }, asked, variants));
        assert.deepEqual(await runner.answers({ ids }, asked, []), []);
      }
    });

    it('cost the rows before the first change once, and are the same', async () => {
      const source = await runPrompt(tiny.model.spec, tiny.model.sessions, {
        ids: ids.map((id) => (id + 5) % 61),
        chunk: 20,
        taps: [{ layer: 1, tap: 'residual' }],
        logits: 'none',
      });
      const data = source.layers[1]?.taps.residual?.data;
      assert.ok(data instanceof Float32Array);
      const patched = (positions: readonly number[]): Variant => [
        ...base,
        { kind: 'replacement', layer: 1, target: 'residual', positions, data },
      ];
      // One row for several positions stands at these alone.
      const oneRow: Variant = [
        ...base,
        {
          kind: 'replacement',
          layer: 1,
          target: 'residual',
          positions: [16, 19],
          data: data.slice(0, data.length / 20),
          everywhere: true,
        },
      ];
      const own = [base, patched([19, 14]), patched([19]), oneRow, base];
      const rows: number[] = [];
      const counted: Pick<LayerSessions, 'places' | 'ran' | 'session'> = {
        places: tiny.model.sessions.places,
        ran: () => Promise.resolve(),
        async session(key) {
          const session = await tiny.model.sessions.session(key);
          if (key.kind !== 'block') return session;
          const run: typeof session.run = (feeds, ...rest) => {
            const [batch = 0, length = 0] = feeds['residual']?.shape ?? [];
            rows.push(batch * length);
            return session.run(feeds, ...rest);
          };
          return Object.assign(Object.create(session) as typeof session, { run });
        },
      };
      const { signal } = new AbortController();
      const request = { sequence: { ids }, asked, variants: own, batch: 4, chunk: 20, leastKept: 1, signal };
      await check(await answersOfVariants(tiny.model.spec, counted as LayerSessions, request), own);
      // Both layers of rows 0 to 13; behind them layer 0 of the first variant, layer 1 of three others, and of itself.
      assert.deepEqual(rows, [14, 14, 6, 18, 6]);
    });

    it('cost one pass through the layers below the first difference', async () => {
      const runs: number[] = [];
      const counted: Pick<LayerSessions, 'places' | 'ran' | 'session'> = {
        places: tiny.model.sessions.places,
        ran: () => Promise.resolve(),
        async session(key) {
          if (key.kind === 'block') runs.push(key.layer);
          return tiny.model.sessions.session(key);
        },
      };
      const { signal } = new AbortController();
      const request = { sequence: { ids }, asked, variants, batch: 2, chunk: 7, signal };
      await check(await answersOfVariants(tiny.model.spec, counted as LayerSessions, request));
      // Two variants change layer 0: both layers. The first one: layer 0; from there two that change layer 1, and itself.
      assert.deepEqual(runs, [0, 1, 0, 1, 1]);
    });
  });
}
