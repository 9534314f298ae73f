/** Memory that running an encoded graph takes, by its shapes. */
import type { GraphProto } from './onnx_pb';
import { numbersOf, readGraph, tensorsOf, type Sizes, type StoredTensors } from './stored-tensors';

/** Operators that give the same numbers in another shape: the runtime gives them no memory of their own. */
const views = new Set(['Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Identity']);

/**
 * The most bytes of tensors that are alive at once when nodes run in their order: inputs, constants and outputs all the time,
 * other values from the node that makes them to the last that reads them, and the largest body of a Scan beside what is alive
 * around it. What an operator allocates inside, and what the runtime saves by computing in place, do not count.
 */
export function liveBytes(model: Uint8Array): number {
  const { graph, sizes } = readGraph(model);
  return graph ? peakOf(graph, new Map(), sizes) : 0;
}

function peakOf(graph: GraphProto, outer: StoredTensors, sizes: Sizes): number {
  const tensors = tensorsOf(graph, outer, sizes);
  const bytesOf = (name: string): number => {
    const tensor = tensors.get(name);
    return tensor ? numbersOf(tensor.shape) * tensor.width : 0;
  };
  /** The value whose memory a view shows. */
  const shown = new Map<string, string>();
  const memoryOf = (name: string): string => shown.get(name) ?? name;
  for (const { opType, input, output } of graph.node) {
    if (views.has(opType)) shown.set(output[0]!, memoryOf(input[0]!));
  }
  const always = new Set([
    ...graph.input.map(({ name }) => name),
    ...graph.initializer.map(({ name }) => name),
    ...graph.output.map(({ name }) => memoryOf(name)),
  ]);
  const lastRead = new Map<string, number>();
  graph.node.forEach(({ input, attribute }, at) => {
    const read = [...input, ...attribute.flatMap(({ g }) => (g ? readInside(g) : []))];
    for (const name of read) lastRead.set(memoryOf(name), at);
  });

  const ending = graph.node.map((): string[] => []);
  // What is read from around a body stays as long as the body's caller says.
  for (const [name, at] of lastRead) if (!always.has(name) && !outer.has(name)) ending[at]!.push(name);

  const total = (names: readonly string[]): number => names.reduce((sum, name) => sum + bytesOf(name), 0);
  let live = total([...always]);
  let peak = live;
  graph.node.forEach(({ output, attribute }, at) => {
    const made = output.filter((name) => name !== '' && memoryOf(name) === name && !always.has(name));
    live += total(made);
    const inside = attribute.map(({ g }) => (g ? peakOf(g, tensors, sizes) : 0));
    peak = Math.max(peak, live + Math.max(0, ...inside));
    const unread = made.filter((name) => !lastRead.has(name));
    live -= total([...unread, ...ending[at]!]);
  });
  return peak;
}

/** Names that a body reads, of itself or from around it. */
const readInside = (body: GraphProto): readonly string[] =>
  body.node.flatMap(({ input, attribute }) => [...input, ...attribute.flatMap(({ g }) => (g ? readInside(g) : []))]);
