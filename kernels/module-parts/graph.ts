/** From a module to a graph that the runtime takes, and layers that several modules build. */
import { GraphBuilder } from '../graph/builder';
import type { Graph } from '../graph/graph';
import { add, multiply } from '../graph/operators/elementwise';
import { reshape } from '../graph/operators/layout';
import { fusedMatmul } from '../graph/operators/matrix';
import { layerNormalization } from '../graph/operators/normalize';
import { GraphError, type Value } from '../graph/records';
import type { Module, ModuleGraph, Tensors } from '../module';
import type { ParameterValues } from '../mechanism';
import type { Precision } from '../shape';
import { sizeOf, type Tensor } from '../tensors/tensor';

/** What the graph reads: the published weights, folded where the module folds them. */
export const graphWeights = (module: Module, weights: Tensors, parameters: ParameterValues): Tensors =>
  module.fold?.(weights, parameters) ?? weights;

/**
 * The graph of a module. Weights are constants, as in a network that is run; with `weightsAsInputs` they are inputs by name.
 * `more` may add outputs (gradients) and gets the outputs of the module.
 */
export function buildModule(
  module: Module,
  parameters: ParameterValues,
  precision: Precision,
  weights: Tensors,
  options: {
    readonly weightsAsInputs?: boolean;
    readonly more?: (builder: GraphBuilder, outputs: Readonly<Record<string, Value>>) => void;
  } = {},
): Graph {
  const builder = new GraphBuilder(module.id);
  builder.metadata.set('module', module.id);
  const inputs = new Map<string, Value>();
  for (const { name, kind, shape } of module.inputs(parameters)) {
    inputs.set(name, builder.input(name, kind === 'labels' ? 'int64' : precision, shape));
  }
  const read = new Map<string, Value>();
  for (const [name, { shape, data }] of Object.entries(graphWeights(module, weights, parameters))) {
    read.set(
      name,
      options.weightsAsInputs
        ? builder.input(name, precision, shape)
        : builder.constant(precision, shape, data, `weight ${name}`),
    );
  }
  const found = (from: ReadonlyMap<string, Value>, what: string, name: string): Value => {
    const value = from.get(name);
    if (!value) throw new GraphError(`${module.id} has no ${what} "${name}".`);
    return value;
  };
  const sight: ModuleGraph = {
    precision,
    input: (name) => found(inputs, 'input', name),
    weight: (name) => found(read, 'weight', name),
    constant: (shape, numbers) => builder.constant(precision, shape, numbers),
  };
  const outputs = module.build(sight, parameters);
  for (const { name } of module.outputs(parameters)) {
    const value = outputs[name];
    if (!value) throw new GraphError(`${module.id} builds no output "${name}".`);
    builder.output(value, name);
  }
  options.more?.(builder, outputs);
  return builder.finish();
}

/** The same graph, whose weights are those behind a prefix. */
export const inside = (graph: ModuleGraph, prefix: string): ModuleGraph => ({
  precision: graph.precision,
  input: (name) => graph.input(name),
  weight: (name) => graph.weight(prefix + name),
  constant: (shape, numbers) => graph.constant(shape, numbers),
});

/** x W^T + bias over the last axis, W [out, in] as PyTorch keeps it. */
export function linearLayer(x: Value, weight: Value, bias?: Value): Value {
  const y = fusedMatmul(x, weight, { transposeB: true });
  return bias ? add(y, bias) : y;
}

/**
 * Group norm of [b, c, ...sizes], as a layer norm over the numbers of a group and a gain and an offset for each channel. `ones` as many
 * as numbers in a group are a constant of the graph.
 */
export function groupNormalization(
  graph: ModuleGraph,
  x: Value,
  groups: number,
  gain: Value,
  offset: Value,
  epsilon: number,
): Value {
  const [batch, channels, ...sizes] = x.shape.map(Number) as [number, number, ...number[]];
  const width = (channels / groups) * sizeOf(sizes);
  const ones = graph.constant([width], new Float64Array(width).fill(1));
  const normal = reshape(layerNormalization(reshape(x, [batch, groups, width]), ones, undefined, epsilon), x.shape);
  const perChannel = [channels, ...sizes.map(() => 1)];
  return add(multiply(normal, reshape(gain, perChannel)), reshape(offset, perChannel));
}

/** Batch norm at inference over the outputs of a convolution or linear layer W [out, ...], as one layer with a bias. */
export function folded(
  weight: Tensor,
  norm: {
    readonly weight: Tensor;
    readonly bias: Tensor;
    readonly running_mean: Tensor;
    readonly running_var: Tensor;
  },
  bias?: Tensor,
  epsilon = 1e-5,
): { readonly weight: Tensor; readonly bias: Tensor } {
  const outs = weight.shape[0]!;
  const inner = weight.data.length / outs;
  const factor = (out: number) => norm.weight.data[out]! / Math.sqrt(norm.running_var.data[out]! + epsilon);
  return {
    weight: { shape: weight.shape, data: weight.data.map((value, at) => value * factor(Math.floor(at / inner))) },
    bias: {
      shape: [outs],
      data: Float64Array.from(
        { length: outs },
        (_, out) => norm.bias.data[out]! + ((bias?.data[out] ?? 0) - norm.running_mean.data[out]!) * factor(out),
      ),
    },
  };
}
