import assert from 'node:assert/strict';
import { predictedMs } from '../../../compute-server/harness/statistics/predicted-time';
import { catalogue } from '../../../kernels/catalogue';
import { countMultiplyAdds } from '../../../kernels/graph/count';
import { GraphBuilder } from '../../../kernels/graph/builder';
import { multiHeadAttention } from '../../../kernels/graph/operators/attention';
import { scan } from '../../../kernels/graph/operators/control';
import { add } from '../../../kernels/graph/operators/elementwise';
import { reshape, slice } from '../../../kernels/graph/operators/layout';
import { matmul } from '../../../kernels/graph/operators/matrix';
import { linearAttention } from '../../../kernels/graph/operators/recurrence';
import { reduceSum, softmax } from '../../../kernels/graph/operators/reduce';
import { workOf } from '../../../kernels/graph/work';
import type { AttentionShape } from '../../../kernels/shape';
import type { Calibration } from '../../../protocol/results/benchmark-schema';

const rates = (small: number, large = small) => ({ small, large });
const calibration: Calibration = {
  products: rates(100),
  smallFlops: 1e6,
  largeFlops: 1e8,
  passes: {
    softmax: rates(10),
    exponential: rates(20),
    elementwise: rates(50),
    copy: rates(40),
    reduction: rates(25),
    selection: rates(1),
  },
  smallBytes: 1e6,
  largeBytes: 1e8,
  callMicroseconds: 2,
  viewMicroseconds: 0.5,
  seconds: 1,
};

describe('the work of a graph', () => {
  it('is counted node by node, by hand', () => {
    const graph = new GraphBuilder('work');
    const a = graph.input('a', 'float32', [10, 20]);
    const b = graph.input('b', 'float32', [20, 30]);
    const product = matmul(a, b);
    const rows = softmax(add(product, product), -1);
    graph.output(reduceSum(slice(reshape(rows, [5, 2, 30]), 0, 0, 2), [-1]), 'y');
    assert.deepEqual(workOf(graph.finish().model), [
      { kind: 'product', calls: 1, flops: 12_000, bytes: 4 * (200 + 600 + 300), times: 1 },
      { kind: 'elementwise', calls: 1, flops: 0, bytes: 4 * 3 * 300, times: 1 },
      { kind: 'softmax', calls: 1, flops: 0, bytes: 4 * 2 * 300, times: 1 },
      { kind: 'view', calls: 1, flops: 0, bytes: 0, times: 1 },
      { kind: 'copy', calls: 1, flops: 0, bytes: 4 * 2 * 120, times: 1 },
      { kind: 'reduction', calls: 1, flops: 0, bytes: 4 * 120 + 8, times: 1 },
      // The name of the output.
      { kind: 'copy', calls: 1, flops: 0, bytes: 4 * 2 * 4, times: 1 },
    ]);
  });

  it('of an attention operator has the softmax of its scores', () => {
    const graph = new GraphBuilder('heads');
    const [query, key, value] = [
      graph.input('query', 'float32', [1, 6, 16]),
      graph.input('key', 'float32', [1, 7, 16]),
      graph.input('value', 'float32', [1, 7, 24]),
    ];
    graph.output(multiHeadAttention(query, key, value, { heads: 2 }), 'y');
    const [product, scores] = workOf(graph.finish().model);
    assert.equal(product?.flops, 2 * 6 * 7 * (16 + 24));
    assert.deepEqual(scores, { kind: 'softmax', calls: 0, flops: 0, bytes: 2 * 4 * 2 * 6 * 7, times: 1 });
  });

  it('of a recurrence is that of its states, whatever the length of the text', () => {
    const flops = (rule: 'gated' | 'gated_delta') => {
      const graph = new GraphBuilder('states');
      const rows = (name: string, width: number) => graph.input(name, 'float32', [1, 9, width]);
      const beta = rule === 'gated' ? undefined : rows('beta', 2);
      const options = { rule, queryHeads: 2, heads: 2, decay: rows('decay', 2), beta };
      graph.output(linearAttention(rows('query', 6), rows('key', 6), rows('value', 10), options).output, 'y');
      return workOf(graph.finish().model)[0]?.flops;
    };
    assert.equal(flops('gated'), 2 * (9 * 2 * 3 * 5 * 2));
    assert.equal(flops('gated_delta'), 2 * (9 * 2 * 3 * 5 * 3));
  });

  it('of a Scan is that of its body, as often as it has steps', () => {
    const graph = new GraphBuilder('steps');
    const initial = graph.input('initial', 'float32', [4]);
    const inputs = graph.input('inputs', 'float32', [9, 4]);
    const { outputs } = scan([initial], [inputs], ([state], [x]) => {
      const next = add(state!, x!);
      return { states: [next], outputs: [next] };
    });
    graph.output(outputs[0]!, 'y');
    const works = workOf(graph.finish().model);
    const steps = works.filter(({ kind }) => kind === 'elementwise');
    assert.deepEqual(steps, [{ kind: 'elementwise', calls: 1, flops: 0, bytes: 48, times: 9 }]);
  });

  const shape: AttentionShape = {
    pattern: 'causal-self',
    batch: 1,
    heads: 8,
    kvHeads: 8,
    queries: 512,
    keys: 512,
    headDim: 64,
    valueDim: 64,
  };
  for (const mechanism of catalogue) {
    const parameters = Object.fromEntries(
      Object.entries(mechanism.parameters).map(([name, { default: value }]) => [name, value]),
    );
    if (!mechanism.supports(shape, parameters).ok) continue;
    it(`of ${mechanism.id} can be read off its graph, with twice the multiply-adds as flops, and predicts a time`, () => {
      const { model } = mechanism.build(shape, parameters, 'float32');
      const works = workOf(model);
      const flops = works.reduce((sum, work) => sum + work.times * work.flops, 0);
      assert.equal(flops, 2 * countMultiplyAdds(model));
      for (const { bytes, times } of works) assert.ok(bytes >= 0 && Number.isFinite(bytes) && times >= 1);
      const ms = predictedMs(works, calibration);
      assert.ok(ms > 0 && Number.isFinite(ms));
    });
  }
});

