/**
 * Reverse mode over a graph under construction: the nodes of the vector-Jacobian product are added to the same graph, so that they
 * run on the same device from the same weights.
 */
import { printShape, sameShape } from '../graph/dims';
import { passesNothing, zerosLike, type Back } from '../graph/operators/gradient-rule';
import { add } from '../graph/operators/elementwise';
import { borrow } from '../graph/operators/conditional';
import { GraphError, readOutside, type GraphScope, type NodeRecord, type Value } from '../graph/records';
import { isFloating } from '../graph/types';
import type { GraphBuilder } from '../graph/builder';
import { gradientRefusals, gradientRules } from './rules';

/** A value and its gradient, of the same shape. */
export type Seed = readonly [of: Value, gradient: Value];

/** Gradients of `of` with respect to `wrt`, 0 where nothing passes. `of` is a scalar, or its gradient is given. */
export function gradients(graph: GraphBuilder, of: Value | readonly Seed[], wrt: readonly Value[]): readonly Value[] {
  return graph.within('gradient', () => {
    const seeds = 'name' in of ? [[of, ofScalar(of)] as const] : of;
    const found = back(graph, 0, seeds, wrt);
    return wrt.map((value, at) => found[at] ?? zerosLike(borrow(graph, value)));
  });
}

function ofScalar(of: Value): Value {
  if (of.shape.length > 0) {
    throw new GraphError(`"${of.name}" ${printShape(of.shape)} is no scalar: give its gradient.`);
  }
  return of.graph.constant(of.type, [], [1]);
}

const back: Back = (graph, since, seeds, wrt) => {
  const nodes = graph.nodes.slice(since).map((node) => ({ node, outer: readOutside(node) }));
  const reached = reachedFrom(graph, nodes, wrt);
  const parts = new Map<string, Value[]>();
  const put = (of: Value, gradient: Value, by: string): void => {
    if (!sameShape(of.shape, gradient.shape)) {
      throw new GraphError(
        `The gradient of "${of.name}" ${printShape(of.shape)} through ${by} came out as ${printShape(gradient.shape)}.`,
      );
    }
    parts.set(of.name, [...(parts.get(of.name) ?? []), gradient]);
  };
  /** What all uses of a value add up to. */
  const sumOf = (name: string): Value | undefined => {
    const all = parts.get(name);
    if (!all) return undefined;
    const sum = all.reduce((total, part) => add(total, part));
    parts.set(name, [sum]);
    return sum;
  };

  for (const [of, gradient] of seeds) if (reached.has(of.name)) put(of, gradient, 'the seed');
  for (const { node, outer } of nodes.reverse()) {
    if (!node.outputs.some((name) => parts.has(name) && reached.has(name))) continue;
    const operands = [...node.inputs, ...outer].map((name) => (name === '' ? undefined : valueOf(graph, name)));
    const wanted = operands.map((value) => value !== undefined && reached.has(value.name));
    if (!wanted.some(Boolean)) continue;
    const outputs = node.outputs.map((name) => valueOf(graph, name));
    const applied = { node, inputs: operands, outputs, wanted, graph, back };
    const passes = ruleOf(node)(
      applied,
      node.outputs.map((name) => sumOf(name)),
    );
    operands.forEach((value, at) => {
      const gradient = value && wanted[at] ? passes[at]?.() : undefined;
      if (value && gradient) put(value, gradient, `${node.operator} "${node.name}"`);
    });
  }
  return wrt.map(({ name }) => sumOf(name));
};

function ruleOf({ operator, name }: NodeRecord) {
  const rule = Object.hasOwn(gradientRules, operator) ? gradientRules[operator] : undefined;
  if (rule) return rule;
  const why = Object.hasOwn(gradientRefusals, operator) ? gradientRefusals[operator] : 'it has no rule';
  throw new GraphError(`The gradient through ${operator} "${name}" is not computed: ${why}.`);
}

/** Names of what depends on `wrt` by numbers that have derivatives. */
function reachedFrom(
  graph: GraphScope,
  nodes: readonly { readonly node: NodeRecord; readonly outer: readonly string[] }[],
  wrt: readonly Value[],
): ReadonlySet<string> {
  const reached = new Set(wrt.map(({ name }) => name));
  for (const { node, outer } of nodes) {
    if (gradientRules[node.operator] === passesNothing) continue;
    if (![...node.inputs, ...outer].some((name) => reached.has(name))) continue;
    for (const name of node.outputs) if (isFloating(valueOf(graph, name).type)) reached.add(name);
  }
  return reached;
}

/** A value of the graph or of those around it, as an operand in the graph. */
function valueOf(graph: GraphScope, name: string): Value {
  for (let scope: GraphScope | undefined = graph; scope; scope = scope.parent) {
    const value = scope.values.get(name);
    if (value) return scope === graph ? value : { ...value, graph };
  }
  throw new GraphError(`Graph "${graph.name}" has no value "${name}".`);
}
