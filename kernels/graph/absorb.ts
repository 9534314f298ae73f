/** Graphs put into one: one session then computes them one after the other, on one pool of threads. */
import type { GraphBuilder } from './builder';
import type { Dim } from './dims';
import type { Attribute, GraphScope, NodeRecord, Value } from './records';

/**
 * Everything of `part` becomes part of `graph`, under `scope` and a slash, but for the inputs in `given`, which are these values.
 * Other inputs become inputs of `graph`. Named dimensions are those of `part` alone. Returns the outputs by their names in `part`.
 */
export function absorb(
  graph: GraphBuilder,
  part: GraphBuilder,
  scope: string,
  given: ReadonlyMap<string, Value>,
): ReadonlyMap<string, Value> {
  const renamed = new Renamed(graph, scope, given);
  for (const value of part.inputs) if (!given.has(value.name)) graph.inputs.push(renamed.value(value));
  for (const { value, data } of part.initialisers) graph.initialisers.push({ value: renamed.value(value), data });
  for (const value of part.values.values()) if (!given.has(value.name)) renamed.value(value);
  graph.nodes.push(...part.nodes.map((node) => renamed.node(node)));
  return new Map(part.outputs.map((value) => [value.name, renamed.value(value)]));
}

class Renamed {
  private readonly values = new Map<string, Value>();

  constructor(
    private readonly graph: GraphBuilder,
    private readonly scope: string,
    private readonly given: ReadonlyMap<string, Value>,
  ) {
    for (const [name, value] of given) this.values.set(name, value);
  }

  value(value: Value): Value {
    const known = this.values.get(value.name);
    if (known) return known;
    const made = {
      ...value,
      graph: this.graph,
      name: this.name(value.name),
      shape: value.shape.map((dim) => this.dim(dim)),
    };
    this.values.set(value.name, made);
    this.graph.values.set(made.name, made);
    return made;
  }

  node(node: NodeRecord): NodeRecord {
    return {
      ...node,
      name: this.name(node.name),
      inputs: node.inputs.map((name) => this.name(name)),
      outputs: node.outputs.map((name) => this.name(name)),
      attributes: Object.fromEntries(
        Object.entries(node.attributes).map(([key, attribute]) => [key, this.attribute(attribute)]),
      ),
    };
  }

  private name(name: string): string {
    if (name === '') return name;
    return this.given.get(name)?.name ?? `${this.scope}/${name}`;
  }

  private dim(dim: Dim): Dim {
    return typeof dim === 'number' ? dim : dim.replace(/[a-z][\w.]*/gi, (name) => `${name}.${this.scope}`);
  }

  private attribute(attribute: Attribute): Attribute {
    return attribute.kind === 'body' ? { kind: 'body', value: this.body(attribute.value) } : attribute;
  }

  /** Names inside a body are none of those around it. */
  private body(body: GraphScope): GraphScope {
    const own = new Map<string, Value>();
    const of = (value: Value): Value => {
      const known = own.get(value.name);
      if (known) return known;
      const shape = value.shape.map((dim) => this.dim(dim));
      const made = { ...value, name: this.name(value.name), shape };
      own.set(value.name, made);
      return made;
    };
    return {
      ...body,
      name: this.name(body.name),
      inputs: body.inputs.map(of),
      outputs: body.outputs.map(of),
      initialisers: body.initialisers.map(({ value, data }) => ({ value: of(value), data })),
      values: new Map([...body.values.values()].map((value) => [this.name(value.name), of(value)])),
      nodes: body.nodes.map((node) => this.node(node)),
      metadata: body.metadata,
      constant: () => unbuildable(),
      node: () => unbuildable(),
    };
  }
}

function unbuildable(): never {
  throw new TypeError('a graph that is part of another takes no more nodes');
}
