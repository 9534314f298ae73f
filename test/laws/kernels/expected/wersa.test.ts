import { wersa } from '../../../../kernels/mechanisms/wersa/wersa';
import { fnv, normal, splitMix } from './generator';
import {
  dot,
  expectValues,
  mean,
  plus,
  product,
  range,
  sharedHeads,
  sigmoid,
  times,
  weighted,
  type Given,
  type Matrix,
  type Row,
  type Rows,
} from './support';

/** erf by its power series at 0, exact to rounding for the numbers of these cases. */
function erf(x: number): number {
  let [sum, factor] = [0, x];
  for (let n = 0; n < 60; n++) {
    sum += factor / (2 * n + 1);
    factor *= (-x * x) / (n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
const gelu = (x: number) => (x / 2) * (1 + erf(x / Math.sqrt(2)));

interface Waves {
  readonly levels: number;
  readonly filter?: 'haar' | 'one-sided';
  readonly gate?: 'local' | 'global' | 'off';
  readonly features?: number;
  readonly seed?: number;
  readonly apart?: boolean;
}

/** Gates of every position: a convolution of 33 taps or the mean, a hidden layer with relu, a sigmoid for each level. */
function gates(source: Matrix, { weights }: Given, { gate, filter }: Waves): Matrix {
  const of = (name: string) => weights[name] as Matrix;
  const pooled = source.map((_, t) => {
    if (gate === 'global') return mean(source);
    const kernel = weights['gate.kernel'] as readonly Matrix[];
    // Tap 16 lies on the own position; one-sided the last one, 32, does.
    const own = filter === 'one-sided' ? 32 : 16;
    return source[0]!.map((__, c) =>
      range(0, source.length).reduce(
        (sum, from) => sum + (kernel[c]![0]![from - t + own] ?? 0) * source[from]![c]!,
        (weights['gate.kernel.offset'] as Row)[c]!,
      ),
    );
  });
  return pooled.map((row) => {
    const hidden = of('gate.first').map((one, y) =>
      Math.max(0, dot(one, row) + (weights['gate.first.offset'] as Row)[y]!),
    );
    return of('gate.second').map((one, i) => sigmoid(dot(one, hidden) + (weights['gate.second.offset'] as Row)[i]!));
  });
}

/** One channel: each wave of the Haar basis (or each difference of one-sided means) by scale and gate. */
function filtered(x: Row, gain: (level: number, row: number) => number, { levels, filter }: Waves): Row {
  const n = x.length;
  const sum = (from: number, to: number) =>
    range(Math.max(0, from), Math.min(n, to)).reduce((all, t) => all + x[t]!, 0);
  if (filter === 'one-sided') {
    const average = (t: number, level: number) => sum(t - 2 ** level + 1, t + 1) / 2 ** level;
    return x.map((_, t) => {
      let all = gain(levels, t) * average(t, levels);
      for (let l = 1; l <= levels; l++) all += gain(l - 1, t) * (average(t, l - 1) - average(t, l));
      return all;
    });
  }
  let padded = 1;
  while (padded < n) padded *= 2;
  let most = 0;
  while (most < levels && 2 ** (most + 1) <= padded) most++;
  const row = (block: number, level: number) => Math.floor((block * n) / (padded / 2 ** level));
  return x.map((_, t) => {
    const blockOf = (level: number) => (t - (t % 2 ** level)) / 2 ** level;
    const top = blockOf(most);
    let all = (gain(most, row(top, most)) * sum(top * 2 ** most, (top + 1) * 2 ** most)) / 2 ** most;
    for (let l = 1; l <= most; l++) {
      const block = blockOf(l);
      const [start, half] = [block * 2 ** l, 2 ** (l - 1)];
      const difference = sum(start, start + half) - sum(start + half, start + 2 * half);
      all += ((t - start < half ? 1 : -1) * gain(l - 1, row(block, l)) * difference) / 2 ** l;
    }
    return all;
  });
}

/** R [d][r] of normal numbers by 1 / sqrt d, drawn row by row. */
function projection(of: 'query' | 'key', width: number, { features = 128, seed = 0, apart = false }: Waves): Matrix {
  const next = normal(splitMix(fnv(seed, `projection.${apart ? of : 'key'}`)));
  return range(0, width).map(() => range(0, features).map(() => Math.fround(next() * (1 / Math.sqrt(width)))));
}

const waves =
  (how: Waves) =>
  (given: Given): Rows => {
    const { shape, weights } = given;
    const { headDim, queries, keys, features = 128 } = { ...shape, features: how.features };
    const causal = shape.pattern === 'causal-self';
    const self = shape.pattern.endsWith('self');
    const blind = causal ? Math.max(0, queries - keys) : 0;
    const beta = Math.log(1 + Math.exp((weights['bandwidth'] as Row)[0]!)) + 0.1;
    const scales = weights['scales'] as Row;
    const shared = sharedHeads(shape);
    const mapped = (x: Matrix, source: Matrix, of: 'query' | 'key'): Matrix => {
      const own = how.gate === 'off' ? undefined : gates(source, given, how);
      const gain = (level: number, t: number) => scales[level]! * (own ? own[t]![level]! : 1);
      const channels = range(0, headDim).map((c) =>
        filtered(
          x.map((row) => gelu(row[c]!)),
          gain,
          how,
        ),
      );
      const matrix = projection(of, headDim, how);
      return x.map((_, t) =>
        product(
          channels.map((channel) => channel[t]!),
          matrix,
        ).map((y) => Math.max(0, y / beta) / Math.sqrt(features)),
      );
    };
    return given.query.map((heads, b) => {
      const joinedKeys = range(0, keys).map((t) => given.key[b]!.flatMap((rows) => rows[t]!));
      // In cross attention the mean query head of each key head.
      const joinedQueries = range(0, queries).map((t) =>
        range(0, shape.kvHeads).flatMap((kv) => mean(heads.filter((_, h) => shared[h] === kv).map((rows) => rows[t]!))),
      );
      return heads.map((rows, h) => {
        const value = given.value[b]![shared[h]!]!;
        const query = mapped(rows.slice(blind), self ? joinedKeys : joinedQueries, 'query');
        const key = mapped(given.key[b]![shared[h]!]!, joinedKeys, 'key');
        return rows.map((_, i) => {
          if (i < blind) return times(value[0]!, 0);
          const read = range(0, causal ? i - blind + keys - (queries - blind) + 1 : keys);
          const scores = read.map((j) => dot(query[i - blind]!, key[j]!));
          const total = scores.reduce((sum, score) => sum + score, 0.000001);
          const row = times(
            weighted(
              scores,
              read.map((j) => value[j]!),
            ),
            1 / total,
          );
          const centred = plus(
            row,
            row.map(() => 1),
            -row.reduce((sum, x) => sum + x, 0) / row.length,
          );
          const root = Math.sqrt(dot(centred, centred) / row.length + 0.00001);
          return centred.map(
            (x, c) => (x / root) * (weights['norm.gain'] as Row)[c]! + (weights['norm.offset'] as Row)[c]!,
          );
        });
      });
    });
  };

// Two key/value heads of 6 are 12 wide; a hidden layer of a quarter of that.
const weightsOf = (levels: number, gate: 'local' | 'global' | 'off') => ({
  ...(gate === 'local' ? { 'gate.kernel': [12, 1, 33], 'gate.kernel.offset': [12] } : {}),
  ...(gate === 'off'
    ? {}
    : {
        'gate.first': [3, 12],
        'gate.first.offset': [3],
        'gate.second': [levels + 1, 3],
        'gate.second.offset': [levels + 1],
      }),
  scales: [levels + 1],
  bandwidth: [1],
  'norm.gain': [5],
  'norm.offset': [5],
});
const scaled = { 'gate.kernel': [0.3, 0], scales: [0.2, 0.7] } as const;
const open = { pattern: 'noncausal-self', batch: 1 } as const;

expectValues(wersa, [
  {
    name: 'local gates of Haar levels',
    shape: open,
    parameters: { levels: 3, features: 40 },
    weights: weightsOf(3, 'local'),
    scaled,
    expected: waves({ levels: 3, features: 40, gate: 'local' }),
    allowed: 1e-9,
  },
  {
    // Five positions are filled up to eight, which have three levels.
    name: 'more levels than the length has, global gates, a seed',
    shape: { ...open, queries: 5, keys: 5 },
    parameters: { levels: 5, features: 33, gate: 'global', seed: 11 },
    weights: weightsOf(5, 'global'),
    scaled,
    expected: waves({ levels: 5, features: 33, gate: 'global', seed: 11 }),
    allowed: 1e-9,
  },
  {
    name: 'projections apart, keys of another sequence',
    shape: { ...open, pattern: 'noncausal-cross', keys: 16 },
    parameters: { levels: 2, features: 40, sharedProjection: false },
    weights: weightsOf(2, 'local'),
    scaled,
    expected: waves({ levels: 2, features: 40, gate: 'local', apart: true }),
    allowed: 1e-9,
  },
  {
    name: 'one-sided and causal',
    shape: { batch: 1 },
    parameters: { levels: 3, features: 40, filter: 'one-sided', chunk: 4 },
    weights: weightsOf(3, 'local'),
    scaled,
    expected: waves({ levels: 3, features: 40, filter: 'one-sided', gate: 'local' }),
    allowed: 1e-9,
  },
  {
    name: 'no gates, more queries than keys',
    shape: { batch: 1, keys: 8 },
    parameters: { levels: 2, features: 40, filter: 'one-sided', gate: 'off' },
    weights: weightsOf(2, 'off'),
    scaled,
    expected: waves({ levels: 2, features: 40, filter: 'one-sided', gate: 'off' }),
    allowed: 1e-9,
  },
  {
    name: 'one scale and no gates, on a cache',
    shape: { queries: 3 },
    parameters: { levels: 0, features: 40, gate: 'off' },
    weights: weightsOf(0, 'off'),
    scaled,
    expected: waves({ levels: 0, features: 40, gate: 'off' }),
    allowed: 1e-9,
  },
]);
