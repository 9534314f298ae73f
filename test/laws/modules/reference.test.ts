import assert from 'node:assert/strict';
import { operatorsOf } from '../../../kernels/graph/operators-of';
import { inStandardOperators, isRewritten } from '../../../kernels/graph/portable';
import type { ParameterValues } from '../../../kernels/mechanism';
import type { Module } from '../../../kernels/module';
import { drawCall } from '../../../kernels/module-parts/draw';
import type { OutputProof } from '../../../kernels/module-parts/proof';
import { moduleCases, resolved } from './cases';
import { provenModule } from './run';

const precisions = ['float32', 'float16'] as const;

function assertProved(proofs: readonly OutputProof[], name: string): void {
  for (const { output, comparison } of proofs) {
    const { ok, nanMismatches, maxError, tolerance } = comparison;
    const what = nanMismatches > 0 ? `${nanMismatches} mismatches of NaN` : `error ${maxError}, allowed ${tolerance}`;
    assert.ok(ok, `${name}, ${output}: ${what}`);
  }
}

describe('Law: the graph of a module in the runtime equals its float64 reference', function () {
  this.timeout(60_000);
  for (const { module, settings } of moduleCases) {
    for (const precision of precisions) {
      for (const parameters of settings) {
        it(`${module.id} ${JSON.stringify(parameters)}, ${precision}`, async () => {
          assertProved(await provenModule(module, parameters, precision), module.id);
        });
      }
    }
    it(`${module.id} in standard operators alone`, async () => {
      const proofs = await provenModule(module, settings[0]!, 'float32', (graph) => {
        const standard = inStandardOperators(graph);
        assert.deepEqual([...operatorsOf(standard.model)].filter(isRewritten), []);
        return standard;
      });
      assertProved(proofs, module.id);
    });
  }
});

/** Difference of two tensors relative to the largest number expected. */
function differs(module: Module, parameters: ParameterValues, at: number): number {
  const limit = module.limits[at]!;
  const drawn = drawCall(module, parameters, 11);
  const call = limit.call?.(drawn, parameters) ?? drawn;
  const [actual, expected] = [module.reference(call, parameters), limit.equals(call, parameters)];
  let most = 0;
  for (const [name, { shape, data }] of Object.entries(expected)) {
    assert.deepEqual(actual[name]!.shape, shape, name);
    const scale = data.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0) || 1;
    data.forEach((value, i) => {
      most = Math.max(most, Math.abs(value - actual[name]!.data[i]!) / scale);
    });
    assert.ok(data.every(Number.isFinite), `${name} has numbers`);
  }
  return most;
}

describe('Law: in its limits a module equals something else', () => {
  for (const { module, settings } of moduleCases) {
    module.limits.forEach(({ name, parameters, within = 1e-12 }, at) => {
      it(`${module.id}: ${name}`, () => {
        const difference = differs(module, resolved(module, { ...settings[0], ...parameters } as ParameterValues), at);
        assert.ok(difference <= within, `differs by ${difference}`);
      });
    });
  }
});
