import assert from 'node:assert/strict';
import { openSession } from '../../../compute-server/runtime/session';
import { countMultiplyAdds } from '../../../kernels/graph/count';
import { erf } from '../../../kernels/module-parts/layers';
import {
  headsFor,
  plainGraph,
  plainInputs,
  plainMultiplyAdds,
  plainReference,
  plainWeights,
} from '../../../kernels/module-parts/plain-attention';
import { measureError } from '../../../kernels/tensors/error';
import { fromRuntime, toRuntime } from '../../../kernels/tensors/precision';

describe('Plain attention, which modules are timed against', () => {
  const settings = [
    { batch: 2, queries: 9, keys: 9, width: 24, heads: 3 },
    { batch: 1, queries: 5, keys: 11, width: 16, heads: 2 },
  ];
  for (const plain of settings) {
    it(`${JSON.stringify(plain)}: the graph equals its float64 reference, and costs what is said`, async () => {
      const [inputs, weights] = [plainInputs(plain, 3), plainWeights(plain, 3)];
      const graph = plainGraph(plain, 'float32', weights);
      assert.equal(countMultiplyAdds(graph.model), plainMultiplyAdds(plain));
      const session = await openSession(graph, { device: 'cpu', threads: 1 });
      try {
        const feeds = Object.entries(inputs).map(
          ([name, x]) => [name, { data: toRuntime(x, 'float32'), shape: x.shape }] as const,
        );
        const { data, shape } = (await session.run(Object.fromEntries(feeds)))['output']!;
        assert.ok(data instanceof Float32Array);
        const { maxAbsolute } = measureError(fromRuntime(data, shape), plainReference(plain, inputs, weights));
        assert.ok(maxAbsolute < 1e-5, `differs by ${maxAbsolute}`);
      } finally {
        await session.release();
      }
    });
  }

  it('heads of width 32 or more that divide the width', () => {
    assert.deepEqual([224, 448, 384, 20, 33].map(headsFor), [7, 14, 12, 1, 1]);
  });
});

describe('The error function', () => {
  // Abramowitz and Stegun, table 7.1; erfc(4) and erfc(5) from table 7.3.
  const known = [
    [0, 0],
    [0.5, 0.5204998778],
    [1, 0.8427007929],
    [2, 0.995322265],
    [3, 0.9999779095],
    [4, 1 - 1.541725790028e-8],
    [5, 1 - 1.5374597944e-12],
  ] as const;
  for (const [x, value] of known) {
    it(`erf(${x})`, () => {
      assert.ok(Math.abs(erf(x) - value) < 1e-10);
      assert.ok(erf(-x) === -erf(x));
    });
  }

  it('has no step where its two series meet', () => {
    assert.ok(Math.abs(erf(3 + 1e-9) - erf(3 - 1e-9)) < 1e-12);
  });
});
