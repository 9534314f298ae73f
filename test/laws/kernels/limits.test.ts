import assert from 'node:assert/strict';
import { catalogue, mechanismById } from '../../../kernels/catalogue';
import { workOf } from '../../../kernels/graph/work';
import type { Mechanism, ParameterValues } from '../../../kernels/mechanism';
import { resolveTable } from '../../../protocol/analysis/parameters';
import type { AttentionShape } from '../../../kernels/shape';
import { measureError } from '../../../kernels/tensors/error';
import { cases, fewCases } from './cases';
import { assertRight, drawRounded, precisions, runMechanism } from './run';

/** The operators of a graph in their order: two mechanisms that share an implementation have the same, and prove nothing. */
const operators = (mechanism: Mechanism, shape: AttentionShape, parameters: ParameterValues): string =>
  workOf(mechanism.build(shape, parameters, 'float32').model)
    .map(({ kind, bytes }) => `${kind} ${bytes}`)
    .join();

describe('Law: in its degenerate limits a mechanism is another mechanism', function () {
  this.timeout(60_000);
  for (const mechanism of catalogue) {
    for (const limit of mechanism.limits) {
      for (const precision of precisions) {
        it(`${mechanism.id} with ${limit.name} equals ${limit.equals}, reference and graph, ${precision}`, async () => {
          const other = mechanismById(limit.equals);
          assert.ok(other, `${limit.equals} is in the catalogue`);
          let [tried, differ] = [0, false];
          for (const { name, shape } of precision === 'float32' ? cases : fewCases) {
            const own = resolveTable(mechanism.id, mechanism.parameters, limit.parameters(shape));
            const others = resolveTable(other.id, other.parameters, {});
            assert.ok(own.ok && others.ok, name);
            if (!mechanism.supports(shape, own.values).ok || !other.supports(shape, others.values).ok) continue;
            differ ||= operators(mechanism, shape, own.values) !== operators(other, shape, others.values);
            const inputs = drawRounded(mechanism, shape, own.values, 11, precision);
            const expected = other.reference(inputs, shape, others.values);
            const exact = measureError(mechanism.reference(inputs, shape, own.values), expected);
            assert.ok(
              exact.maxAbsolute < 1e-12 && exact.nanMismatches === 0,
              `${name}: references differ by ${exact.maxAbsolute}`,
            );
            const actual = await runMechanism(mechanism, inputs, shape, own.values, precision);
            assertRight(mechanism, actual, inputs, shape, own.values, precision, name, (given) =>
              other.reference(given, shape, others.values),
            );
            tried++;
          }
          assert.ok(tried >= (precision === 'float32' ? 10 : 1), `only ${tried} cases were tried`);
          assert.ok(differ, 'one graph is compared with itself');
        });
      }
    }
  }
});
