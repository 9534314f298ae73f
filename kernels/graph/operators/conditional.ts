/** Branches inside a graph: the nodes of the branch not taken do not run. */
import { GraphBuilder } from '../builder';
import { body, type GraphScope, type Value } from '../records';
import { describe, fail } from './checks';

/** `value` of a surrounding graph as an operand inside `graph`: operators add their nodes to the graph of their operands. */
export const borrow = (graph: GraphBuilder, value: Value): Value => ({ ...value, graph });

/** As `conditional`; without a condition the values of `yes`, by nodes of the graph itself. */
export const conditionalOrAlways = (
  graph: GraphScope,
  condition: Value | undefined,
  yes: (graph: GraphBuilder) => readonly Value[],
  no: (graph: GraphBuilder) => readonly Value[],
  names?: readonly string[],
): readonly Value[] => (condition ? conditional(condition, yes, no, names) : yes(graph as GraphBuilder));

/**
 * The values of `yes` when `condition` holds, else those of `no`. Both branches may read values of the graph around them and
 * must give as many values, of the same types; the shapes are those of `yes` (those of `no` may be smaller, e.g. empty).
 */
export function conditional(
  condition: Value,
  yes: (graph: GraphBuilder) => readonly Value[],
  no: (graph: GraphBuilder) => readonly Value[],
  names: readonly string[] = [],
): readonly Value[] {
  const label = names[0] ?? 'If';
  if (condition.type !== 'bool') fail('If', label, `${describe(condition)} is not a bool.`);
  const branch = (kind: string, build: (graph: GraphBuilder) => readonly Value[]) => {
    const graph = new GraphBuilder(`${label} ${kind}`, condition.graph);
    const values = build(graph).map((value, i) => graph.output(value, graph.fresh(`${label}.${kind}.${i}`)));
    return { graph, values };
  };
  const taken = branch('then', yes);
  const other = branch('else', no);
  taken.values.forEach((value, i) => {
    if (other.values[i]?.type !== value.type || other.values.length !== taken.values.length) {
      fail('If', label, `gives ${taken.values.map(describe).join(', ')} or ${other.values.map(describe).join(', ')}.`);
    }
  });
  return condition.graph.node(
    'If',
    [condition],
    taken.values.map(({ type, shape }, i) => ({ type, shape, name: names[i] })),
    { then_branch: body(taken.graph), else_branch: body(other.graph) },
  );
}
