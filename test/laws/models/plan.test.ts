/** Runs under a cache plan: heads against attention in float64 over the positions that the plan keeps, written from its definition. */
import { planChanges } from '../../../diagnostics/model-runner/plan-changes';
import { changesOf, type Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { lower } from '../../../compute-server/model/interventions/lower';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunResult } from '../../../compute-server/model/run/stream/run-request';
import type { LayerTap } from '../../../models/instrument/taps';
import { parseDo } from '../../../protocol/interventions/do-form';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';

const n = ids.length;
const { signal } = new AbortController();

for (const family of ['gpt2', 'llama', 'gemma2'] as const) {
  describe(`a cache plan on ${family}`, () => {
    let tiny: OpenTiny;
    before(async () => {
      tiny = await openTiny(family);
    });
    after(() => tiny.close());

    const lowered = async (text: string): Promise<Variant> => {
      const { model } = tiny;
      const read = parseDo(text);
      assert.ok(read.ok, read.ok ? '' : read.why);
      const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9, signal };
      return (await lower(of, [[read.value]])).variants[0]!;
    };
    const names = ['attention.query', 'attention.key', 'attention.value', 'attention.head_output'] as const;
    const run = (variants: readonly Variant[], chunk = n) => {
      const { spec, sessions } = tiny.model;
      const taps = spec.blocks.flatMap(({ index: layer }) => names.map((tap) => ({ layer, tap })));
      return runPrompt(spec, sessions, { ids, variants, chunk, logits: 'all', taps });
    };
    const tap = (result: RunResult, layer: number, name: LayerTap): Float32Array => {
      const data = result.layers[layer]?.taps[name]?.data;
      assert.ok(data instanceof Float32Array);
      return data;
    };
    const logits = (result: RunResult): Float32Array => {
      const data = result.logits?.data;
      assert.ok(data instanceof Float32Array);
      return data;
    };

    /** Heads of a layer, [h, n, d]; `keeps(g, i, j)` of each key/value head; what is dropped counts as its mean where `mean`. */
    const attention = (
      result: RunResult,
      layer: number,
      keeps: (g: number, i: number, j: number) => boolean,
      mean: (g: number) => boolean,
    ): Float64Array => {
      const {
        heads,
        kvHeads,
        headDim: d,
        scale,
        window = Infinity,
        softcap,
      } = tiny.model.spec.blocks[layer]!.attention!;
      const [q, k, v] = [names[0], names[1], names[2]].map((name) => tap(result, layer, name));
      const out = new Float64Array(heads * n * d);
      for (let h = 0; h < heads; h++) {
        const g = Math.floor((h * kvHeads) / heads);
        for (let i = 0; i < n; i++) {
          const scored = (key: ArrayLike<number>, from: number): number => {
            let dot = 0;
            for (let c = 0; c < d; c++) dot += q![(h * n + i) * d + c]! * key[from + c]!;
            return softcap === undefined ? dot * scale : softcap * Math.tanh((dot * scale) / softcap);
          };
          const readable = Array.from({ length: i + 1 }, (_, j) => j).filter((j) => j > i - window);
          const own = readable.filter((j) => keeps(g, i, j));
          const dropped = mean(g) ? readable.filter((j) => !keeps(g, i, j)) : [];
          const parts = own.map((j) => ({
            score: scored(k!, (g * n + j) * d),
            value: [...v!.subarray((g * n + j) * d, (g * n + j + 1) * d)],
          }));
          if (dropped.length > 0) {
            // Without soft capping this is q times the mean key, which the card's formula has.
            const average = (data: Float32Array): number[] =>
              Array.from(
                { length: d },
                (_, c) => dropped.reduce((sum, j) => sum + data[(g * n + j) * d + c]!, 0) / dropped.length,
              );
            const score =
              softcap === undefined
                ? scored(average(k!), 0)
                : dropped.reduce((sum, j) => sum + scored(k!, (g * n + j) * d), 0) / dropped.length;
            parts.push({ score: score + Math.log(dropped.length), value: average(v!) });
          }
          const largest = Math.max(...parts.map(({ score }) => score));
          const weights = parts.map(({ score }) => Math.exp(score - largest));
          const sum = weights.reduce((a, b) => a + b, 0);
          parts.forEach(({ value }, at) => {
            for (let c = 0; c < d; c++) out[(h * n + i) * d + c]! += (weights[at]! / sum) * value[c]!;
          });
        }
      }
      return out;
    };

    const recent = (sinks: number, newest: number) => (_: number, i: number, j: number) => j < sinks || j >= i - newest;
    const cases: readonly (readonly [string, (g: number, i: number, j: number) => boolean, boolean])[] = [
      ['plan:*.*=1+2', recent(1, 2), false],
      ['plan:*.*=2+3+mean', recent(2, 3), true],
      ['plan:*.*=0+0', recent(0, 0), false],
      // n is the length of the prompt: floor(n / 4) positions, one of them a sink.
      ['plan:*.*=span(0+0.25n,1)', recent(1, Math.floor(n / 4) - 1), false],
      ['plan:*.*=1+max(1,0.3n)+mean', recent(1, Math.max(1, Math.floor(0.3 * n))), true],
    ];
    for (const [text, keeps, mean] of cases) {
      it(`${text}: every head reads what it keeps, in one piece and in chunks`, async () => {
        const variant = await lowered(text);
        const result = await run([variant]);
        for (const { index } of tiny.model.spec.blocks) {
          const expected = attention(result, index, keeps, () => mean);
          const found = tap(result, index, 'attention.head_output');
          expected.forEach((value, at) => assert.ok(Math.abs(value - found[at]!) < 2e-6, `${value}, not ${found[at]}`));
        }
        const [whole, chunked] = [logits(result), logits(await run([variant], 3))];
        whole.forEach((value, at) => assert.ok(Math.abs(value - chunked[at]!) < 2e-5));
      });
    }

    it('of some heads leaves the others of the layer alone, and another variant beside it bit for bit', async () => {
      const variant = await lowered('plan:1.0=1+1');
      const beside = await run([[], variant]);
      const plain = await run([[]]);
      const size = logits(plain).length;
      assert.deepEqual(logits(beside).subarray(0, size), logits(plain));
      const own = await run([variant]);
      const expected = attention(
        own,
        1,
        (g, i, j) => g !== 0 || recent(1, 1)(g, i, j),
        () => false,
      );
      const found = tap(own, 1, 'attention.head_output');
      expected.forEach((value, at) => assert.ok(Math.abs(value - found[at]!) < 2e-6));
    });

    it('that keeps chosen positions, or that begins at the end of the prompt, changes no row of the prompt', async () => {
      const plain = logits(await run([[]]));
      for (const text of ['plan:*.*=kept(0-2,5)', 'plan:*.*=1+1;dense']) {
        assert.deepEqual(logits(await run([await lowered(text)])), plain);
      }
      assert.deepEqual(await lowered('plan:*.*=full'), []);
    });

    it('keeps what follows the prompt beside the chosen positions, or beside the last ones of the prompt', async () => {
      const prompt = 7;
      const chosen = {
        sinks: 0,
        recent: 0,
        mean: false,
        append: true,
        ranges: [
          { start: 1, end: 3 },
          { start: 5, end: 6 },
        ],
      };
      const ending = { sinks: 1, recent: 2, mean: true, append: true };
      const heads = tiny.model.spec.blocks.map(({ attention }) =>
        Array.from({ length: attention!.kvHeads }, (_, g) => (g === 0 ? chosen : ending)),
      );
      const result = await run([planChanges({ prompt, from: prompt, heads })]);
      const keeps = (g: number, i: number, j: number): boolean =>
        i < prompt || j >= prompt || (g === 0 ? [1, 2, 5].includes(j) : j < 1 || j >= prompt - 2);
      const found = tap(result, 0, 'attention.head_output');
      const expected = attention(result, 0, keeps, (g) => g > 0);
      expected.forEach((value, at) => assert.ok(Math.abs(value - found[at]!) < 2e-6));
    });

    it('reads as the mean only what is inside a window of the model, counted in positions', async () => {
      const window = tiny.model.spec.blocks[0]!.attention!.window;
      const plan = changesOf(await lowered('plan:*.*=0+1+mean'), 'plan');
      // Ten positions are left out in the middle: rows before them are further away than they are counted.
      const positions = Array.from({ length: n }, (_, row) => (row < 8 ? row : row + 10));
      const { spec, sessions } = tiny.model;
      const taps = [{ layer: 0, tap: 'attention.probabilities' as const }];
      const probabilities = async (variant: Variant): Promise<Float32Array> =>
        tap(
          await runPrompt(spec, sessions, { ids, positions, variants: [variant], chunk: n, logits: 'none', taps }),
          0,
          'attention.probabilities',
        );
      const [plain, p] = [await probabilities([]), await probabilities(plan)];
      for (let i = 0; i < n; i++) {
        const dropped = Array.from({ length: Math.max(0, i - 1) }, (_, j) => j).filter(
          (j) => window === undefined || positions[j]! > positions[i]! - window,
        );
        // Dropped keys share one weight, and keys outside the window have none.
        // Logarithms of probabilities are scores, up to a number of the row.
        const score = dropped.reduce((sum, j) => sum + Math.log(plain[i * n + j]!), 0) / dropped.length;
        for (const j of dropped) {
          const expected = Math.exp(score - Math.log(plain[i * n + i]!)) * p[i * n + i]!;
          assert.ok(Math.abs(p[i * n + j]! - expected) < 1e-5 * expected, `row ${i}: ${p[i * n + j]}, not ${expected}`);
        }
        const sum = Array.from({ length: i + 1 }, (_, j) => p[i * n + j]!).reduce((x, y) => x + y, 0);
        assert.ok(Math.abs(sum - 1) < 1e-6);
        for (let j = 0; j < i - 1; j++) if (!dropped.includes(j)) assert.equal(p[i * n + j], 0);
      }
      if (window !== undefined)
        assert.ok(Array.from({ length: n }, (_, i) => i).some((i) => positions[i]! - window >= 8));
    });

    it('of several plans the last counts, one that keeps everything too', async () => {
      const { model } = tiny;
      const of = { opened: model, model, sequence: { ids }, chunk: n, memoryLimit: 1e9, signal };
      const list = ['plan:*.*=1+1', 'plan:*.*=full'].map((text) => {
        const read = parseDo(text);
        assert.ok(read.ok);
        return read.value;
      });
      assert.deepEqual((await lower(of, [list])).variants, [[]]);
    });

    it('that names what is not there is refused', async () => {
      await assert.rejects(lowered('plan:9.0=1+1'), /no layer 9/);
      await assert.rejects(lowered('plan:0.77=1+1'), /no head 77 in layer 0: it has \d+ key\/value heads/);
      await assert.rejects(lowered('plan:0.0=kept(0-99)'), /keeps position 99, and the prompt has/);
    });

    it('in the middle of the prompt is read by the rows behind it alone', async () => {
      const plan = changesOf(await lowered('plan:*.*=0+1'), 'plan');
      const from = 6;
      const result = await run([plan.map((one) => ({ ...one, from }))]);
      const expected = attention(
        result,
        0,
        (g, i, j) => i < from || recent(0, 1)(g, i, j),
        () => false,
      );
      const found = tap(result, 0, 'attention.head_output');
      expected.forEach((value, at) => assert.ok(Math.abs(value - found[at]!) < 2e-6));
    });
  });
}