describe('the predicted time', () => {
  const near = (actual: number, expected: number) => assert.ok(Math.abs(actual / expected - 1) < 1e-9, `${actual}`);
  const once = { calls: 1, flops: 0, times: 1 } as const;

  it('is overhead, flops over the rate of products and bytes over the rate of the kind', () => {
    // 2 us + 1e8 / 1e11 s; 2 us + 1e5 / 1e10 s, three times; 0.5 us.
    near(
      predictedMs(
        [
          { ...once, kind: 'product', flops: 1e8, bytes: 1e5 },
          { ...once, kind: 'softmax', bytes: 1e5, times: 3 },
          { ...once, kind: 'view', bytes: 0 },
        ],
        calibration,
      ),
      0.002 + 1 + 3 * (0.002 + 0.01) + 0.0005,
    );
  });

  it('takes the rate between the small and the large array, in the logarithms', () => {
    const between = { ...calibration, passes: { ...calibration.passes, copy: rates(40, 10) } };
    const seconds = (bytes: number) => predictedMs([{ ...once, calls: 0, kind: 'copy', bytes }], between) / 1000;
    near(seconds(1e4), 1e4 / 40e9);
    near(seconds(1e7), 1e7 / 20e9);
    near(seconds(1e9), 1e9 / 10e9);
  });

  it('takes the rate of products between the small and the large one, in the logarithms', () => {
    const between = { ...calibration, products: rates(25, 100) };
    const ms = (flops: number) => predictedMs([{ ...once, calls: 0, kind: 'product', flops, bytes: 0 }], between);
    near(ms(1e5), 1e5 / 25e6);
    near(ms(1e7), 1e7 / 50e6);
    near(ms(1e9), 1e9 / 100e6);
  });

  it('counts the bytes of a product as far as no cache holds them', () => {
    const slow = { ...calibration, passes: { ...calibration.passes, elementwise: rates(50, 25) } };
    const product = { ...once, calls: 0, kind: 'product', flops: 0 } as const;
    near(1 + predictedMs([{ ...product, bytes: 1e5 }], slow), 1);
    near(predictedMs([{ ...product, bytes: 1e8 }], slow), 1e8 * (1 / 25e9 - 1 / 50e9) * 1000);
  });
});
