/** Outputs that are known to be wrong are rejected. */
import assert from 'node:assert/strict';
import { drawRounded } from './run';
import { proofsOf } from '../../../kernels/module-parts/proof';
import { roundTo } from '../../../kernels/tensors/precision';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { moduleCases } from './cases';

const changed =
  (by: (x: Tensor, at: number) => number) =>
  (x: Tensor): Tensor =>
    tensor(
      x.shape,
      x.data.map((_, at) => by(x, at)),
    );

const plants: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  zeros: changed(() => 0),
  'zeros in the later half': changed(({ data }, at) => (at < data.length / 2 ? data[at]! : 0)),
  'the number before': changed(({ data }, at) => data[(at + data.length - 1) % data.length]!),
  'numbers in reverse': changed(({ data }, at) => data[data.length - 1 - at]!),
  'a tenth more': changed(({ data }, at) => 1.1 * data[at]!),
  'a tenth less': changed(({ data }, at) => 0.9 * data[at]!),
};

describe('Law: zero, shifted, reversed and scaled outputs of a module are rejected', function () {
  this.timeout(60_000);
  for (const { module, settings } of moduleCases) {
    for (const precision of ['float32', 'float16'] as const) {
      it(`${module.id}, ${precision}`, () => {
        const parameters = settings[0]!;
        const call = drawRounded(module, parameters, precision);
        const { expected, prove: proofs } = proofsOf(module, call, parameters, {
          stored: precision,
          summed: 'float32',
        });
        const right = Object.fromEntries(
          Object.entries(expected).map(([name, x]) => [name, roundTo(x, precision)] as const),
        );
        assert.ok(
          proofs(right).every(({ comparison }) => comparison.ok),
          'the right output is accepted',
        );
        for (const { name } of module.outputs(parameters)) {
          for (const [what, plant] of Object.entries(plants)) {
            const wrong = roundTo(plant(expected[name]!), precision);
            if (wrong.data.every((value, at) => value === right[name]!.data[at])) continue;
            const found = proofs({ ...right, [name]: wrong }).find(({ output }) => output === name)!.comparison;
            assert.ok(!found.ok, `${name}: ${what} passes, ${found.maxError} within ${found.tolerance}`);
          }
        }
      });
    }
  }
});
