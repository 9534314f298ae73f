import { memoryAsContext } from '../../../../kernels/mechanisms/titans/memory-as-context';
import { memoryAsGate } from '../../../../kernels/mechanisms/titans/memory-as-gate';
import { memoryAsLayer } from '../../../../kernels/mechanisms/titans/memory-as-layer';
import { neuralMemory } from '../../../../kernels/mechanisms/titans/neural-memory';
import {
  attended,
  dot,
  expectValues,
  plus,
  product,
  range,
  sharedHeads,
  sigmoid,
  times,
  type Given,
  type Matrix,
  type Row,
  type Rows,
} from './support';

/** Layers of a memory, each [row][column]. */
type Layers = readonly Matrix[];

interface Rules {
  readonly chunk: number;
  readonly depth?: number;
  readonly momentum?: boolean;
  readonly forgetting?: boolean;
  readonly rate?: number;
}

/** The form with the hyperbolic tangent. */
const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

const answer = (layers: Layers, x: Row): Row =>
  layers.reduce((row, layer, at) => product(at === 0 ? row : row.map(gelu), layer), x);

/** Half the squared error. */
const loss = (layers: Layers, key: Row, value: Row): number => {
  const error = plus(answer(layers, key), value, -1);
  return dot(error, error) / 2;
};

const each = (layers: Layers, change: (x: number, l: number, r: number, c: number) => number): Layers =>
  layers.map((layer, l) => layer.map((row, r) => row.map((x, c) => change(x, l, r, c))));

/** Slopes of the loss by central differences, at two steps so that their third derivative drops out. */
const gradient = (layers: Layers, key: Row, value: Row): Layers =>
  each(layers, (_, l, r, c) => {
    const moved = (by: number) =>
      loss(
        each(layers, (x, ...at) => (at[0] === l && at[1] === r && at[2] === c ? x + by : x)),
        key,
        value,
      );
    const slope = (step: number) => (moved(step) - moved(-step)) / (2 * step);
    return (4 * slope(2 ** -9) - slope(2 ** -8)) / 3;
  });

/** SiLU, then length 1 (0.000001 under the root). */
const unit = (x: Row): Row => {
  const activated = x.map((y) => y * sigmoid(y));
  return times(activated, 1 / Math.sqrt(dot(activated, activated) + 0.000001));
};

class Memory {
  layers: Layers;
  surprise: Layers;
  start: Layers;
  constructor(
    private readonly given: Given,
    private readonly kv: number,
    private readonly rules: Rules,
  ) {
    const { depth = 1 } = rules;
    const names = depth === 1 ? ['memory'] : range(1, depth + 1).map((layer) => `memory.${layer}`);
    this.layers = names.map((name) => (given.weights[name] as readonly Matrix[])[kv]!);
    this.surprise = each(this.layers, () => 0);
    this.start = this.layers;
  }

  beginChunk(): void {
    this.start = this.layers;
  }

  /** S <- keep S - learn gradient; memory <- (1 - forget) memory + S. */
  learn(key: Row, value: Row): void {
    const { rate = 1, momentum = true, forgetting = true } = this.rules;
    const [matrix, offsets] = ['gates', 'gates.offset'].map(
      (name) => (this.given.weights[name] as readonly Matrix[])[this.kv]!,
    );
    const [forget, learn, keep] = plus(product(key, matrix!), offsets![0]!).map(sigmoid) as [number, number, number];
    const slopes = gradient(this.start, unit(key), value);
    this.surprise = each(this.surprise, (x, l, r, c) => (momentum ? keep : 0) * x - rate * learn * slopes[l]![r]![c]!);
    this.layers = each(this.layers, (x, l, r, c) => (forgetting ? 1 - forget : 1) * x + this.surprise[l]![r]![c]!);
  }

  read(query: Row, at: Layers = this.layers): Row {
    return answer(at, unit(query));
  }
}

const rowsOf = ({ weights }: Given, name: string, head: number): Matrix =>
  (weights[name] as readonly Matrix[] | undefined)?.[head] ?? [];

/**
 * What the memory gives at every position, those in front of the sequence first: their keys and values are learned as the
 * others are, and chunks are counted from the first position after them.
 */
function answers(given: Given, rules: Rules, b: number, h: number): Matrix {
  const kv = sharedHeads(given.shape)[h]!;
  const front = rowsOf(given, 'persistent.key', kv);
  const keys = [...front, ...given.key[b]![kv]!];
  const values = [...rowsOf(given, 'persistent.value', kv), ...given.value[b]![kv]!];
  const missing = keys.length - front.length - given.query[b]![h]!.length;
  const before = rowsOf(given, 'persistent.query', h);
  const queries = [
    ...front.map((_, j) => before[j]),
    ...range(0, missing).map(() => undefined),
    ...given.query[b]![h]!,
  ];
  const memory = new Memory(given, kv, rules);
  return keys.map((key, j) => {
    if ((j - front.length) % rules.chunk === 0) memory.beginChunk();
    memory.learn(key, values[j]!);
    const query = queries[j];
    return query ? memory.read(query) : [];
  });
}

