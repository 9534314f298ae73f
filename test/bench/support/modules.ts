/** Modules as entrants of a race: the graph that is run, the graph with its gradients, and plain attention beside them. */
import { feedsOfModule } from '../../../compute-server/modules/inputs';
import { resolvedParameters } from '../../../compute-server/modules/parameters';
import type { RuntimeValues } from '../../../compute-server/runtime/session';
import { gradients } from '../../../kernels/gradient/gradients';
import type { GraphBuilder } from '../../../kernels/graph/builder';
import { add } from '../../../kernels/graph/operators/elementwise';
import { reduceSum } from '../../../kernels/graph/operators/reduce';
import type { Value } from '../../../kernels/graph/records';
import type { ParameterValues } from '../../../kernels/mechanism';
import { isExact, type Module, type PlainAttention, type Tensors } from '../../../kernels/module';
import { drawCall } from '../../../kernels/module-parts/draw';
import { buildModule, graphWeights } from '../../../kernels/module-parts/graph';
import { plainGraph, plainInputs, plainWeights } from '../../../kernels/module-parts/plain-attention';
import { toRuntime } from '../../../kernels/tensors/precision';
import type { GraphEntrant } from './interleaved';

const [precision, seed] = ['float32', 1] as const;

/** Weights are constants of the graph, as in a network that is run. */
export function moduleEntrant(name: string, module: Module, given: ParameterValues): GraphEntrant {
  const parameters = resolvedParameters(module, given);
  const { inputs, weights } = drawCall(module, parameters, seed);
  return {
    name,
    graph: buildModule(module, parameters, precision, weights),
    feeds: feedsOfModule(module, inputs, parameters, precision),
  };
}

const numbers = (tensors: Tensors): RuntimeValues =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, x]) => [name, { data: toRuntime(x, precision), shape: x.shape }]),
  );

const summed = (outputs: readonly Value[]): Value =>
  outputs
    .map((value) =>
      reduceSum(
        value,
        value.shape.map((_, axis) => axis),
        false,
      ),
    )
    .reduce((total, part) => add(total, part));

/** Gradients of the sum of all outputs, as outputs of the graph. */
function differentiate(builder: GraphBuilder, outputs: readonly Value[], wanted: ReadonlySet<string>): void {
  const variables = builder.inputs.filter(({ name }) => wanted.has(name));
  gradients(builder, summed(outputs), variables).forEach((gradient, at) =>
    builder.output(gradient, `gradient ${variables[at]!.name}`),
  );
}

/** Forward and backward in one run: gradients to all weights that the graph reads and all inputs that are no labels or masks. */
export function gradientEntrant(name: string, module: Module, given: ParameterValues): GraphEntrant {
  const parameters = resolvedParameters(module, given);
  const call = drawCall(module, parameters, seed);
  const weights = graphWeights(module, call.weights, parameters);
  const inputs = module.inputs(parameters).filter(({ kind }) => !isExact(kind));
  const wanted = new Set([...inputs.map((input) => input.name), ...Object.keys(weights)]);
  const graph = buildModule(module, parameters, precision, call.weights, {
    weightsAsInputs: true,
    more: (builder, outputs) =>
      differentiate(
        builder,
        module.outputs(parameters).map((output) => outputs[output.name]!),
        wanted,
      ),
  });
  return { name, graph, feeds: feedsOfModule(module, { ...call.inputs, ...weights }, parameters, precision) };
}

export const plainEntrant = (name: string, plain: PlainAttention): GraphEntrant => ({
  name,
  graph: plainGraph(plain, precision, plainWeights(plain, seed)),
  feeds: numbers(plainInputs(plain, seed)),
});
