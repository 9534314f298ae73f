/** Operators that act number by number, with numpy broadcasting. */
import { broadcast } from '../dims';
import { float, int, text, type Attribute, type Value } from '../records';
import { onnxTypeCode, type ElementType } from '../types';
import { describe, fail, sameType } from './checks';

/** A number becomes a scalar constant of the other operand's type. */
export type Operand = Value | number;

function lift(operand: Operand, like: Value): Value {
  return typeof operand === 'number' ? like.graph.constant(like.type, [], [operand]) : operand;
}

type Arithmetic = 'Add' | 'Sub' | 'Mul' | 'Div' | 'Pow' | 'Min' | 'Max';
type Comparison = 'Less' | 'LessOrEqual' | 'Greater' | 'Equal';
type Logic = 'And' | 'Or';

function binary(operator: Arithmetic | Comparison | Logic, a: Operand, b: Operand, name?: string): Value {
  const anchor = typeof a === 'number' ? b : a;
  if (typeof anchor === 'number') fail(operator, name, 'both operands are numbers; compute it before the graph.');
  const x = lift(a, anchor);
  const y = lift(b, anchor);
  sameType(operator, name, x, y);
  const shape = broadcast(x.shape, y.shape);
  if (!shape) fail(operator, name, `the shapes do not broadcast: ${describe(x)} and ${describe(y)}.`);
  const arithmetic = ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Min', 'Max'].includes(operator);
  return anchor.graph.node(operator, [x, y], [{ type: arithmetic ? anchor.type : 'bool', shape, name }])[0];
}

export const add = (a: Operand, b: Operand, name?: string): Value => binary('Add', a, b, name);
export const subtract = (a: Operand, b: Operand, name?: string): Value => binary('Sub', a, b, name);
export const multiply = (a: Operand, b: Operand, name?: string): Value => binary('Mul', a, b, name);
export const divide = (a: Operand, b: Operand, name?: string): Value => binary('Div', a, b, name);
export const power = (a: Operand, b: Operand, name?: string): Value => binary('Pow', a, b, name);
export const minimum = (a: Operand, b: Operand, name?: string): Value => binary('Min', a, b, name);
export const maximum = (a: Operand, b: Operand, name?: string): Value => binary('Max', a, b, name);
export const less = (a: Operand, b: Operand, name?: string): Value => binary('Less', a, b, name);
export const lessOrEqual = (a: Operand, b: Operand, name?: string): Value => binary('LessOrEqual', a, b, name);
export const greater = (a: Operand, b: Operand, name?: string): Value => binary('Greater', a, b, name);
export const equal = (a: Operand, b: Operand, name?: string): Value => binary('Equal', a, b, name);
export const and = (a: Value, b: Value, name?: string): Value => binary('And', a, b, name);
export const or = (a: Value, b: Value, name?: string): Value => binary('Or', a, b, name);

type Unary =
  | 'Exp'
  | 'Log'
  | 'Sqrt'
  | 'Reciprocal'
  | 'Neg'
  | 'Abs'
  | 'Sigmoid'
  | 'Tanh'
  | 'Relu'
  | 'Erf'
  | 'Sin'
  | 'Cos'
  | 'Atan'
  | 'Floor'
  | 'Sign'
  | 'Softplus';

function unary(operator: Unary, x: Value, name?: string, attributes: Record<string, Attribute> = {}): Value {
  return x.graph.node(operator, [x], [{ type: x.type, shape: x.shape, name }], attributes)[0];
}

export const exponential = (x: Value, name?: string): Value => unary('Exp', x, name);
export const logarithm = (x: Value, name?: string): Value => unary('Log', x, name);
export const squareRoot = (x: Value, name?: string): Value => unary('Sqrt', x, name);
export const reciprocal = (x: Value, name?: string): Value => unary('Reciprocal', x, name);
export const negate = (x: Value, name?: string): Value => unary('Neg', x, name);
export const absolute = (x: Value, name?: string): Value => unary('Abs', x, name);
export const sigmoid = (x: Value, name?: string): Value => unary('Sigmoid', x, name);
export const hyperbolicTangent = (x: Value, name?: string): Value => unary('Tanh', x, name);
export const rectify = (x: Value, name?: string): Value => unary('Relu', x, name);
export const errorFunction = (x: Value, name?: string): Value => unary('Erf', x, name);
export const sine = (x: Value, name?: string): Value => unary('Sin', x, name);
export const cosine = (x: Value, name?: string): Value => unary('Cos', x, name);
export const arctangent = (x: Value, name?: string): Value => unary('Atan', x, name);
export const floor = (x: Value, name?: string): Value => unary('Floor', x, name);
export const sign = (x: Value, name?: string): Value => unary('Sign', x, name);
export const softplus = (x: Value, name?: string): Value => unary('Softplus', x, name);

/** x for x > 0, alpha (exp(x) - 1) otherwise. */
export function elu(x: Value, alpha = 1, name?: string): Value {
  return x.graph.node('Elu', [x], [{ type: x.type, shape: x.shape, name }], { alpha: float(alpha) })[0];
}

export type Approximation = 'none' | 'tanh';
export function gelu(x: Value, approximate: Approximation, name?: string): Value {
  return x.graph.node('Gelu', [x], [{ type: x.type, shape: x.shape, name }], { approximate: text(approximate) })[0];
}

export function not(x: Value, name?: string): Value {
  if (x.type !== 'bool') fail('Not', name, `needs bool, not ${describe(x)}.`);
  return x.graph.node('Not', [x], [{ type: 'bool', shape: x.shape, name }])[0];
}

export function isNaNumber(x: Value, name?: string): Value {
  return x.graph.node('IsNaN', [x], [{ type: 'bool', shape: x.shape, name }])[0];
}

/** `yes` where the condition holds, else `no`. */
export function where(condition: Value, yes: Operand, no: Operand, name?: string): Value {
  const anchor = typeof yes === 'number' ? no : yes;
  if (typeof anchor === 'number') fail('Where', name, 'both branches are numbers; make one of them a constant.');
  if (condition.type !== 'bool') fail('Where', name, `the condition must be bool, not ${describe(condition)}.`);
  const x = lift(yes, anchor);
  const y = lift(no, anchor);
  sameType('Where', name, x, y);
  const branches = broadcast(x.shape, y.shape);
  const shape = branches && broadcast(condition.shape, branches);
  if (!shape) {
    fail('Where', name, `the shapes do not broadcast: ${describe(condition)}, ${describe(x)} and ${describe(y)}.`);
  }
  return condition.graph.node('Where', [condition, x, y], [{ type: x.type, shape, name }])[0];
}

export function clip(x: Value, low: number | undefined, high: number | undefined, name?: string): Value {
  const bound = (value: number | undefined) =>
    value === undefined ? undefined : x.graph.constant(x.type, [], [value]);
  return x.graph.node('Clip', [x, bound(low), bound(high)], [{ type: x.type, shape: x.shape, name }])[0];
}

export function cast(x: Value, type: ElementType, name?: string): Value {
  if (x.type === type) return x;
  return x.graph.node('Cast', [x], [{ type, shape: x.shape, name }], { to: int(onnxTypeCode[type]) })[0];
}
