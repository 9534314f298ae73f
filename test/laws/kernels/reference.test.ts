import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import { measureError } from '../../../kernels/tensors/error';
import { drawInputs } from '../../../kernels/tensors/inputs';
import { allowedError } from '../../../kernels/tensors/tolerance';
import { cases, settings } from './cases';
import { runMechanism } from './run';

describe('Law: the graph in the runtime equals the float64 reference on random inputs', function () {
  this.timeout(60_000);
  for (const mechanism of catalogue) {
    for (const parameters of settings(mechanism)) {
      it(`${mechanism.id} ${JSON.stringify(parameters)}, in every pattern and shape that it supports`, async () => {
        let tried = 0;
        for (const { name, shape } of cases) {
          const support = mechanism.supports(shape, parameters);
          if (!support.ok) {
            assert.match(support.why, /^[A-Z].{20,}\.$/, `${mechanism.id} must say in a sentence why not: ${name}`);
            continue;
          }
          const inputs = drawInputs(mechanism, shape, parameters, 7);
          const actual = await runMechanism(mechanism, inputs, shape, parameters);
          const error = measureError(actual, mechanism.reference(inputs, shape, parameters));
          assert.equal(error.nanMismatches, 0, name);
          const allowed = allowedError(mechanism, inputs, shape, parameters, 'float32');
          assert.ok(error.maxAbsolute <= allowed, `${name}: error ${error.maxAbsolute}, allowed ${allowed}`);
          tried++;
        }
        assert.ok(tried >= 8, `${mechanism.id} ran ${tried} of ${cases.length} cases`);
      });
    }
  }
});
