/** What a neural memory is made of: its parameters, the shapes of its layers, their weights and the states of decoding. */
import type { ParameterTable, Weight } from '../../mechanism';
import type { AttentionShape } from '../../shape';
import * as field from '../../parameters';
import type { StateTensor } from '../../graph/cache-state';

export interface MemoryParameters extends Record<string, number | boolean> {
  /** Positions whose gradients are taken at the same memory. */
  readonly chunk: number;
  readonly depth: number;
  readonly expansion: number;
  readonly momentum: boolean;
  readonly forgetting: boolean;
  readonly rate: number;
}

export const memoryParameters: ParameterTable<MemoryParameters> = {
  chunk: field.integer('Chunk', 'Positions whose gradients are taken at the same memory; 1 is the exact online rule.', {
    min: 1,
    max: 1024,
    default: 64,
  }),
  depth: field.integer(
    'Layers of the memory',
    '1: a matrix; more: a multilayer perceptron with GELU between its layers.',
    { min: 1, max: 4, default: 1 },
  ),
  expansion: field.integer(
    'Expansion',
    'Width of the hidden layers of the memory, in widths of a head; unused with one layer.',
    { min: 1, max: 8, default: 4 },
  ),
  momentum: field.flag('Momentum', 'Steps keep a share of the earlier ones (past surprise).', true),
  forgetting: field.flag(
    'Forgetting',
    'The memory fades at a rate of each position. Without it long chunks and several layers need a smaller largest step, or the memory diverges.',
    true,
  ),
  rate: field.number(
    'Largest step',
    'The share of its error that a position of a key of length 1 learns at most; 1 is the full delta rule. Deeper memories may need less.',
    { min: 0, max: 1, default: 1 },
  ),
};

export interface MemoryLayer {
  /** Name of the weight that the layer starts from. */
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
}

/** d wide keys, hidden layers of `expansion` d, e wide values; the weight of a matrix is `memory`, else `memory.1` and so on. */
export function memoryLayers(
  { headDim, valueDim }: Pick<AttentionShape, 'headDim' | 'valueDim'>,
  { depth, expansion }: Pick<MemoryParameters, 'depth' | 'expansion'>,
): readonly MemoryLayer[] {
  const hidden = expansion * headDim;
  return Array.from({ length: depth }, (_, layer) => ({
    name: depth === 1 ? 'memory' : `memory.${layer + 1}`,
    rows: layer === 0 ? headDim : hidden,
    columns: layer === depth - 1 ? valueDim : hidden,
  }));
}

/** Numbers of one memory. */
export const memoryCells = (
  shape: Pick<AttentionShape, 'headDim' | 'valueDim'>,
  parameters: Pick<MemoryParameters, 'depth' | 'expansion'>,
): number => memoryLayers(shape, parameters).reduce((sum, { rows, columns }) => sum + rows * columns, 0);

/** The weights of a memory: gates of a key, and what it begins with. */
export const memoryWeights = (shape: AttentionShape, parameters: MemoryParameters): readonly Weight[] => [
  {
    name: 'gates',
    shape: [shape.kvHeads, shape.headDim, 3],
    initial: { kind: 'normal', deviation: shape.headDim ** -0.5 },
  },
  { name: 'gates.offset', shape: [shape.kvHeads, 1, 3], initial: { kind: 'constant', value: 0 } },
  ...memoryLayers(shape, parameters).map(({ name, rows, columns }) => ({
    name,
    shape: [shape.kvHeads, rows, columns],
    initial: { kind: 'normal', deviation: rows ** -0.5 } as const,
  })),
];

export interface MemoryStateTensor extends StateTensor {
  readonly part: 'memory' | 'surprise' | 'start';
  readonly layer: number;
}

/** What decoding carries, [b, hkv, rows, columns] each: the layers, their surprise (with momentum), their start. */
export function memoryStateTensors(shape: AttentionShape, parameters: MemoryParameters): readonly MemoryStateTensor[] {
  const parts = parameters.momentum ? (['memory', 'surprise', 'start'] as const) : (['memory', 'start'] as const);
  return parts.flatMap((part) =>
    memoryLayers(shape, parameters).map(({ name, rows, columns }, layer) => ({
      name: `state.${name.replace('memory', part)}`,
      shape: [shape.batch, shape.kvHeads, rows, columns],
      part,
      layer,
    })),
  );
}
