import assert from 'node:assert/strict';
import { scaledDotProduct } from '../../../../kernels/mechanisms/scaled-dot-product';
import { duoAttention } from '../../../../kernels/mechanisms/streaming/duo-attention';
import { spanRows } from '../../../../kernels/mechanisms/streaming/reference';
import { fullSpan, type HeadSpans } from '../../../../kernels/mechanisms/streaming/spans';
import { allRows } from '../../../../kernels/reference/softmax';
import { drawInputs } from '../../../../kernels/inputs';
import { random } from '../../../../kernels/tensors/random';
import { runMechanism } from '../run';
import { assertClose, causalShape, parametersFor, readsOf, takeHeads, takePositions } from './support';

const sinks = 3;
const recent = 7;

describe('DuoAttention: the kernel does what the paper and its code say', () => {
  it('a row of the training mask reads min(i + 1, s + r) keys: the first s and the last r, itself included', () => {
    const shape = causalShape(40);
    const parameters = parametersFor(duoAttention, { fullShare: 0, sinks, recent, window: 'training mask' });
    const rows = readsOf(duoAttention, shape, parameters, 2);
    rows.forEach((keys, i) => {
      assert.equal(keys.length, Math.min(i + 1, sinks + recent), `row ${i}`);
      assert.equal(keys.at(-1), i);
    });
    assert.deepEqual(rows[20], [0, 1, 2, 14, 15, 16, 17, 18, 19, 20]);
    const pairs = rows.reduce((sum, keys) => sum + keys.length, 0);
    // 1 + 2 + ... + 9, and 31 rows of 10.
    assert.equal(pairs, 45 + 310);
  });

  it('by default a row reads what the released cache holds and itself: min(i + 1, s + r + 1) keys', () => {
    const rows = readsOf(
      duoAttention,
      causalShape(40),
      parametersFor(duoAttention, { fullShare: 0, sinks, recent }),
      2,
    );
    assert.deepEqual(rows[20], [0, 1, 2, 13, 14, 15, 16, 17, 18, 19, 20]);
    rows.forEach((keys, i) => assert.equal(keys.length, Math.min(i + 1, 11), `row ${i}`));
  });

  it('decodes as the release does: s + r keys in the cache and the token itself, then the cache is cut again', () => {
    const length = 30;
    const shape = causalShape(length);
    const streamed = parametersFor(duoAttention, { fullShare: 0, sinks, recent });
    const inputs = drawInputs(duoAttention, shape, streamed, 4);
    const pass = duoAttention.reference(inputs, shape, streamed);
    let cache: readonly number[] = [];
    for (let i = 0; i < length; i++) {
      const positions = [...cache, i];
      const step = causalShape(1, { queries: 1, keys: positions.length });
      const output = scaledDotProduct.reference(
        {
          query: takePositions(inputs.query, [i]),
          key: takePositions(inputs.key, positions),
          value: takePositions(inputs.value, positions),
          weights: {},
        },
        step,
        {},
      );
      assertClose(output, takePositions(pass, [i]), 1e-12, `token ${i}`);
      cache =
        positions.length > sinks + recent ? [...positions.slice(0, sinks), ...positions.slice(-recent)] : positions;
      const held = duoAttention.decode!.states(causalShape(1, { keys: i + 2 }), streamed);
      assert.deepEqual(
        held.map((each) => each.shape[2]),
        [cache.length, cache.length],
        `the cache after token ${i}`,
      );
    }
  });

  it('permuting the key/value heads with their spans permutes the outputs', () => {
    const shape = causalShape(50, { heads: 8, kvHeads: 4 });
    const inputs = drawInputs(duoAttention, shape, {}, 6);
    const spans: HeadSpans = [{ sinks, recent }, fullSpan, { sinks: 1, recent: 20 }, fullSpan];
    const order = [3, 0, 2, 1];
    const queryOrder = order.flatMap((head) => [2 * head, 2 * head + 1]);
    const permuted = spanRows(
      {
        query: takeHeads(inputs.query, queryOrder),
        key: takeHeads(inputs.key, order),
        value: takeHeads(inputs.value, order),
        weights: {},
      },
      shape,
      order.map((head) => spans[head]!),
      allRows(shape),
    );
    assertClose(permuted, takeHeads(spanRows(inputs, shape, spans, allRows(shape)), queryOrder), 1e-12);
  });

  it('a query after N keys reads f (N + 1) + (G - f) (min(N, s + r) + 1) of them and itself, for random shares, sinks and recents', () => {
    const source = random(3);
    for (let trial = 0; trial < 10; trial++) {
      const kvHeads = [1, 2, 4, 8][source.whole(4)]!;
      const parameters = parametersFor(duoAttention, {
        fullShare: source.uniform(),
        sinks: source.whole(9),
        recent: 1 + source.whole(20),
      });
      const before = 10 + source.whole(40);
      const shape = causalShape(before + 1, { heads: kvHeads, kvHeads });
      const full = Math.round(parameters.fullShare * kvHeads);
      let kept = 0;
      for (let head = 0; head < kvHeads; head++) {
        kept += readsOf(duoAttention, shape, parameters, head).at(-1)!.length;
      }
      const cut = Math.min(before, parameters.sinks + parameters.recent);
      assert.equal(kept, full * (before + 1) + (kvHeads - full) * (cut + 1));
    }
  });

  it('runs streaming and retrieval heads apart, in their own order', async () => {
    const shape = causalShape(200, { heads: 8, kvHeads: 4, headDim: 16, valueDim: 16 });
    const parameters = parametersFor(duoAttention, { fullShare: 0.5, sinks: 4, recent: 16 });
    const inputs = drawInputs(duoAttention, shape, parameters, 8);
    const output = await runMechanism(duoAttention, inputs, shape, parameters);
    assertClose(output, duoAttention.reference(inputs, shape, parameters), 1e-5);
  });

  it('the caches hold the bytes of the formula: all keys of a retrieval head, sinks and recent ones of the others', () => {
    // 2 b B d (f N + (G - f) min(N, s + r)).
    for (const [kvHeads, full, first, last, cached, batch] of [
      [4, 1, 3, 7, 40, 1],
      [8, 5, 0, 16, 12, 2],
      [2, 0, 64, 256, 4096, 1],
      [6, 6, 2, 2, 100, 3],
    ] as const) {
      const shape = causalShape(1, { batch, heads: 2 * kvHeads, kvHeads, keys: cached + 1 });
      const states = duoAttention.decode!.states(shape, {
        fullShare: full / kvHeads,
        sinks: first,
        recent: last,
        window: 'cache and self',
      });
      const bytes = states.reduce((sum, { shape: dims }) => sum + 4 * dims.reduce((all, dim) => all * dim, 1), 0);
      const rows = full * cached + (kvHeads - full) * Math.min(cached, first + last);
      assert.equal(bytes, 2 * 4 * batch * shape.headDim * rows, `${kvHeads} heads, ${full} of them full`);
    }
  });
});
