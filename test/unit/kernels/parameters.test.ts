import assert from 'node:assert/strict';
import { catalogue, mechanismById } from '../../../kernels/catalogue';
import { alibiSlopes } from '../../../kernels/mechanisms/alibi-slopes';
import { resolveTable, valueOfText } from '../../../protocol/analysis/parameters';
import { readablePairs, kvBytesPerToken } from '../../../kernels/cost/attention';
import { denseReads } from '../../../kernels/reference/pattern';

const window = mechanismById('sliding-window');
assert.ok(window);

describe('Parameters', () => {
  it('take defaults and accept what the table allows', () => {
    assert.deepEqual(resolveTable(window.id, window.parameters), { ok: true, values: { window: 256 } });
    assert.deepEqual(resolveTable(window.id, window.parameters, { window: 7 }), { ok: true, values: { window: 7 } });
  });

  it('say what is wrong in one sentence', () => {
    const why = (given: Record<string, unknown>) => {
      const resolution = resolveTable(window.id, window.parameters, given);
      return resolution.ok ? 'ok' : resolution.why;
    };
    assert.equal(why({ window: 0 }), 'sliding-window.window must be a whole number from 1 to 16777216, not 0.');
    assert.equal(why({ window: '9' }), 'sliding-window.window must be a whole number from 1 to 16777216, not "9".');
    assert.equal(why({ windw: 9 }), 'sliding-window has no parameter "windw": it takes window.');
    assert.equal(why({ toString: 1 }), 'sliding-window has no parameter "toString": it takes window.');
  });

  it('are read from texts by their kind', () => {
    const integer = { kind: 'integer', title: '', description: '', min: 0, max: 9, default: 1 } as const;
    assert.equal(valueOfText(integer, '7'), 7);
    assert.equal(valueOfText(integer, 'many'), 'many');
    assert.equal(valueOfText(integer, ' '), ' ');
    assert.equal(valueOfText({ kind: 'boolean', title: '', description: '', default: false }, 'true'), true);
  });
});

describe('Catalogue', () => {
  it('has unique ids, defaults inside their ranges, and sentences as summaries', () => {
    assert.equal(new Set(catalogue.map((mechanism) => mechanism.id)).size, catalogue.length);
    for (const mechanism of catalogue) {
      assert.ok(resolveTable(mechanism.id, mechanism.parameters).ok, mechanism.id);
      assert.match(mechanism.summary, /\.$/);
      assert.ok(mechanism.source.reference.length > 10);
      for (const limit of mechanism.limits) assert.ok(mechanismById(limit.equals), `${mechanism.id}: ${limit.equals}`);
    }
  });
});

describe('ALiBi slopes', () => {
  it('are the published ones for 8 heads, and interleaved for 12', () => {
    assert.deepEqual(
      alibiSlopes(8),
      [1, 2, 3, 4, 5, 6, 7, 8].map((k) => 2 ** -k),
    );
    const twelve = alibiSlopes(12);
    assert.equal(twelve.length, 12);
    assert.deepEqual(
      twelve.slice(8),
      [0.5, 1.5, 2.5, 3.5].map((k) => 2 ** -k),
    );
  });
});

describe('Cost formulas', () => {
  it('count the pairs that the pattern lets a query read', () => {
    for (const [queries, keys] of [
      [7, 7],
      [3, 10],
      [10, 3],
      [1, 1],
    ] as const) {
      const shape = {
        pattern: 'causal-self',
        batch: 1,
        heads: 1,
        kvHeads: 1,
        queries,
        keys,
        headDim: 4,
        valueDim: 4,
      } as const;
      const reads = denseReads(shape);
      let counted = 0;
      for (let i = 0; i < queries; i++) for (let j = 0; j < keys; j++) counted += reads(0, i, j) ? 1 : 0;
      assert.equal(readablePairs(shape), counted);
    }
  });

  it('give the KV cache of Llama 3.1 8B: 4 KiB a token and layer in 16 bits', () => {
    assert.equal(kvBytesPerToken({ kvHeads: 8, headDim: 128, valueDim: 128 }, 2), 4096);
  });
});
