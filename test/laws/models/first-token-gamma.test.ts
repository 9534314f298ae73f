/** Gamma on the first token as a score bias: what the operator of zerotuning promises, in the graph of a model. */
import type { Variant } from '../../../models/instrument/changes/changes';
import assert from 'node:assert/strict';
import { ServerRunner } from '../../../compute-server/runner/runner';
import { firstTokenGroup, tuned } from '../../../diagnostics/interventions/zerotuning/measure';
import { openTiny, promptIds as ids, type OpenTiny } from '../../support/checkpoints/open-tiny';
import { surroundingsOf } from '../../support/model-jobs';

const n = ids.length;
const place = { layer: 0, head: 2 };

describe('gamma on the first token', () => {
  let tiny: OpenTiny;
  let runner: ServerRunner;
  before(async () => {
    tiny = await openTiny('llama');
    runner = new ServerRunner(tiny.model, tiny.model, surroundingsOf(), new AbortController().signal);
  });
  after(() => tiny.close());

  const run = async (variant: Variant) => {
    const { layers, logits } = await runner.run({
      ids,
      groups: [firstTokenGroup],
      variants: [variant],
      maps: [place],
      taps: [
        { layer: 0, tap: 'attention.head_output' },
        { layer: 0, tap: 'attention.value' },
      ],
      logits: 'all',
    });
    const map = layers[0]?.maps.get(place.head) ?? assert.fail();
    const rows = Array.from({ length: n }, (_, i) => [...map.subarray(i * n, i * n + i + 1)]);
    const tap = (name: 'attention.head_output' | 'attention.value'): Float32Array => {
      const data = layers[0]?.taps[name]?.data;
      return data instanceof Float32Array ? data : assert.fail();
    };
    const outputs = tap('attention.head_output');
    const width = outputs.length / (4 * n);
    const output = (i: number): number[] => [
      ...outputs.subarray((place.head * n + i) * width, (place.head * n + i + 1) * width),
    ];
    return {
      rows,
      output,
      value: (g: number) => [...tap('attention.value').subarray(g * n * width, g * n * width + width)],
      logits,
    };
  };
  const gamma = (...factors: number[]): Variant => factors.reduce<Variant>((all, one) => tuned(all, [place], one), []);
  const close = (a: readonly number[], b: readonly number[], tolerance: number): void => {
    assert.equal(a.length, b.length);
    a.forEach((value, i) => assert.ok(Math.abs(value - (b[i] ?? Number.NaN)) <= tolerance, `${value}, not ${b[i]}`));
  };

  it('is the factor on the weight of token 0, renormalised, and leaves the distribution over the others', async () => {
    const plain = await run([]);
    for (const factor of [0.3, 2, 8]) {
      const { rows } = await run(gamma(factor));
      rows.forEach((row, i) => {
        const before = plain.rows[i] ?? [];
        const d = (factor - 1) * (before[0] ?? 0) + 1;
        close(
          row,
          before.map((p, key) => ((key === 0 ? factor : 1) * p) / d),
          3e-7,
        );
        const rest = (of: readonly number[]): number[] => of.slice(1).map((p) => p / (1 - (of[0] ?? 0)));
        if (i > 0) close(rest(row), rest(before), 3e-7 / (1 - (row[0] ?? 0)));
      });
    }
  });

  it('of 1 changes no bit, and two factors multiply', async () => {
    const plain = await run([]);
    assert.deepEqual((await run(gamma(1))).logits, plain.logits);
    const [twice, once] = [await run(gamma(3, 0.5)), await run(gamma(1.5))];
    twice.rows.forEach((row, i) => close(row, once.rows[i] ?? [], 2e-7));
  });

  it('near 0 hides token 0 from all later rows, and a large one leaves its value alone', async () => {
    const [small, hidden] = [
      await run(gamma(1e-12)),
      await run([{ kind: 'bias', ...place, group: firstTokenGroup.name, value: -10_000 }]),
    ];
    for (let i = 1; i < n; i++) close(small.rows[i] ?? [], hidden.rows[i] ?? [], 1e-6);
    assert.ok(hidden.rows.slice(1).every(([first]) => first === 0));
    const large = await run(gamma(1e30));
    // Four query heads read two key/value heads: head 2 reads the second.
    for (let i = 1; i < n; i++) close(large.output(i), large.value(1), 1e-6);
  });

  it('never changes what the first row reads', async () => {
    const plain = await run([]);
    for (const factor of [1e-12, 0.5, 20]) {
      const changed = await run(gamma(factor));
      assert.deepEqual(changed.rows[0], [1]);
      assert.deepEqual(changed.output(0), plain.output(0));
    }
  });
});
