/** What is trained: named parameters, the inputs of a batch, and the graph of the loss over both. */
import type { GraphBuilder } from '../graph/builder';
import type { Shape } from '../graph/dims';
import type { Value } from '../graph/records';
import type { ElementType } from '../graph/types';
import { sizeOf } from '../tensors/tensor';

export interface BatchInput {
  readonly type: ElementType;
  /** An axis may have a name, e.g. `batch`, so that batches of several sizes fit. */
  readonly shape: Shape;
}

export interface Losses {
  /** A scalar, float32: what is minimised. */
  readonly loss: Value;
  /** What else can be read of a forward pass, by name. */
  readonly outputs?: Readonly<Record<string, Value>>;
}

export interface Network {
  /** Said in sentences and errors. */
  readonly name: string;
  /** Shapes by name, float32. Weight decay acts on those of two axes or more. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  readonly batch: Readonly<Record<string, BatchInput>>;
  /** `parameters` and `batch` have the values of the same names. */
  build(
    graph: GraphBuilder,
    parameters: Readonly<Record<string, Value>>,
    batch: Readonly<Record<string, Value>>,
  ): Losses;
}

/** Where a parameter lies in the one vector that all parameters are stored in. */
export interface ParameterPlace {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
}

export const decays = (shape: readonly number[]): boolean => shape.length >= 2;

/** In the order of the vector: those that decay first. */
export function parameterPlaces({ parameters }: Pick<Network, 'parameters'>): readonly ParameterPlace[] {
  const all = Object.entries(parameters);
  const ordered = [...all.filter(([, shape]) => decays(shape)), ...all.filter(([, shape]) => !decays(shape))];
  let offset = 0;
  return ordered.map(([name, shape]) => {
    const size = sizeOf(shape);
    const place = { name, shape, offset, size };
    offset += size;
    return place;
  });
}

export const parameterCount = ({ parameters }: Pick<Network, 'parameters'>): number =>
  Object.values(parameters).reduce((sum, shape) => sum + sizeOf(shape), 0);
