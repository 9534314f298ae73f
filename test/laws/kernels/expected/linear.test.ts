import assert from 'node:assert/strict';
import { latent } from '../../../../kernels/mechanisms/latent/latent';
import { rotaryAngles } from '../../../../kernels/mechanisms/latent/definition';
import { lightningAttention, transnormerSlopes } from '../../../../kernels/mechanisms/lightning/attention';
import { lightningAttention2, lightningSlopes } from '../../../../kernels/mechanisms/lightning/attention-2';
import { headAngles } from '../../../../kernels/mechanisms/lightning/rotation';
import { linear } from '../../../../kernels/mechanisms/linear';
import {
  assertNear,
  attended,
  dot,
  eachHead,
  expectValues,
  plus,
  product,
  range,
  sigmoid,
  times,
  weighted,
  type Given,
  type Matrix,
  type Row,
  type Rows,
} from './support';

const readable = ({ shape }: Given, i: number): readonly number[] =>
  range(0, shape.pattern === 'causal-self' ? i + shape.keys - shape.queries + 1 : shape.keys);

/** elu(x) + 1. */
const positive = (row: Row): Row => row.map((x) => (x < 0 ? Math.exp(x) : x + 1));

expectValues(
  linear,
  [
    { name: 'causal', parameters: { chunk: 4 } },
    { name: 'causal on a cache', shape: { queries: 4 } },
    { name: 'more queries than keys', shape: { keys: 7 } },
    { name: 'both ways', shape: { pattern: 'noncausal-self' as const, valueDim: 3 } },
    { name: 'keys of another sequence', shape: { pattern: 'noncausal-cross' as const, keys: 5 } },
  ].map((each) => ({
    ...each,
    expected: (given: Given) =>
      eachHead(given, ({ query, key, value }) =>
        query.map((q, i) => {
          const read = readable(given, i);
          if (read.length === 0) return times(value[0]!, 0);
          const scores = read.map((j) => dot(positive(q), positive(key[j]!)));
          const total = scores.reduce((sum, score) => sum + score, 1e-6);
          return times(
            weighted(
              scores,
              read.map((j) => value[j]!),
            ),
            1 / total,
          );
        }),
      ),
  })),
);

interface Fading {
  /** -log of the decay by head. */
  readonly slopes: Row;
  /** Radians by head and channel of a position. */
  readonly angles?: Matrix;
  readonly features?: (x: number) => number;
  readonly norm?: boolean;
}

/** sum over the keys of decay^distance times sum_c q_c k_c cos(angle_c distance) times the value. */
const fading =
  ({ slopes, angles, features = (x) => x, norm = false }: Fading) =>
  (given: Given): Rows => {
    const { keys, queries } = given.shape;
    const rows = eachHead(given, ({ b, h, query, key, value }) =>
      query.map((q, i) => {
        const position = i + keys - queries;
        const read = readable(given, i);
        if (read.length === 0) return times(value[0]!, 0);
        const weights = read.map((j) => {
          const distance = position - j;
          const terms = q.map(
            (x, c) => features(x) * features(key[j]![c]!) * Math.cos((angles?.[h]![c] ?? 0) * distance),
          );
          return terms.reduce((sum, term) => sum + term, 0) * Math.exp(-slopes[h]! * Math.abs(distance));
        });
        const before = given.weights['state.before'] as readonly (readonly Matrix[])[] | undefined;
        const own = weighted(
          weights,
          read.map((j) => value[j]!),
        );
        return before ? plus(own, product(q, before[b]![h]!), Math.exp(-slopes[h]! * (position + 1))) : own;
      }),
    );
    if (!norm) return rows;
    return rows.map((heads) =>
      heads.map((own) =>
        own.map((row, i) => {
          const joined = heads.flatMap((each) => each[i]!);
          return times(row, 1 / Math.sqrt(dot(joined, joined) / joined.length + 1e-6));
        }),
      ),
    );
  };

// Four heads of width 6: 10000^(-2 j / 24) for j = 0 .. 23, that is 10^(-j / 3).
const lrpe = [0, 1, 2, 3].map((h) => range(0, 6).map((c) => 10 ** (-(6 * h + c) / 3)));
const none = [0, 0, 0, 0];
// Layer 2 of 5: 1 - 2 / 4 + 0.00001 of 1/4, 1/16, 1/64, 1/256; the paper's formula 2 h (1 - 2 / 5) for h = 1 .. 4.
const ofCode = [1 / 4, 1 / 16, 1 / 64, 1 / 256].map((slope) => slope * 0.50001);
const ofPaper = [1.2, 2.4, 3.6, 4.8];
const swish = (x: number) => x * sigmoid(x);

