import { cmha } from '../../../../kernels/mechanisms/cmha/cmha';
import { attended, eachHead, expectValues, range, type Given, type Matrix, type Row, type Rows } from './support';

type Complex = readonly [re: number, im: number];
const times = ([a, b]: Complex, [c, d]: Complex): Complex => [a * c - b * d, a * d + b * c];
const turn = (angle: number): Complex => [Math.cos(angle), Math.sin(angle)];

/** z^delta |z|^(1 - delta) of x + i y with |z| = sqrt(x^2 + y^2 + 1e-9): the magnitude stays, the angle is multiplied. */
const stretched = (x: number, y: number, delta: number): Complex => {
  const radius = Math.sqrt(x ** 2 + y ** 2 + 1e-9);
  const angle = (y < 0 ? -1 : 1) * Math.acos(x / Math.hypot(x, y));
  return [radius * Math.cos(delta * angle), radius * Math.sin(delta * angle)];
};

/** Re(q^delta conj(k^delta) e^(i (b + distance frequency))), summed over the planes: complex numbers in place of angles. */
const complex =
  (frequencies: Row, divisor = 1) =>
  (given: Given): Rows => {
    const { delta, b } = given.weights as Readonly<Record<'delta' | 'b', Matrix>>;
    const { pattern, queries, keys } = given.shape;
    const causal = pattern === 'causal-self';
    return eachHead(given, (head) =>
      head.query.map((_, i) => {
        const position = causal ? i + keys - queries : i;
        return attended(head, i, range(0, causal ? position + 1 : keys), (q, k, j) =>
          frequencies.reduce((sum, frequency, plane) => {
            const share = delta[head.h]![plane]!;
            const other = frequencies.length + plane;
            const [re, im] = stretched(k[plane]!, k[other]!, share);
            const product = times(stretched(q[plane]!, q[other]!, share), [re, -im]);
            return sum + times(product, turn(b[head.h]![plane]! + (position - j) * frequency))[0] / divisor;
          }, 0),
        );
      }),
    );
  };

// Head width 6: 10000^(-2 i / 6) is 10^(-4 i / 3); 64^(-i / 3) is 4^-i.
const published = [1, 10 ** (-4 / 3), 10 ** (-8 / 3)];
const weights = { delta: [4, 3], b: [4, 3] };

expectValues(cmha, [
  { name: 'as in the code', weights, expected: complex(published) },
  { name: 'every pair and plane', parameters: { form: 'naive' }, weights, expected: complex(published) },
  {
    name: 'scaled, another base, on a cache',
    shape: { queries: 4 },
    parameters: { scale: '1 / root of d', base: 64 },
    weights,
    expected: complex([1, 0.25, 0.0625], Math.sqrt(6)),
  },
  {
    name: 'more queries than keys, every pair and plane',
    shape: { keys: 7 },
    parameters: { form: 'naive', base: 64 },
    weights,
    expected: complex([1, 0.25, 0.0625]),
  },
  { name: 'both ways', shape: { pattern: 'noncausal-self' }, weights, expected: complex(published) },
  {
    name: 'keys of another sequence',
    shape: { pattern: 'noncausal-cross', keys: 5 },
    parameters: { form: 'naive' },
    weights,
    expected: complex(published),
  },
  { name: 'without positions', parameters: { base: 0 }, weights, expected: complex([0, 0, 0]) },
]);
