/**
 * Evaluates a graph under construction in float64, node by node: the arithmetic that gradients are held against. Integers and
 * truth values are numbers too; shapes are those of the data, so that dimensions may be names.
 */
import { toFloat } from './stored-numbers';
import type { GraphScope, Initialiser, NodeRecord } from '../../../kernels/graph/records';
import { tensor, type Tensor } from '../../../kernels/tensors/tensor';
import { operators, type Call } from './operators';
import { axisOf, stridesOf } from './arrays';

export type Feeds = Readonly<Record<string, Tensor>>;

/** Gives weights that lie in files, by the name of their value. */
export type Weights = (name: string) => Tensor;

const noWeights: Weights = (name) => {
  throw new RangeError(`no weights are given for "${name}"`);
};

interface Evaluated {
  readonly inputs: readonly (Tensor | undefined)[];
  readonly outputs: readonly Tensor[];
}

/** What nodes gave the first time: it is what they give again where they read the same tensors, not merely equal ones. */
export type FirstEvaluation = Map<NodeRecord, Evaluated>;

const constants = new WeakMap<Initialiser, Tensor>();

function constant(initialiser: Initialiser, data: Uint8Array): Tensor {
  const known = constants.get(initialiser);
  if (known) return known;
  const { type, shape } = initialiser.value;
  const made = tensor(shape.map(Number), toFloat(type, data));
  constants.set(initialiser, made);
  return made;
}

/** Every value of the graph by name. */
export function evaluate(
  graph: GraphScope,
  feeds: Feeds,
  weights: Weights = noWeights,
  outer?: (name: string) => Tensor,
  first?: FirstEvaluation,
): ReadonlyMap<string, Tensor> {
  const values = new Map(Object.entries(feeds));
  for (const initialiser of graph.initialisers) {
    const { value, data } = initialiser;
    values.set(value.name, data instanceof Uint8Array ? constant(initialiser, data) : weights(value.name));
  }
  const read = (name: string): Tensor => {
    const found = values.get(name) ?? outer?.(name);
    if (!found) throw new RangeError(`graph "${graph.name}" has no value "${name}" yet`);
    return found;
  };
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => (name === '' ? undefined : read(name)));
    const known = first?.get(node);
    const outputs = known?.inputs.every((input, at) => input === inputs[at])
      ? known.outputs
      : node.operator === 'Scan'
        ? scan(node, inputs, weights, read)
        : node.operator === 'If'
          ? branch(node, inputs, weights, read)
          : call(node, inputs);
    // A body reads more than the inputs of its node.
    if (first && !known && node.operator !== 'Scan' && node.operator !== 'If') first.set(node, { inputs, outputs });
    node.outputs.forEach((name, at) => values.set(name, outputs[at]!));
  }
  return values;
}

function call(node: NodeRecord, inputs: readonly (Tensor | undefined)[]): readonly Tensor[] {
  const operator = operators[node.operator];
  if (!operator) throw new RangeError(`the evaluator has no ${node.operator}`);
  const attribute = (name: string) => node.attributes[name];
  const numberOf = (name: string, otherwise: number): number => {
    const found = attribute(name);
    return found?.kind === 'int' || found?.kind === 'float' ? found.value : otherwise;
  };
  const given: Call = {
    x: inputs as readonly Tensor[],
    number: numberOf,
    list(name) {
      const found = attribute(name);
      return found?.kind === 'ints' ? found.value : undefined;
    },
    text(name) {
      const found = attribute(name);
      return found?.kind === 'text' ? found.value : undefined;
    },
    outputs: node.outputs.length,
  };
  const result = operator(given);
  return 'data' in result ? [result] : result;
}

/** The branch that the condition takes. */
function branch(
  node: NodeRecord,
  [condition]: readonly (Tensor | undefined)[],
  weights: Weights,
  outer: (name: string) => Tensor,
): readonly Tensor[] {
  const body = node.attributes[condition?.data[0] === 1 ? 'then_branch' : 'else_branch'];
  if (body?.kind !== 'body') throw new RangeError('an If without branches');
  const values = evaluate(body.value, {}, weights, outer);
  return body.value.outputs.map(({ name }) => values.get(name) ?? outer(name));
}

/** Steps along axis 0, in the directions of the attributes. */
function scan(
  node: NodeRecord,
  inputs: readonly (Tensor | undefined)[],
  weights: Weights,
  outer: (name: string) => Tensor,
): readonly Tensor[] {
  const body = node.attributes['body'];
  const count = node.attributes['num_scan_inputs'];
  if (body?.kind !== 'body' || count?.kind !== 'int') throw new RangeError('a Scan without body');
  const backwards = (name: string): boolean => {
    const directions = node.attributes[name];
    return directions?.kind === 'ints' && directions.value[0] === 1;
  };
  const carried = inputs.length - count.value;
  let states = inputs.slice(0, carried) as Tensor[];
  const scanned = inputs.slice(carried) as Tensor[];
  const steps = scanned[0]!.shape[0]!;
  const rows: Tensor[][] = [];
  for (let i = 0; i < steps; i++) {
    const step = backwards('scan_input_directions') ? steps - 1 - i : i;
    const slices = scanned.map(({ shape, data }) => {
      const size = stridesOf(shape)[axisOf(0, shape.length)]!;
      return tensor(shape.slice(1), data.slice(step * size, (step + 1) * size));
    });
    const feeds = Object.fromEntries(body.value.inputs.map(({ name }, at) => [name, [...states, ...slices][at]!]));
    const values = evaluate(body.value, feeds, weights, outer);
    const results = body.value.outputs.map(({ name }) => values.get(name) ?? outer(name));
    states = results.slice(0, carried);
    rows.push(results.slice(carried));
  }
  if (backwards('scan_output_directions')) rows.reverse();
  const outputs = (rows[0] ?? []).map(({ shape }, at) =>
    tensor([steps, ...shape], Float64Array.from(rows.flatMap((row) => [...row[at]!.data]))),
  );
  return [...states, ...outputs];
}
