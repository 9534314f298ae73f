import assert from 'node:assert/strict';
import { catalogue } from '../../../kernels/catalogue';
import { cases, fewCases, settings } from './cases';
import { assertRight, drawRounded, precisions, runMechanism } from './run';

describe('Law: the graph in the runtime equals the float64 reference on random inputs', function () {
  this.timeout(60_000);
  for (const mechanism of catalogue) {
    for (const precision of precisions) {
      const tried = precision === 'float32' ? cases : fewCases;
      for (const parameters of settings(mechanism)) {
        const name = `${mechanism.id} ${JSON.stringify(parameters)}, ${precision}`;
        it(`${name}, in every pattern and shape that it supports`, async () => {
          let ran = 0;
          for (const { name: of, shape } of tried) {
            const support = mechanism.supports(shape, parameters);
            if (!support.ok) {
              assert.match(support.why, /^[A-Z].{20,}\.$/, `${mechanism.id} must say in a sentence why not: ${of}`);
              continue;
            }
            const inputs = drawRounded(mechanism, shape, parameters, 7, precision);
            const actual = await runMechanism(mechanism, inputs, shape, parameters, precision);
            assertRight(mechanism, actual, inputs, shape, parameters, precision, of);
            ran++;
          }
          assert.ok(ran >= (precision === 'float32' ? 8 : 1), `${mechanism.id} ran ${ran} of ${tried.length} cases`);
        });
      }
    }
  }
});
