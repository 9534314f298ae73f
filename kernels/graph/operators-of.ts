/** Which operators an encoded graph calls. */
import type { GraphProto } from './onnx_pb';
import { readGraph, tensorsOf, type StoredTensors } from './stored-tensors';

/**
 * Names of the operators of the graph and of the bodies of its Scans and branches: the ONNX type, and ` int64` behind it where it computes
 * on int64 numbers, which a device may lack apart. What has constants alone for input is computed when the graph is opened, on
 * the cpu, and left out.
 */
export function operatorsOf(model: Uint8Array): ReadonlySet<string> {
  const { graph } = readGraph(model);
  const found = new Set<string>();
  if (graph) collect(graph, { tensors: new Map(), constants: new Set() }, found);
  return found;
}

interface Surroundings {
  readonly tensors: StoredTensors;
  readonly constants: ReadonlySet<string>;
}

function collect(graph: GraphProto, outer: Surroundings, found: Set<string>): void {
  const tensors = tensorsOf(graph, outer.tensors, undefined);
  const constants = new Set([...outer.constants, ...graph.initializer.map(({ name }) => name)]);
  for (const { opType, input, output, attribute } of graph.node) {
    if (input.length > 0 && input.every((name) => name === '' || constants.has(name))) {
      for (const name of output) constants.add(name);
      continue;
    }
    // In these graphs int64 is the only type of eight bytes.
    const wide = tensors.get(input[0] ?? '')?.width === 8;
    found.add(wide ? `${opType} int64` : opType);
    for (const { g } of attribute) if (g) collect(g, { tensors, constants }, found);
  }
}