expectValues(lightningAttention, [
  { name: 'plain', parameters: { block: 3 }, expected: fading({ slopes: none }) },
  { name: 'plain, all blocks at once', parameters: { block: 4, form: 'parallel' }, expected: fading({ slopes: none }) },
  { name: 'both ways', shape: { pattern: 'noncausal-self' }, expected: fading({ slopes: none }) },
  {
    name: 'decay of the code, rotation, swish, norm',
    parameters: { block: 4, decay: 'code', layer: 2, layers: 5, rotation: true, features: 'swish', norm: 'srms' },
    expected: fading({ slopes: ofCode, angles: lrpe, features: swish, norm: true }),
  },
  {
    name: 'decay of the paper, rotation, on a cache',
    shape: { queries: 5 },
    parameters: { block: 2, decay: 'paper', layer: 2, layers: 5, rotation: true },
    expected: fading({ slopes: ofPaper, angles: lrpe }),
  },
  {
    name: 'rotation both ways, elu + 1',
    shape: { pattern: 'noncausal-self' },
    parameters: { rotation: true, features: 'elu + 1' },
    expected: fading({ slopes: none, angles: lrpe, features: (x) => positive([x])[0]! }),
  },
]);

expectValues(lightningAttention2, [
  { name: 'slopes by head', parameters: { block: 4 }, expected: fading({ slopes: [1 / 4, 1 / 16, 1 / 64, 1 / 256] }) },
  { name: 'no decay', parameters: { block: 3, decay: 'none' }, expected: fading({ slopes: none }) },
  {
    name: 'a given slope, all blocks at once, more queries than keys',
    shape: { keys: 8 },
    parameters: { block: 3, form: 'parallel', decay: 'given', slope: 0.84 },
    expected: fading({ slopes: [0.84, 0.84, 0.84, 0.84] }),
  },
  {
    name: 'from a state that was handed on',
    parameters: { block: 4, carried: true },
    weights: { 'state.before': [3, 4, 6, 5] },
    expected: fading({ slopes: [1 / 4, 1 / 16, 1 / 64, 1 / 256] }),
  },
]);

describe('Expected values by hand: decays and angles', () => {
  it('LRPE turns channel j of all heads by 10000^(-2 j / (H d)) a position', () => {
    assertNear(headAngles(2, 2).flat(), [1, 0.01, 0.0001, 0.000001], 1e-15, 'two heads of 2: 10000^(-j / 2)');
    assertNear(headAngles(1, 4).flat(), [1, 0.01, 0.0001, 0.000001], 1e-15, 'one head of 4');
    assert.deepEqual(
      headAngles(2, 4)[1]!.map((x) => Math.round(Math.log10(x))),
      [-4, -5, -6, -7],
    );
  });

  it('TransNormerLLM fades by head and layer', () => {
    const slopes = (decay: 'none' | 'code' | 'paper', layer: number, layers: number) =>
      transnormerSlopes(2, { decay, layer, layers });
    // Two heads: 2^-4 and 2^-8; the paper 4 and 8.
    assertNear(slopes('code', 0, 24), [1.00001 / 16, 1.00001 / 256], 1e-15, 'the first layer');
    assertNear(slopes('code', 23, 24), [0.00001 / 16, 0.00001 / 256], 1e-15, 'the last layer');
    assertNear(slopes('code', 0, 1), [1.00001 / 16, 1.00001 / 256], 1e-15, 'one layer');
    assertNear(slopes('code', 1, 2), [0.00001 / 16, 0.00001 / 256], 1e-15, 'the last of two');
    assertNear(slopes('paper', 0, 24), [4, 8], 1e-15, 'paper, first layer');
    assertNear(slopes('paper', 18, 24), [1, 2], 1e-15, 'paper, layer 18 of 24');
    assert.deepEqual(slopes('none', 3, 24), [0, 0]);
  });

  it('Lightning Attention-2 has half-lives of 1.4 to 177 positions with eight heads, as its repository says', () => {
    const half = lightningSlopes(8, { decay: 'by head', slope: 0 }).map((slope) => Math.LN2 / slope);
    assertNear(half, [1.386, 2.773, 5.545, 11.09, 22.18, 44.36, 88.72, 177.45], 1e-4, 'half-lives');
    assert.deepEqual(lightningSlopes(2, { decay: 'none', slope: 5 }), [0, 0]);
    assert.deepEqual(lightningSlopes(2, { decay: 'given', slope: 5 }), [5, 5]);
  });

  it('the shared rotary key turns pair i by 10000^(-2 i / d_r) a position', () => {
    assert.deepEqual(rotaryAngles(2), [1]);
    assertNear(rotaryAngles(4), [1, 0.01], 1e-15, 'two pairs');
    assertNear(rotaryAngles(8), [1, 0.1, 0.01, 0.001], 1e-15, 'four pairs');
    assert.deepEqual(rotaryAngles(0), []);
  });
});

