/** Gradients through the graph of a module against differences of its float64 reference. */
import assert from 'node:assert/strict';
import { gradients } from '../../../kernels/gradient/gradients';
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { add, multiply } from '../../../kernels/graph/operators/elementwise';
import { reduceSum } from '../../../kernels/graph/operators/reduce';
import { GraphError, type Value } from '../../../kernels/graph/records';
import type { ParameterValues } from '../../../kernels/mechanism';
import { isExact, type Module, type ModuleCall, type Tensors } from '../../../kernels/module';
import { buildModule } from '../../../kernels/module-parts/graph';
import { normalTensor, seedFor } from '../../../kernels/tensors/random';
import { tensor } from '../../../kernels/tensors/tensor';
import { moduleCases } from './cases';
import { drawRounded, runModuleGraph } from './run';

/** Seeded factors of every output: their sum of products is the scalar that is differentiated. */
const factorsOf = (module: Module, parameters: ParameterValues): Tensors =>
  Object.fromEntries(
    module.outputs(parameters).map(({ name, shape }) => [name, normalTensor(shape, seedFor(3, `factor ${name}`))]),
  );

/** What the scalar is differentiated by: inputs that are numbers, and the weights that the graph reads as they are published. */
const variablesOf = (module: Module, call: ModuleCall, parameters: ParameterValues): readonly string[] => [
  ...module.inputs(parameters).flatMap(({ name, kind }) => (isExact(kind) ? [] : [name])),
  ...(module.fold ? [] : Object.keys(call.weights)),
];

function scalarOf(outputs: Readonly<Record<string, Value>>, factors: Tensors): Value {
  const parts = Object.entries(factors).map(([name, { shape, data }]) => {
    const value = outputs[name]!;
    const product = multiply(value, value.graph.constant(value.type, shape, data));
    return reduceSum(
      product,
      shape.map((_, axis) => axis),
      false,
    );
  });
  return parts.reduce((total, part) => add(total, part));
}

/** The scalar in float64, of the call moved by `step` along its direction. */
function moved(module: Module, call: ModuleCall, parameters: ParameterValues, along: Tensors, step: number): number {
  const shift = (tensors: Tensors): Tensors =>
    Object.fromEntries(
      Object.entries(tensors).map(([name, x]) => {
        const direction = along[name];
        return [
          name,
          direction
            ? tensor(
                x.shape,
                x.data.map((value, at) => value + step * direction.data[at]!),
              )
            : x,
        ];
      }),
    );
  const outputs = module.reference({ inputs: shift(call.inputs), weights: shift(call.weights) }, parameters);
  return Object.entries(factorsOf(module, parameters)).reduce(
    (total, [name, { data }]) => total + data.reduce((sum, factor, at) => sum + factor * outputs[name]!.data[at]!, 0),
    0,
  );
}

describe('Law: gradients through the graph of a module equal differences of its reference', function () {
  this.timeout(60_000);
  for (const { module, settings } of moduleCases) {
    const parameters = settings[0]!;
    const call = drawRounded(module, parameters, 'float32');
    const variables = variablesOf(module, call, parameters);
    const build = () =>
      buildModule(module, parameters, 'float32', call.weights, {
        weightsAsInputs: true,
        more(builder: GraphBuilder, outputs) {
          const wrt = variables.map((name) => builder.inputs.find((input) => input.name === name)!);
          gradients(builder, scalarOf(outputs, factorsOf(module, parameters)), wrt).forEach((gradient, at) =>
            builder.output(gradient, `gradient ${variables[at]}`),
          );
        },
      });

    if (module.noGradient !== undefined) {
      it(`${module.id}: none passes, and it says why`, () => {
        assert.match(module.noGradient!, /^[A-Z].{20,}\.$/);
        assert.throws(build, GraphError);
      });
      continue;
    }
    it(module.id, async () => {
      const weights = module.fold?.(call.weights, parameters) ?? call.weights;
      const found = await runModuleGraph(module, build(), call, parameters, 'float32', weights);
      for (const name of variables) {
        const { shape } = call.inputs[name] ?? call.weights[name]!;
        const direction = normalTensor(shape, seedFor(5, name));
        // Small, so that few ReLUs of a deep network turn in between; sums of float64 leave 1e-9 of the difference.
        const step = 1e-7;
        const difference =
          (moved(module, call, parameters, { [name]: direction }, step) -
            moved(module, call, parameters, { [name]: direction }, -step)) /
          (2 * step);
        const gradient = found[`gradient ${name}`]!;
        const along = gradient.data.reduce((sum, value, at) => sum + value * direction.data[at]!, 0);
        const size = Math.sqrt(
          gradient.data.reduce((sum, value) => sum + value ** 2, 0) *
            direction.data.reduce((sum, value) => sum + value ** 2, 0),
        );
        assert.ok(
          Math.abs(along - difference) <= 1e-3 * Math.max(Math.abs(difference), 0.02 * size) + 1e-5,
          `${name}: ${along} along the direction, difference ${difference}`,
        );
      }
    });
  }
});