/** As many queries as keys, or fewer; with more, the first ones read nothing. */
const seeing =
  (rows: (given: Given) => Rows) =>
  (given: Given): Rows => {
    const { queries, keys, valueDim } = given.shape;
    const blind = Math.max(0, queries - keys);
    const own = rows({
      ...given,
      shape: { ...given.shape, queries: queries - blind },
      query: given.query.map((heads) => heads.map((each) => each.slice(blind))),
    });
    const nothing = range(0, blind).map(() => range(0, valueDim).map(() => 0));
    return own.map((heads) => heads.map((each) => [...nothing, ...each]));
  };

const alone = (rules: Rules) =>
  seeing((given) =>
    given.query.map((heads, b) => heads.map((_, h) => answers(given, rules, b, h).slice(-given.shape.queries))),
  );

/** sigmoid(norm(memory) w) times norm(attention) w', norms to mean square 1 (0.000001 under the root). */
const gated = ({ weights }: Given, h: number, memory: Row, attention: Row): Row => {
  const norm = (x: Row) => times(x, 1 / Math.sqrt(dot(x, x) / x.length + 0.000001));
  const of = (name: string) => (weights[name] as readonly Matrix[])[h]![0]!;
  const [m, y] = [norm(memory), norm(attention)];
  return m.map((x, c) => sigmoid(x * of('norm.memory')[c]!) * y[c]! * of('norm.attention')[c]!);
};

/** Window and persistent keys beside the memory, which gates them. */
const asGate = (rules: Rules, window: number) =>
  seeing((given) =>
    given.query.map((heads, b) =>
      heads.map((query, h) => {
        const kv = sharedHeads(given.shape)[h]!;
        const front = rowsOf(given, 'persistent.key', kv);
        const memory = answers(given, rules, b, h).slice(-query.length);
        const head = {
          b,
          h,
          kv,
          query,
          key: [...front, ...given.key[b]![kv]!],
          value: [...rowsOf(given, 'persistent.value', kv), ...given.value[b]![kv]!],
        };
        return query.map((_, i) => {
          const position = i + head.key.length - query.length;
          const read = range(0, position + 1).filter((j) => j < front.length || j > position - window);
          return gated(given, h, memory[i]!, attended(head, i, read));
        });
      }),
    ),
  );

/** Queries of each head and keys and values of each group of heads from the memory's answers, then a window over them. */
const asLayer = (rules: Rules, window: number) =>
  seeing((given) => {
    const shared = sharedHeads(given.shape);
    return given.query.map((heads, b) => {
      const all = heads.map((_, h) => answers(given, rules, b, h));
      return heads.map((query, h) => {
        const kv = shared[h]!;
        const joined = all[0]!.map((_, j) =>
          all.filter((__, other) => shared[other] === kv).flatMap((rows) => rows[j]!),
        );
        const front = all[h]!.length - query.length;
        const head = {
          b,
          h,
          kv,
          query: all[h]!.slice(front).map((row) => product(row, rowsOf(given, 'layer.query', h))),
          key: joined.map((row) => product(row, rowsOf(given, 'layer.key', kv))),
          value: joined.map((row) => product(row, rowsOf(given, 'layer.value', kv))),
        };
        return query.map((_, i) => attended(head, i, range(Math.max(0, i + front - window + 1), i + front + 1)));
      });
    });
  });

/** Segment by segment: the memory's answers as further keys; it then learns what attention gave, and gates it. */
const asContext = (rules: Rules, segment: number) =>
  seeing((given) => {
    const shared = sharedHeads(given.shape);
    return given.query.map((heads, b) => {
      const output: Row[][] = heads.map(() => []);
      for (const kv of new Set(shared)) {
        const group = range(0, heads.length).filter((h) => shared[h] === kv);
        const memory = new Memory(given, kv, rules);
        let kept = memory.layers;
        let read: { readonly key: Row; readonly value: Row }[] = [];
        for (let i = 0; i < given.shape.keys; i++) {
          if (i % segment === 0) {
            kept = memory.layers;
            const values = rowsOf(given, 'persistent.value', kv);
            read = rowsOf(given, 'persistent.key', kv).map((key, j) => ({ key, value: values[j]! }));
          }
          if (i % rules.chunk === 0) memory.beginChunk();
          const h = group.flatMap((head) => memory.read(heads[head]![i]!, kept));
          read.push(
            {
              key: product(h, rowsOf(given, 'context.key', kv)),
              value: product(h, rowsOf(given, 'context.value', kv)),
            },
            { key: given.key[b]![kv]![i]!, value: given.value[b]![kv]![i]! },
          );
          const y = group.map((head) =>
            attended(
              {
                b,
                h: head,
                kv,
                query: heads[head]!,
                key: read.map(({ key }) => key),
                value: read.map(({ value }) => value),
              },
              i,
              range(0, read.length),
            ),
          );
          memory.learn(
            product(y.flat(), rowsOf(given, 'store.key', kv)),
            product(y.flat(), rowsOf(given, 'store.value', kv)),
          );
          group.forEach((head, at) => {
            const m = memory.read(product(y[at]!, rowsOf(given, 'store.query', head)));
            output[head]!.push(gated(given, head, m, y[at]!));
          });
        }
      }
      return output;
    });
  });