/** Pairs (0, 1), (2, 3), … turned against the clock by position times their angle. */
const turned = (x: Row, position: number, angles: Row): Row =>
  angles.flatMap((angle, pair) => {
    const [a, b] = [x[2 * pair]!, x[2 * pair + 1]!];
    const [cosine, sine] = [Math.cos(angle * position), Math.sin(angle * position)];
    return [a * cosine - b * sine, a * sine + b * cosine];
  });

/** Multi-head latent attention with the joined keys and values of a position in place of the layer's input. */
const latentRows =
  (rotary: number, angles: Row) =>
  (given: Given): Rows => {
    const weights = given.weights as Readonly<Record<string, Matrix>> & {
      readonly 'latent.keys': readonly Matrix[];
      readonly 'latent.values': readonly Matrix[];
    };
    const { keys, queries, kvHeads, headDim } = given.shape;
    return eachHead(given, ({ b, h, query }) => {
      const joined = (x: Rows, j: number): Row => range(0, kvHeads).flatMap((kv) => x[b]![kv]![j]!);
      const latents = range(0, keys).map((j) =>
        product([...joined(given.key, j), ...joined(given.value, j)], weights['latent.down']!),
      );
      const shared = range(0, keys).map((j) =>
        rotary === 0 ? [] : turned(product(joined(given.key, j), weights['latent.rotary']!), j, angles),
      );
      const head = {
        b,
        h,
        kv: 0,
        query: query.map((q, i) => [
          ...q.slice(0, headDim - rotary),
          ...turned(q.slice(headDim - rotary), i + keys - queries, angles),
        ]),
        key: latents.map((c, j) => [...product(c, weights['latent.keys'][h]!), ...shared[j]!]),
        value: latents.map((c) => product(c, weights['latent.values'][h]!)),
      };
      return query.map((_, i) => attended(head, i, readable(given, i)));
    });
  };

// Two key/value heads of 8 + 5 numbers joined are 26; rank 7.
const weightsOf = (rotary: number) => ({
  'latent.down': [26, 7],
  'latent.keys': [4, 7, 8 - rotary],
  'latent.values': [4, 7, 5],
  ...(rotary > 0 ? { 'latent.rotary': [16, rotary] } : {}),
});
const small = { 'latent.down': [0.3, 0], 'latent.keys': [0.4, 0], 'latent.rotary': [0.3, 0] } as const;

expectValues(
  latent,
  (
    [
      { name: 'two rotated pairs', parameters: { rank: 7, rotary: 4, form: 'explicit' }, angles: [1, 0.01] },
      { name: 'three pairs, absorbed', parameters: { rank: 7, rotary: 6, form: 'absorbed' }, angles: [0, 1, 2] },
      { name: 'one pair on a cache', parameters: { rank: 7, rotary: 2, form: 'absorbed' }, angles: [1], queries: 4 },
      { name: 'no rotation', parameters: { rank: 7, rotary: 0, form: 'explicit' }, angles: [] },
    ] as const
  ).map(({ name, parameters, angles, ...more }) => ({
    name,
    shape: { headDim: 8, ...more },
    parameters,
    weights: weightsOf(parameters.rotary),
    scaled: small,
    // Three pairs: 10000^(-2 i / 6), that is 10^(-4 i / 3).
    expected: latentRows(parameters.rotary, parameters.rotary === 6 ? angles.map((i) => 10 ** ((-4 * i) / 3)) : angles),
  })),
);
