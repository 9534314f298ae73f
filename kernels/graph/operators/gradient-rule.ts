/** What the gradient rule of an operator sees and gives. The rules stand beside the operators: operators/*.gradient.ts. */
import { sameShape, printShape, volume } from '../dims';
import { cast, multiply } from './elementwise';
import { expand, reshape } from './layout';
import { shapeOf } from './dynamic';
import { reduceSum } from './reduce';
import { GraphError, type GraphScope, type NodeRecord, type Value } from '../records';

/** A node on the way back, with its values as operands of the graph to which the gradient is added. */
export interface Applied {
  readonly node: NodeRecord;
  /** As the node lists them, and behind them the values that its bodies read from the graph around it. */
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly Value[];
  /** Whether a gradient is wanted, by input. */
  readonly wanted: readonly boolean[];
  /** The graph that takes the new nodes. */
  readonly graph: GraphScope;
  /** For operators that are compositions of others, whose nodes the rule adds first. */
  readonly back: Back;
}

/**
 * Adds the gradients of `wrt` to the graph, through its nodes from number `since` on; undefined where none passes. Seeds are values
 * with their gradients.
 */
export type Back = (
  graph: GraphScope,
  since: number,
  seeds: readonly (readonly [of: Value, gradient: Value])[],
  wrt: readonly Value[],
) => readonly (Value | undefined)[];

/** Gives the gradient of one input, in its shape; undefined: none passes. Called only where it is wanted. */
export type Pass = (() => Value | undefined) | undefined;

/** From the gradients of the outputs (undefined: none) to those of the inputs. */
export type GradientRule = (applied: Applied, gradients: readonly (Value | undefined)[]) => readonly Pass[];

export type GradientRules = Readonly<Record<string, GradientRule>>;

/** A rule of the one output of a node. */
export const ofOutput =
  (rule: (applied: Applied, gradient: Value) => readonly Pass[]): GradientRule =>
  (applied, [gradient]) =>
    gradient ? rule(applied, gradient) : [];

/** For operators that are constant but for jumps (comparisons, rounding, positions, shapes): their derivative is 0. */
export const passesNothing: GradientRule = () => [];

/** Operators whose gradient is not computed, with the reason in a sentence. */
export type Refusals = Readonly<Record<string, string>>;

export function inputOf({ node, inputs }: Applied, at: number): Value {
  const value = inputs[at];
  if (!value) throw new GraphError(`${node.operator} "${node.name}" has no input ${at}.`);
  return value;
}

export function outputOf({ node, outputs }: Applied, at = 0): Value {
  const value = outputs[at];
  if (!value) throw new GraphError(`${node.operator} "${node.name}" has no output ${at}.`);
  return value;
}

export function intOf({ attributes }: NodeRecord, name: string, otherwise: number): number {
  const attribute = attributes[name];
  return attribute?.kind === 'int' ? attribute.value : otherwise;
}

export function floatOf({ attributes }: NodeRecord, name: string, otherwise: number): number {
  const attribute = attributes[name];
  return attribute?.kind === 'float' ? attribute.value : otherwise;
}

export function textOf({ attributes }: NodeRecord, name: string, otherwise: string): string {
  const attribute = attributes[name];
  return attribute?.kind === 'text' ? attribute.value : otherwise;
}

export function intsOf({ attributes }: NodeRecord, name: string): readonly number[] | undefined {
  const attribute = attributes[name];
  return attribute?.kind === 'ints' ? attribute.value : undefined;
}

/** The whole numbers of a constant (axes, bounds, sizes). */
export function constantOf(applied: Applied, at: number): readonly number[] {
  const numbers = knownOf(inputOf(applied, at));
  if (numbers) return numbers;
  const { operator, name } = applied.node;
  throw new GraphError(`The gradient of ${operator} "${name}" needs its input ${at} as a constant of whole numbers.`);
}

