import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { runPrompt } from '../../../compute-server/model/run/stream/model-run';
import type { RunRequest } from '../../../compute-server/model/run/stream/run-request';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import type { Parameters } from '../../support/reference/vectors';

const heads = 4;
const headDim = 8;

describe('interventions', () => {
  let tiny: OpenTiny;
  before(async () => {
    tiny = await openTiny('llama');
  });
  after(() => tiny.close());

  const run = (variants: readonly Variant[], extra: Partial<RunRequest> = {}) =>
    runPrompt(tiny.model.spec, tiny.model.sessions, { ids, chunk: 7, logits: 'all', variants, ...extra });
  const logits = async (variant: Variant, extra: Partial<RunRequest> = {}): Promise<number[]> =>
    Array.from((await run([variant], extra)).logits?.data as Float32Array);
  const close = (a: readonly number[], b: readonly number[], tolerance: number): void => {
    assert.equal(a.length, b.length);
    a.forEach((value, i) =>
      assert.ok(Math.abs(value - (b[i] ?? Number.NaN)) <= tolerance, `${value} and ${b[i]} at ${i}`),
    );
  };

  it('a gain is the same factor on the columns of the output projection that belong to the head', async () => {
    const head = 2;
    const scaled: Parameters = {
      ...tiny.parameters,
      matrix: (name) =>
        name !== 'model.layers.1.self_attn.o_proj.weight'
          ? tiny.parameters.matrix(name)
          : tiny.parameters
              .matrix(name)
              .map((row) => row.map((w, i) => (Math.floor(i / headDim) === head ? w * -0.5 : w))),
    };
    close(await logits([{ kind: 'gain', layer: 1, head, gain: -0.5 }]), tiny.tiny.run(scaled, ids).logits.flat(), 1e-5);
  });

  it('gains of one head multiply, and a gain of 1 changes no bit', async () => {
    const plain = await logits([]);
    assert.deepEqual(await logits([{ kind: 'gain', layer: 0, head: 0, gain: 1 }]), plain);
    assert.deepEqual(
      await logits([
        { kind: 'gain', layer: 0, head: 1, gain: 2 },
        { kind: 'gain', layer: 0, head: 1, gain: 0.5 },
      ]),
      plain,
    );
  });

  it('variants run as a batch give what each gives alone', async () => {
    const variants: Variant[] = [
      [],
      [{ kind: 'gain', layer: 1, head: 3, gain: 0 }],
      [{ kind: 'gain', layer: 0, head: 0, gain: 2 }],
    ];
    const batch = Array.from((await run(variants)).logits?.data as Float32Array);
    const each = batch.length / variants.length;
    for (const [at, variant] of variants.entries()) {
      close(batch.slice(at * each, (at + 1) * each), await logits(variant), 1e-5);
    }
  });

  it('a score bias on a group acts as adding it to the scores', async () => {
    const group = { name: 'g', positions: [1, 4] };
    const bias = 1.3;
    const extra = { groups: [group], taps: [{ layer: 0, tap: 'attention.probabilities' }], chunk: 20 } as const;
    const probabilities = async (variant: Variant) =>
      (await run([variant], extra)).layers[0]?.taps['attention.probabilities']?.data as Float32Array;
    const plain = await probabilities([]);
    const biased = await probabilities([{ kind: 'bias', layer: 0, head: 2, group: 'g', value: bias }]);
    for (let h = 0; h < heads; h++) {
      for (let i = 0; i < 20; i++) {
        const row = Array.from(plain.subarray((h * 20 + i) * 20, (h * 20 + i + 1) * 20));
        const weights = row.map((p, j) => p * (h === 2 && group.positions.includes(j) ? Math.exp(bias) : 1));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        close(
          Array.from(biased.subarray((h * 20 + i) * 20, (h * 20 + i + 1) * 20)),
          weights.map((w) => w / total),
          1e-6,
        );
      }
    }
  });

  it('a group weight reweights probabilities and renormalises them; weight 0 removes the keys', async () => {
    const group = { name: 'g', positions: [0, 3] };
    for (const value of [0, 0.25, 3]) {
      const taps = [
        { layer: 1, tap: 'attention.probabilities' },
        { layer: 1, tap: 'attention.value' },
        { layer: 1, tap: 'attention.head_output' },
      ] as const;
      const result = await run([[{ kind: 'weight', layer: 1, head: 1, group: 'g', value }]], {
        groups: [group],
        taps,
        chunk: 20,
      });
      const layer = result.layers[1]?.taps;
      const p = layer?.['attention.probabilities']?.data as Float32Array;
      const v = layer?.['attention.value']?.data as Float32Array;
      const output = layer?.['attention.head_output']?.data as Float32Array;
      const kvHead = 0;
      for (let i = 1; i < 20; i++) {
        const weights = Array.from(
          { length: 20 },
          (_, j) => (p[(1 * 20 + i) * 20 + j] ?? 0) * (group.positions.includes(j) ? value : 1),
        );
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const expected = Array.from({ length: headDim }, (_, c) =>
          weights.reduce((sum, weight, j) => sum + (weight / total) * (v[(kvHead * 20 + j) * headDim + c] ?? 0), 0),
        );
        close(Array.from(output.subarray((1 * 20 + i) * headDim, (1 * 20 + i + 1) * headDim)), expected, 1e-5);
      }
    }
  });

  it('patching a residual stream from another prompt gives that prompt from there on', async () => {
    const other = ids.map((id) => (id + 5) % 61);
    const source = await run([[]], { ids: other, taps: [{ layer: 0, tap: 'residual' }] });
    const data = source.layers[0]?.taps.residual?.data as Float32Array;
    const patched = await logits([{ kind: 'replacement', layer: 0, target: 'residual', data }]);
    close(patched, Array.from(source.logits?.data as Float32Array), 1e-6);
  });

  it('replacing single head outputs by their own values changes no bit; by zeros equals a gain of 0', async () => {
    const plain = await run([[]], { taps: [{ layer: 1, tap: 'attention.head_output' }] });
    const own = (plain.layers[1]?.taps['attention.head_output']?.data as Float32Array).slice(
      2 * 20 * headDim,
      3 * 20 * headDim,
    );
    assert.deepEqual(
      await logits([{ kind: 'replacement', layer: 1, target: 'head', head: 2, data: own, positions: [3, 9] }]),
      Array.from(plain.logits?.data as Float32Array),
    );
    const zeros = new Float32Array(20 * headDim);
    close(
      await logits([{ kind: 'replacement', layer: 1, target: 'head', head: 2, data: zeros }]),
      await logits([{ kind: 'gain', layer: 1, head: 2, gain: 0 }]),
      1e-6,
    );
  });

  it('a run that starts from the residual stream that enters a layer gives the same logits', async () => {
    const whole = await run([[]], { keepResiduals: [1] });
    const [residual] = whole.residuals;
    assert.ok(residual);
    const fromThere = await run([[]], { from: residual });
    assert.equal(fromThere.layers.length, 1);
    assert.deepEqual(fromThere.logits, whole.logits);
  });

  it('a weight of 0 on everything that a query reads leaves that query as it was, and later queries lose the keys', async () => {
    const group = { name: 'first', positions: [0] };
    const taps = [{ layer: 0, tap: 'attention.head_output' }] as const;
    const outputs = async (variant: Variant) =>
      (await run([variant], { groups: [group], taps, chunk: 20 })).layers[0]?.taps['attention.head_output']
        ?.data as Float32Array;
    const plain = await outputs([]);
    const removed = await outputs([{ kind: 'weight', layer: 0, head: 1, group: 'first', value: 0 }]);
    const row = (data: Float32Array, i: number): number[] =>
      Array.from(data.subarray((20 + i) * headDim, (20 + i + 1) * headDim));
    close(row(removed, 0), row(plain, 0), 1e-6);
    assert.notDeepEqual(row(removed, 1), row(plain, 1));
    // Every later layer reads that query too: one number that is not finite would spread to all.
    const after = await logits([{ kind: 'weight', layer: 0, head: 1, group: 'first', value: 0 }], { groups: [group] });
    assert.ok(after.every(Number.isFinite));
  });

  it('sessions that come and go under a small limit give the same bits', async () => {
    const tight = await openTiny('gemma3', 30_000);
    const wide = await openTiny('gemma3');
    const request = {
      ids,
      chunk: 7,
      logits: 'all',
      variants: [[], [{ kind: 'gain', layer: 1, head: 1, gain: 0 }]],
    } as const;
    const [few, all] = [tight, wide].map(({ model }) => runPrompt(model.spec, model.sessions, request));
    assert.deepEqual((await few)?.logits, (await all)?.logits);
    assert.ok(tight.model.sessions.openBytes() <= 30_000);
    assert.ok(wide.model.sessions.openBytes() > 60_000);
    await tight.close();
    await wide.close();
  });
});
