import assert from 'node:assert/strict';
import type { Mechanism } from '../../../../kernels/mechanism';
import { alibi } from '../../../../kernels/mechanisms/alibi';
import { alibiSlopes } from '../../../../kernels/mechanisms/alibi-slopes';
import { distributedMha } from '../../../../kernels/mechanisms/distributed/distributed-mha';
import { fused } from '../../../../kernels/mechanisms/fused';
import { groupedQuery } from '../../../../kernels/mechanisms/grouped-query';
import { scaledDotProduct } from '../../../../kernels/mechanisms/scaled-dot-product';
import { tiled } from '../../../../kernels/mechanisms/tiled';
import { resolveTable } from '../../../../protocol/analysis/parameters';
import { tensor } from '../../../../kernels/tensors/tensor';
import { runMechanism } from '../run';
import {
  assertNear,
  attended,
  dense,
  eachHead,
  expectValues,
  range,
  type Case,
  type Given,
  type Rows,
} from './support';

const patterns: readonly Case<never>[] = [
  { name: 'causal', expected: dense },
  { name: 'causal on a cache', shape: { queries: 3, batch: 1 }, expected: dense },
  { name: 'more queries than keys: the first ones read nothing', shape: { keys: 8 }, expected: dense },
  { name: 'every key', shape: { pattern: 'noncausal-self' }, expected: dense },
  { name: 'keys of another sequence', shape: { pattern: 'noncausal-cross', keys: 5 }, expected: dense },
  { name: 'keys of another sequence known beforehand', shape: { pattern: 'causal-cross', keys: 7 }, expected: dense },
];
const wide = patterns.map((each) => ({ ...each, shape: { ...each.shape, headDim: 8, valueDim: 8 } }));

expectValues(scaledDotProduct, patterns as never);
expectValues(groupedQuery, patterns as never);
expectValues(fused, wide as never);
expectValues(
  tiled,
  patterns.map((each) => ({ ...each, parameters: { rows: 4, span: 4 } })),
);
expectValues(
  distributedMha,
  patterns.map((each) => ({
    ...each,
    parameters: { headWorkers: 2, sequenceWorkers: 2, rows: 3, block: 4 },
  })),
);

describe('Expected values by hand: one query, two keys', () => {
  // d = 4: the score of the second key is 2 ln 3 / sqrt(4) = ln 3, of the first 0; weights 1/4 and 3/4 of the values 0 and 8.
  for (const mechanism of [scaledDotProduct, groupedQuery, tiled, distributedMha] as unknown as Mechanism[]) {
    it(`${mechanism.id} gives 6`, async () => {
      const resolution = resolveTable(
        mechanism.id,
        mechanism.parameters,
        mechanism.id === 'distributed-mha' ? { headWorkers: 1 } : {},
      );
      assert.ok(resolution.ok);
      const shape = {
        pattern: 'noncausal-cross',
        batch: 1,
        heads: 1,
        kvHeads: 1,
        queries: 1,
        keys: 2,
        headDim: 4,
        valueDim: 1,
      } as const;
      const inputs = {
        query: tensor([1, 1, 1, 4], Float64Array.of(2, 0, 0, 0)),
        key: tensor([1, 1, 2, 4], Float64Array.of(0, 1, 1, 1, Math.log(3), 5, 5, 5)),
        value: tensor([1, 1, 2, 1], Float64Array.of(0, 8)),
        weights: {},
      };
      assert.ok(Math.abs(mechanism.reference(inputs, shape, resolution.values).data[0]! - 6) < 1e-12);
      assert.ok(Math.abs((await runMechanism(mechanism, inputs, shape, resolution.values)).data[0]! - 6) < 1e-5);
    });
  }
});

/** Scores lose slope times distance. */
const fading =
  (slopes: readonly number[], strength = 1) =>
  (given: Given): Rows =>
    eachHead(given, (head) =>
      head.query.map((_, i) => {
        const position = i + given.shape.keys - given.shape.queries;
        const causal = given.shape.pattern === 'causal-self';
        return attended(
          head,
          i,
          range(0, causal ? position + 1 : given.shape.keys),
          (q, k, j) =>
            q.reduce((sum, x, c) => sum + x * k[c]!, 0) / Math.sqrt(q.length) -
            strength * slopes[head.h]! * Math.abs(position - j),
        );
      }),
    );

// Four heads: 2^-2, 2^-4, 2^-6, 2^-8. Six: those of four, then the first and the third of eight heads, 2^-1 and 2^-3.
const four = [1 / 4, 1 / 16, 1 / 64, 1 / 256];
const six = [...four, 1 / 2, 1 / 8];

expectValues(alibi, [
  { name: 'four heads', expected: fading(four) },
  { name: 'six heads', shape: { heads: 6 }, expected: fading(six) },
  { name: 'twice as steep, on a cache', shape: { queries: 4 }, parameters: { strength: 2 }, expected: fading(four, 2) },
  { name: 'both ways', shape: { pattern: 'noncausal-self' }, expected: fading(four) },
]);

describe('Expected values by hand: slopes of ALiBi', () => {
  it('are powers of two as in the paper, and of the authors’ code for other numbers of heads', () => {
    assert.deepEqual(alibiSlopes(1), [2 ** -8]);
    assert.deepEqual(alibiSlopes(8), [1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]);
    assert.deepEqual(alibiSlopes(4), four);
    assert.deepEqual(alibiSlopes(6), six);
    assert.deepEqual(alibiSlopes(3), [2 ** -4, 2 ** -8, 2 ** -2]);
    // Twelve: eight, then every second of sixteen: 2^-0.5, 2^-1.5, 2^-2.5, 2^-3.5.
    assertNear(
      alibiSlopes(12)
        .slice(8)
        .map((slope) => Math.log2(slope)),
      [-0.5, -1.5, -2.5, -3.5],
      1e-15,
      'twelve heads',
    );
    assert.equal(alibiSlopes(12).length, 12);
  });
});