/** The whole numbers of a value where it is a constant. */
export function knownOf(value: Value): readonly number[] | undefined {
  for (let scope: GraphScope | undefined = value.graph; scope; scope = scope.parent) {
    const data = scope.initialisers.find((each) => each.value.name === value.name)?.data;
    if (!(data instanceof Uint8Array)) continue;
    const buffer = data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength);
    if (value.type === 'int64') return Array.from(new BigInt64Array(buffer), Number);
    if (value.type === 'int32') return Array.from(new Int32Array(buffer));
  }
  return undefined;
}

/** The sum of a gradient over the axes along which `like` was broadcast. */
export function sumTo(gradient: Value, like: Value): Value {
  const lead = gradient.shape.length - like.shape.length;
  const leading = Array.from({ length: lead }, (_, axis) => axis);
  const inner = lead > 0 ? reduceSum(gradient, leading, false) : gradient;
  const axes = like.shape.flatMap((dim, axis) => (dim === 1 && inner.shape[axis] !== 1 ? [axis] : []));
  const sum = axes.length > 0 ? reduceSum(inner, axes) : inner;
  if (sameShape(sum.shape, like.shape)) return sum;
  throw new GraphError(`a gradient ${printShape(gradient.shape)} does not sum to ${printShape(like.shape)}`);
}

export const isFixed = (value: Value): boolean => value.shape.every((dim) => typeof dim === 'number');

/** `x` in the shape of `like`, which holds as many numbers; the run may decide it. */
export function reshapeLike(x: Value, like: Value): Value {
  if (sameShape(x.shape, like.shape)) return x;
  if (volume(x.shape) !== volume(like.shape)) {
    throw new GraphError(`a gradient ${printShape(x.shape)} does not fill ${printShape(like.shape)}`);
  }
  const moved = like.shape.filter((dim, axis) => typeof dim === 'string' && dim !== x.shape[axis]);
  if (moved.length <= 1) return reshape(x, like.shape);
  return x.graph.node('Reshape', [x, shapeOf(like)], [{ type: x.type, shape: like.shape }])[0];
}

/** `x` repeated along the axes where `like` is longer. */
export function expandLike(x: Value, like: Value): Value {
  if (sameShape(x.shape, like.shape)) return x;
  if (isFixed(like)) return expand(x, like.shape.map(Number));
  return x.graph.node('Expand', [x, shapeOf(like)], [{ type: x.type, shape: like.shape }])[0];
}

export const zerosLike = (like: Value): Value => expandLike(like.graph.constant(like.type, [], [0]), like);

/** The gradient where the condition holds, 0 elsewhere. */
export const passWhere = (condition: Value, gradient: Value): Value =>
  chosenBy(condition, gradient, zeroOf(gradient), gradient);

/** The gradient where the condition does not hold, 0 elsewhere. */
export const passElsewhere = (condition: Value, gradient: Value): Value =>
  chosenBy(condition, zeroOf(gradient), gradient, gradient);

const zeroOf = ({ graph, type }: Value): Value => graph.constant(type, [], [0]);

const chosenBy = (condition: Value, yes: Value, no: Value, { graph, type, shape }: Value): Value =>
  graph.node('Where', [condition, yes, no], [{ type, shape }])[0];

/** How many numbers lie along an axis, as a scalar of the type of `x`. */
export function lengthOf(x: Value, axis: number): Value | number {
  const dim = x.shape[axis] ?? 1;
  if (typeof dim === 'number') return dim;
  const shape = shapeOf(x, axis, axis + 1);
  const scalar = x.graph.node(
    'Reshape',
    [shape, x.graph.constant('int64', [0], [])],
    [{ type: 'int64', shape: [] }],
  )[0];
  return cast(scalar, x.type);
}

export const scaled = (x: Value, factor: number): Value => (factor === 1 ? x : multiply(x, factor));

/** An axis counted from the front. */
export const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
