import { rawData } from './data';
import type { Dim, Shape } from './dims';
import { canonicalDim, printShape, sameShape, volume } from './dims';
import { encodeModel } from './encode';
import type { Graph } from './graph';
import {
  GraphError,
  readOutside,
  type Attribute,
  type Domain,
  type ExternalData,
  type GraphScope,
  type Initialiser,
  type NodeOutput,
  type NodeRecord,
  type Value,
} from './records';
import { bytesPerElement, type ElementType } from './types';

/** Opsets of every graph; 23 brings Attention and RMSNormalization, and onnxruntime 1.30 runs it on cpu. */
const opsets: Readonly<Record<Domain, number>> = { '': 23, 'com.microsoft': 1 };

/**
 * Collects nodes, constants, inputs and outputs of one ONNX graph. Operators (kernels/graph/operators) are functions over
 * `Value`s that check types and shapes and add a node here.
 */
export class GraphBuilder implements GraphScope {
  readonly inputs: Value[] = [];
  readonly outputs: Value[] = [];
  readonly nodes: NodeRecord[] = [];
  readonly initialisers: Initialiser[] = [];
  readonly metadata = new Map<string, string>();
  /** Every value by name, also of inner values: written as value_info, so that the file says their shapes. */
  readonly values = new Map<string, Value>();
  private readonly constants = new Map<string, Value>();
  private readonly names: Set<string>;
  private readonly counts: Map<string, number>;
  private readonly scopes: string[] = [];

  constructor(
    readonly name: string,
    readonly parent?: GraphScope,
  ) {
    // Names of a sub-graph may not hide those around it.
    this.names = parent instanceof GraphBuilder ? parent.names : new Set<string>();
    this.counts = parent instanceof GraphBuilder ? parent.counts : new Map<string, number>();
  }

  input(name: string, type: ElementType, shape: Shape): Value {
    const value = this.value(name, type, shape);
    this.inputs.push(value);
    return value;
  }

  /** Makes `value` an output, under `name` when given (by an Identity node if the value is named otherwise). */
  output(value: Value, name = value.name): Value {
    const named =
      name === value.name && !this.inputs.includes(value) && this.values.get(name) === value
        ? value
        : this.node('Identity', [value], [{ type: value.type, shape: value.shape, name }])[0];
    if (this.outputs.includes(named)) throw new GraphError(`"${name}" is already an output of graph "${this.name}".`);
    this.outputs.push(named);
    return named;
  }

  /** Makes every output an inner value again, where others of the same nodes are wanted (gradients). */
  withoutOutputs(): this {
    this.outputs.length = 0;
    return this;
  }

  /** Drops nodes and constants that no output depends on: the runtime would compute them. Inputs stay, as runs give them. */
  withoutUnused(): this {
    const needed = new Set(this.outputs.map(({ name }) => name));
    const kept = this.nodes
      .toReversed()
      .filter((node) => {
        if (!node.outputs.some((name) => needed.has(name))) return false;
        for (const name of [...node.inputs, ...readOutside(node)]) needed.add(name);
        return true;
      })
      .reverse();
    const constants = this.initialisers.filter(({ value }) => needed.has(value.name));
    const named = new Set([
      ...this.inputs.map(({ name }) => name),
      ...constants.map(({ value }) => value.name),
      ...kept.flatMap(({ outputs }) => outputs),
    ]);
    for (const name of [...this.values.keys()]) if (!named.has(name)) this.values.delete(name);
    this.nodes.splice(0, Infinity, ...kept);
    this.initialisers.splice(0, Infinity, ...constants);
    return this;
  }

  /** A constant held in the graph; equal constants without a name of their own are stored once. */
  constant(type: ElementType, shape: Shape, numbers: ArrayLike<number>, name?: string): Value {
    const size = volume(shape);
    if (typeof size !== 'number')
      throw new GraphError(`A constant needs numbers as its shape, not ${printShape(shape)}.`);
    if (size !== numbers.length) {
      throw new GraphError(
        `Constant "${name ?? 'constant'}" of shape ${printShape(shape)} holds ${size} numbers, but ${numbers.length} were given.`,
      );
    }
    // Long constants are not searched for twins: spelling them costs more than a second copy.
    const key =
      name === undefined && numbers.length <= 64
        ? `${type}${printShape(shape)}${Array.from(numbers).join()}`
        : undefined;
    const twin = key === undefined ? undefined : this.constants.get(key);
    if (twin) return twin;
    const value = this.value(name ?? this.fresh('constant'), type, shape);
    this.initialisers.push({ value, data: rawData(type, numbers) });
    if (key !== undefined) this.constants.set(key, value);
    return value;
  }

