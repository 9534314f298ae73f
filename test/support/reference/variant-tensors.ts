/** What variants of reference models are made of, and how their weights are changed. */
import type { CheckpointTensor } from '../safetensors-file';

export type Tensors = Map<string, CheckpointTensor>;

export interface Variant {
  /** Name of the folder. */
  readonly of: string;
  readonly what: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** The key under which the config of the folder goes into that of the variant; absent: they are the same. */
  readonly within?: string;
  /** What changes there. */
  readonly inner?: Readonly<Record<string, unknown>>;
  readonly tensors?: (tensors: Tensors) => unknown;
  /** Factor on the logits. */
  readonly logits?: number;
}

/** A key, and weights that give the same without it: two runs beside each other. */
export interface Pair extends Pick<Variant, 'of' | 'what'> {
  /** The last row alone: one of them reads from left to right. */
  readonly last?: true;
  readonly one: Pick<Variant, 'config' | 'tensors'>;
  readonly other: Pick<Variant, 'config' | 'tensors'>;
}

export const times = (tensors: Tensors, names: RegExp, factor: number): void => {
  for (const [name, { shape, data }] of tensors)
    if (names.test(name)) tensors.set(name, { shape, data: data.map((value) => value * factor) });
};

export function tensorOf(tensors: Tensors, name: string): CheckpointTensor {
  const own = tensors.get(name);
  if (!own) throw new Error(`there is no ${name}`);
  return own;
}

/** A new name for each tensor, by its beginnings. */
export const renamed =
  (...pairs: readonly (readonly [RegExp, string])[]) =>
  (tensors: Tensors): void => {
    for (const [name, tensor] of [...tensors]) {
      tensors.delete(name);
      tensors.set(
        pairs.reduce((own, [from, to]) => own.replace(from, to), name),
        tensor,
      );
    }
  };