// Heads of 3 numbers, values of 2, four query heads on two key/value heads; hidden layers of `expansion` times 3.
const shape = { batch: 1, queries: 9, keys: 9, headDim: 3, valueDim: 2 } as const;
const memory = { gates: [2, 3, 3], 'gates.offset': [2, 1, 3], memory: [2, 3, 2] };
const deep = { gates: [2, 3, 3], 'gates.offset': [2, 1, 3], 'memory.1': [2, 3, 6], 'memory.2': [2, 6, 2] };
const deeper = { ...deep, 'memory.2': [2, 6, 6], 'memory.3': [2, 6, 2] };
const norms = { 'norm.memory': [4, 1, 2], 'norm.attention': [4, 1, 2] };
const front = { 'persistent.key': [2, 3, 3], 'persistent.value': [2, 3, 2] };
const allowed = 1e-9;

expectValues(neuralMemory, [
  {
    name: 'a matrix in chunks',
    shape,
    parameters: { chunk: 4 },
    weights: memory,
    expected: alone({ chunk: 4 }),
    allowed,
  },
  {
    name: 'a matrix, position by position, on a cache',
    shape: { ...shape, queries: 3 },
    parameters: { chunk: 1 },
    weights: memory,
    expected: alone({ chunk: 1 }),
    allowed,
  },
  {
    name: 'two layers, a smaller step, no momentum',
    shape,
    parameters: { chunk: 3, depth: 2, expansion: 2, momentum: false, rate: 0.3 },
    weights: deep,
    expected: alone({ chunk: 3, depth: 2, momentum: false, rate: 0.3 }),
    allowed,
  },
  {
    name: 'three layers, no forgetting, more queries than keys',
    shape: { ...shape, keys: 6 },
    parameters: { chunk: 4, depth: 3, expansion: 2, forgetting: false, rate: 0.1 },
    weights: deeper,
    expected: alone({ chunk: 4, depth: 3, forgetting: false, rate: 0.1 }),
    allowed,
  },
]);

expectValues(memoryAsGate, [
  {
    name: 'a window of three beside a matrix, behind three persistent positions',
    shape,
    parameters: { window: 3, persistent: 3, chunk: 2 },
    weights: { ...memory, ...norms, ...front },
    expected: asGate({ chunk: 2 }, 3),
    allowed,
  },
  {
    name: 'behind three persistent positions, on a cache',
    shape: { ...shape, queries: 4 },
    parameters: { window: 3, persistent: 3, chunk: 4 },
    weights: { ...memory, ...norms, ...front },
    expected: asGate({ chunk: 4 }, 3),
    allowed,
  },
  {
    name: 'nothing in front, two layers',
    shape,
    parameters: { window: 4, persistent: 0, chunk: 4, depth: 2, expansion: 2, rate: 0.3 },
    weights: { ...deep, ...norms },
    expected: asGate({ chunk: 4, depth: 2, rate: 0.3 }, 4),
    allowed,
  },
]);

const layer = { 'layer.query': [4, 2, 3], 'layer.key': [2, 4, 3], 'layer.value': [2, 4, 2] };

expectValues(memoryAsLayer, [
  {
    name: 'a window of three over a matrix’s answers, behind three persistent positions',
    shape,
    parameters: { window: 3, persistent: 3, chunk: 4 },
    weights: { ...memory, ...layer, ...front, 'persistent.query': [4, 3, 3] },
    expected: asLayer({ chunk: 4 }, 3),
    allowed,
  },
  {
    name: 'nothing in front, more queries than keys',
    shape: { ...shape, keys: 6 },
    parameters: { window: 2, persistent: 0, chunk: 2, depth: 2, expansion: 2, rate: 0.3 },
    weights: { ...deep, ...layer },
    expected: asLayer({ chunk: 2, depth: 2, rate: 0.3 }, 2),
    allowed,
  },
]);

const context = {
  'context.key': [2, 4, 3],
  'context.value': [2, 4, 2],
  'store.query': [4, 2, 3],
  'store.key': [2, 4, 3],
  'store.value': [2, 4, 2],
};

expectValues(memoryAsContext, [
  {
    name: 'segments of four, chunks of two, behind three persistent positions',
    shape,
    parameters: { segment: 4, persistent: 3, chunk: 2 },
    weights: { ...memory, ...context, ...norms, ...front },
    expected: asContext({ chunk: 2 }, 4),
    allowed,
  },
  {
    name: 'nothing in front, two layers',
    shape,
    parameters: { segment: 6, persistent: 0, chunk: 3, depth: 2, expansion: 2, rate: 0.3 },
    weights: { ...deep, ...context, ...norms },
    expected: asContext({ chunk: 3, depth: 2, rate: 0.3 }, 6),
    allowed,
  },
]);