  /** A weight whose bytes stay in a data file, e.g. a tensor of a `.safetensors` file at its own offset. */
  external(name: string, type: ElementType, shape: readonly number[], data: ExternalData): Value {
    const need = shape.reduce((product, dim) => product * dim, 1) * bytesPerElement[type];
    if (data.length !== need) {
      throw new GraphError(
        `Weight "${name}" of shape ${printShape(shape)} in ${type} takes ${need} bytes, but ${data.length} bytes of "${data.location}" are named.`,
      );
    }
    if (data.offset < 0 || !Number.isSafeInteger(data.offset)) {
      throw new GraphError(
        `Weight "${name}" starts at byte ${data.offset} of "${data.location}", which is not an offset.`,
      );
    }
    const value = this.value(name, type, shape);
    this.initialisers.push({ value, data });
    return value;
  }

  /** A constant of another graph, under a name of its own. */
  adopt({ value: { type, shape }, data }: Initialiser): Value {
    const value = this.value(this.fresh('constant'), type, shape);
    this.initialisers.push({ value, data });
    return value;
  }

  /** The escape hatch for operators without a function here: adds a node whose outputs are declared by the caller. */
  node<const O extends readonly NodeOutput[]>(
    operator: string,
    inputs: readonly (Value | undefined)[],
    outputs: O,
    attributes: Readonly<Record<string, Attribute>> = {},
    domain: Domain = '',
  ): { readonly [I in keyof O]: Value } {
    const name = this.fresh(operator);
    for (const input of inputs) {
      if (input && !this.sees(input)) {
        throw new GraphError(
          `${operator} "${name}" of graph "${this.name}" cannot read "${input.name}" of graph "${input.graph.name}".`,
        );
      }
    }
    const list = inputs.map((input) => input?.name ?? '');
    while (list.at(-1) === '') list.pop();
    const values = outputs.map((output) =>
      this.value(output.name ?? this.fresh(`${operator}.out`), output.type, output.shape),
    );
    this.nodes.push({ name, domain, operator, inputs: list, outputs: values.map((value) => value.name), attributes });
    return values as { [I in keyof O]: Value };
  }

  /** Names the nodes and values born inside `build` under `scope`, e.g. `layer.3/attention/MatMul`. */
  within<T>(scope: string, build: () => T): T {
    this.scopes.push(scope);
    try {
      return build();
    } finally {
      this.scopes.pop();
    }
  }

  /** The encoded graph; every dimension must be a number. */
  finish(): Graph {
    for (const value of [...this.inputs, ...this.outputs]) {
      if (value.shape.some((dim) => typeof dim !== 'number')) {
        throw new GraphError(
          `"${value.name}" of graph "${this.name}" has the shape ${printShape(value.shape)}: finish() takes numbers only; use finishDynamic() for named dimensions.`,
        );
      }
    }
    return this.finishDynamic() as Graph;
  }

  /** The encoded graph; dimensions may be names which a run decides. */
  finishDynamic(): Graph<Dim> {
    if (this.outputs.length === 0) throw new GraphError(`Graph "${this.name}" has no output.`);
    const describe = ({ name, type, shape }: Value) => ({ name, type, shape });
    return { model: encodeModel(this, opsets), inputs: this.inputs.map(describe), outputs: this.outputs.map(describe) };
  }

  private value(name: string, type: ElementType, shape: Shape): Value {
    if (name === '') throw new GraphError(`A value of graph "${this.name}" has an empty name.`);
    if (this.names.has(`value ${name}`))
      throw new GraphError(`Graph "${this.name}" has a value named "${name}" already.`);
    for (const dim of shape) {
      if (typeof dim === 'number' && (!Number.isInteger(dim) || dim < 0)) {
        throw new GraphError(`"${name}" of graph "${this.name}" has the impossible shape ${printShape(shape)}.`);
      }
    }
    const canonical = shape.map(canonicalDim);
    const value: Value = { graph: this, name, type, shape: sameShape(shape, canonical) ? shape : canonical };
    this.names.add(`value ${name}`);
    this.values.set(name, value);
    return value;
  }

  /** A name that no value of this graph, nor of those around and inside it, has yet. */
  fresh(stem: string): string {
    const base = [...this.scopes, stem].join('/');
    for (;;) {
      const count = (this.counts.get(base) ?? 0) + 1;
      this.counts.set(base, count);
      const name = count === 1 ? base : `${base}.${count}`;
      if (!this.names.has(`value ${name}`)) return name;
    }
  }

  private sees(value: Value): boolean {
    return value.graph === this || (this.parent !== undefined && visibleFrom(this.parent, value));
  }
}

function visibleFrom(scope: GraphScope, value: Value): boolean {
  return value.graph === scope || (scope.parent !== undefined && visibleFrom(scope.parent, value));
}
