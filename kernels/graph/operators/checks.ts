/** Checks shared by the operators; each failure is one sentence with the operator, its values and their shapes. */
import { printShape } from '../dims';
import { GraphError, type Value } from '../records';

export const describe = (value: Value): string => `"${value.name}" ${printShape(value.shape)} ${value.type}`;

export function fail(operator: string, name: string | undefined, why: string): never {
  throw new GraphError(`${operator}${name === undefined ? '' : ` "${name}"`}: ${why}`);
}

export function sameType(operator: string, name: string | undefined, ...values: readonly Value[]): void {
  const [first, ...rest] = values;
  for (const other of rest) {
    if (first && other.type !== first.type) {
      fail(operator, name, `the types differ: ${describe(first)} and ${describe(other)}. Cast one of them.`);
    }
  }
}

/** A possibly negative axis as an index into the shape. */
export function axisOf(operator: string, name: string | undefined, value: Value, axis: number): number {
  const index = axis < 0 ? axis + value.shape.length : axis;
  if (!Number.isInteger(axis) || index < 0 || index >= value.shape.length) {
    fail(operator, name, `axis ${axis} is not an axis of ${describe(value)}.`);
  }
  return index;
}

export function rankOf(operator: string, name: string | undefined, value: Value, rank: number): void {
  if (value.shape.length !== rank)
    fail(operator, name, `needs ${rank} axes, but ${describe(value)} has ${value.shape.length}.`);
}
