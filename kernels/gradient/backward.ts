/** Forward and backward passes of a mechanism in one graph, as training runs them. */
import type { Graph } from '../graph/graph';
import { GraphError } from '../graph/records';
import { reopen } from '../graph/reopen';
import { gradients } from './gradients';

/** The input that carries the gradient of a loss with respect to the output, in the output's shape. */
export const outputGradient = 'gradient of output';

/** What gradients are computed of: what a layer's projections give to attention. */
export const differentiated = ['query', 'key', 'value'] as const;
export type Differentiated = (typeof differentiated)[number];

export const gradientOf = (input: string): string => `gradient of ${input}`;

/**
 * The graph of a mechanism (inputs `query`, `key`, `value`, its weights; output `output`) with the input `gradient of output`
 * and three further outputs: the gradients of sum(gradient of output * output) with respect to query, key and value, each in
 * the shape of its input. Weights are constants. Where a node has no gradient, a GraphError says which and why.
 */
export function forwardAndBackward(graph: Graph): Graph {
  const reopened = reopen(graph);
  const output = reopened.outputs[graph.outputs.findIndex(({ name }) => name === 'output')];
  if (!output) throw new GraphError('The graph has no output "output".');
  const both = reopened.graph;
  const wrt = differentiated.map((name) => {
    const input = both.inputs.find((each) => each.name === name);
    if (!input) throw new GraphError(`The graph has no input "${name}".`);
    return input;
  });
  const seed = both.input(outputGradient, output.type, output.shape);
  const found = gradients(both, [[output, seed]], wrt);
  both.output(output, 'output');
  found.forEach((value, at) => both.output(value, gradientOf(differentiated[at]!)));
  // The shapes of a mechanism are numbers, and so are those of what is added.
  return both.withoutUnused().finish();
}
