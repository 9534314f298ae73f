import assert from 'node:assert/strict';
import { countMultiplyAdds } from '../../../kernels/graph/count';
import { workOf } from '../../../kernels/graph/work';
import { buildModule } from '../../../kernels/module-parts/graph';
import { drawWeights } from '../../../kernels/module-parts/draw';
import { sizeOf } from '../../../kernels/tensors/tensor';
import { moduleCases, resolved } from './cases';

/** Least squares of log y over log x. */
function slope(x: readonly number[], y: readonly number[]): number {
  const [a, b] = [x.map(Math.log), y.map(Math.log)];
  const mean = (of: readonly number[]) => of.reduce((sum, each) => sum + each, 0) / of.length;
  const [atA, atB] = [mean(a), mean(b)];
  return (
    a.reduce((sum, each, i) => sum + (each - atA) * (b[i]! - atB), 0) /
    a.reduce((sum, each) => sum + (each - atA) ** 2, 0)
  );
}

describe('Law: the cost of a module is that of its graph', function () {
  this.timeout(60_000);
  for (const { module, settings } of moduleCases) {
    for (const parameters of settings) {
      it(`${module.id} ${JSON.stringify(parameters)}`, () => {
        const graph = buildModule(module, parameters, 'float32', drawWeights(module, parameters, 1));
        const { multiplyAdds, flops, bytes, parameters: count } = module.cost(parameters);
        assert.equal(multiplyAdds, countMultiplyAdds(graph.model));
        assert.ok(flops >= 2 * multiplyAdds, `${flops} flops of ${multiplyAdds} multiply-adds`);
        const weights = module.weights(parameters);
        const learned = weights.filter(({ buffer }) => !buffer).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
        assert.equal(count, learned);
        const tensors = [...module.inputs(parameters), ...module.outputs(parameters)];
        const least = 4 * (learned + tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0));
        const passed = workOf(graph.model).reduce((sum, work) => sum + work.bytes * work.times, 0);
        assert.ok(bytes >= least, `${bytes} bytes, and weights, inputs and outputs alone are ${least}`);
        assert.ok(bytes > 0.2 * passed && bytes < 1.5 * passed + least, `${bytes} of ${passed} bytes`);
        for (const { name, shape } of module.outputs(parameters)) {
          assert.deepEqual(graph.outputs.find((output) => output.name === name)?.shape, shape, name);
        }
      });
    }

    it(`${module.id}: operations grow as n^${module.growth.exponent}, n the ${module.growth.of}`, () => {
      const { sizes, exponent } = module.growth;
      assert.ok(sizes.length >= 3);
      const tried = sizes.map((each) => resolved(module, each as Record<string, number>));
      const own = slope(
        tried.map((parameters) => module.growth.size(parameters)),
        tried.map((parameters) => module.cost(parameters).flops),
      );
      assert.ok(Math.abs(own - exponent) <= 0.15, `n^${own.toFixed(3)}`);
    });
  }
});
