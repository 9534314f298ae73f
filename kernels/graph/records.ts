/** What a graph is made of while it is built: values, nodes, attributes, constants. */
import type { Shape } from './dims';
import type { ElementType } from './types';

/** A named value of a graph: what an operator takes and gives. */
export interface Value {
  readonly graph: GraphScope;
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
}

/** `ai.onnx` is spelt '' in an ONNX file. */
export type Domain = '' | 'com.microsoft';

/** Attributes are typed as ONNX types them: a JavaScript number alone does not say int or float. */
export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'body'; readonly value: GraphScope };

export const int = (value: number): Attribute => ({ kind: 'int', value });
export const ints = (value: readonly number[]): Attribute => ({ kind: 'ints', value });
export const float = (value: number): Attribute => ({ kind: 'float', value });
export const floats = (value: readonly number[]): Attribute => ({ kind: 'floats', value });
export const text = (value: string): Attribute => ({ kind: 'text', value });
/** A sub-graph (of Scan, Loop or If), which may read the values of the graph around it. */
export const body = (value: GraphScope): Attribute => ({ kind: 'body', value });

export interface NodeRecord {
  readonly name: string;
  readonly domain: Domain;
  readonly operator: string;
  /** Names; '' for an optional input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Bytes inside a data file: `location` is relative to the folder that the session is opened with. */
export interface ExternalData {
  readonly location: string;
  readonly offset: number;
  readonly length: number;
}

export interface Initialiser {
  readonly value: Value;
  readonly data: Uint8Array<ArrayBuffer> | ExternalData;
}

export interface NodeOutput {
  readonly type: ElementType;
  readonly shape: Shape;
  /** Given to the value; must be new in the graph. */
  readonly name?: string | undefined;
}

/** What operators and the encoder see of a graph under construction (GraphBuilder implements it). */
export interface GraphScope {
  readonly name: string;
  readonly parent?: GraphScope | undefined;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly nodes: readonly NodeRecord[];
  readonly initialisers: readonly Initialiser[];
  readonly metadata: ReadonlyMap<string, string>;
  readonly values: ReadonlyMap<string, Value>;
  constant(type: ElementType, shape: Shape, numbers: ArrayLike<number>, name?: string): Value;
  node<const O extends readonly NodeOutput[]>(
    operator: string,
    inputs: readonly (Value | undefined)[],
    outputs: O,
    attributes?: Readonly<Record<string, Attribute>>,
    domain?: Domain,
  ): { readonly [I in keyof O]: Value };
}

/** Names that the bodies of a node read from the graph around them. */
export function readOutside({ attributes }: NodeRecord): readonly string[] {
  const found = new Set<string>();
  for (const attribute of Object.values(attributes)) {
    if (attribute.kind !== 'body') continue;
    const { value } = attribute;
    const reads = value.nodes.flatMap((node) => [...node.inputs, ...readOutside(node)]);
    for (const name of [...reads, ...value.outputs.map((output) => output.name)]) {
      if (name !== '' && !value.values.has(name)) found.add(name);
    }
  }
  return [...found];
}

/** A graph that cannot be right; the sentence names the node and the shapes. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
}
