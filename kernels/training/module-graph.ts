/** A module as a part of a network that is trained: its own graph builder on parameters of the network. */
import type { GraphBuilder } from '../graph/builder';
import { GraphError, type Value } from '../graph/records';
import type { ModuleGraph } from '../module';

/**
 * `prefix` stands before the module's names of weights in the network. A module that folds weights reads the folded names: give them
 * as values that are computed from the parameters.
 */
export function trainedModule(
  graph: GraphBuilder,
  inputs: Readonly<Record<string, Value>>,
  weights: Readonly<Record<string, Value>>,
  prefix = '',
): ModuleGraph {
  const found = (from: Readonly<Record<string, Value>>, what: string, name: string): Value => {
    const value = from[name];
    if (!value) throw new GraphError(`The network gives no ${what} "${name}" to its module.`);
    return value;
  };
  return {
    precision: 'float32',
    input: (name) => found(inputs, 'input', name),
    weight: (name) => found(weights, 'weight', prefix + name),
    constant: (shape, numbers) => graph.constant('float32', shape, numbers),
  };
}
