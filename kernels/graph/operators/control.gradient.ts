/**
 * Gradient rule of Scan. A second Scan keeps the states before each step; a third goes from the last step to the first, builds the
 * step again from its state and carries the gradient of the state back, with the sum of those of the values around the loop.
 */
import type { GraphBuilder } from '../builder';
import {
  intOf,
  zerosLike,
  type Applied,
  type GradientRule,
  type GradientRules,
  type Pass,
  type Refusals,
} from './gradient-rule';
import { GraphError, type GraphScope, type Value } from '../records';
import { isFloating } from '../types';
import { borrow } from './conditional';
import { scan } from './control';

/** The nodes of a body again, in another graph, with these values for its inputs; gives its outputs. */
function again(body: GraphScope, graph: GraphBuilder, inputs: readonly Value[]): readonly Value[] {
  const known = new Map<string, Value>();
  body.inputs.forEach((input, at) => {
    const value = inputs[at];
    if (value) known.set(input.name, value);
  });
  for (const initialiser of body.initialisers) known.set(initialiser.value.name, graph.adopt(initialiser));
  const valueOf = (name: string): Value => {
    const found = known.get(name) ?? around(body, name);
    if (!found) throw new GraphError(`The body "${body.name}" reads "${name}", which is nowhere.`);
    return found.graph === graph ? found : borrow(graph, found);
  };
  for (const node of body.nodes) {
    if (Object.values(node.attributes).some(({ kind }) => kind === 'body')) {
      throw new GraphError(
        `${node.operator} "${node.name}" lies inside a Scan and has a body of its own: no gradient here.`,
      );
    }
    const outputs = node.outputs.map((name) => {
      const { type, shape } = body.values.get(name)!;
      return { type, shape };
    });
    const operands = node.inputs.map((name) => (name === '' ? undefined : valueOf(name)));
    const values = graph.node(node.operator, operands, outputs, node.attributes, node.domain);
    node.outputs.forEach((name, at) => known.set(name, values[at]!));
  }
  return body.outputs.map(({ name }) => valueOf(name));
}

function around({ parent }: GraphScope, name: string): Value | undefined {
  return parent && (parent.values.get(name) ?? around(parent, name));
}

const scanned: GradientRule = (applied, gradients) => {
  let known: readonly (Value | undefined)[] | undefined;
  return applied.inputs.map(
    (value): Pass => value && (() => (known ??= backwards(applied, gradients)).at(applied.inputs.indexOf(value))),
  );
};

/**
 * As Sum: an Add behind a product is fused into Gemm, and in the body of a Scan its transposed operand is then lost ("Missing
 * Input", onnxruntime 1.30, 2026-11).
 */
const sum = (a: Value, b: Value): Value => a.graph.node('Sum', [a, b], [{ type: a.type, shape: a.shape }])[0];

/** The gradient of each input, those of the values around the loop included. */
function backwards(applied: Applied, gradients: readonly (Value | undefined)[]): readonly (Value | undefined)[] {
  const { node, wanted, back } = applied;
  const body = node.attributes['body'];
  if (body?.kind !== 'body') throw new GraphError(`Scan "${node.name}" has no body.`);
  const inputs = applied.inputs.map((value) => value!);
  const slices = intOf(node, 'num_scan_inputs', 0);
  const count = node.inputs.length - slices;
  const states = inputs.slice(0, count);
  const cut = inputs.slice(count, node.inputs.length);
  const outer = inputs.slice(node.inputs.length).filter((_, at) => wanted[node.inputs.length + at]);

  const kept =
    count === 0
      ? []
      : scan(states, cut, (before, read) => {
          const inner = read[0]!.graph as GraphBuilder;
          return { states: again(body.value, inner, [...before, ...read]).slice(0, count), outputs: before };
        }).outputs;

  const carried = states.flatMap((state, at) => (isFloating(state.type) ? [at] : []));
  const given = node.outputs.slice(count).flatMap((_, at) => (gradients[count + at] ? [at] : []));
  const wantedCuts = cut.flatMap((value, at) => (wanted[count + at] && isFloating(value.type) ? [at] : []));
  const result = scan(
    [...carried.map((at) => gradients[at] ?? zerosLike(states[at]!)), ...outer.map((value) => zerosLike(value))],
    [...kept, ...cut, ...given.map((at) => gradients[count + at]!)],
    (carry, read) => {
      const inner = read[0]!.graph as GraphBuilder;
      const own = read.slice(0, count + slices);
      const since = inner.nodes.length;
      const after = again(body.value, inner, own);
      const seeds = [
        ...carried.map((at, i) => [after[at]!, carry[i]!] as const),
        ...given.map((at, i) => [after[count + at]!, read[count + slices + i]!] as const),
      ];
      const wrt = [
        ...carried.map((at) => own[at]!),
        ...wantedCuts.map((at) => own[count + at]!),
        ...outer.map((value) => borrow(inner, value)),
      ];
      const found = back(inner, since, seeds, wrt);
      const or0 = (at: number): Value => found[at] ?? zerosLike(wrt[at]!);
      const sums = outer.map((_, i) => {
        const before = carry[carried.length + i]!;
        const more = found[carried.length + wantedCuts.length + i];
        return more ? sum(before, more) : before;
      });
      return {
        states: [...carried.map((_, i) => or0(i)), ...sums],
        outputs: wantedCuts.map((_, i) => or0(carried.length + i)),
      };
    },
    'Scan.gradient',
    true,
  );
  return inputs.map((value, at) => {
    if (at < count) return carried.includes(at) ? result.states[carried.indexOf(at)] : undefined;
    if (at < node.inputs.length) return result.outputs[wantedCuts.indexOf(at - count)];
    const place = outer.indexOf(value);
    return place < 0 ? undefined : result.states[carried.length + place];
  });
}

export const controlRules: GradientRules = { Scan: scanned };

export const controlRefusals: Refusals = {
  If: 'which branch runs is decided by a run: differentiate the plain graph, with interventions as ordinary inputs',
};
