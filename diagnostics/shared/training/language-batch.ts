/** Sequences of tokens as a batch of `models/architectures/training-network.ts`. */
import type { ModelSpec } from '../../../models/architectures/model-spec';
import { rotaryTables } from '../../../models/architectures/rope';
import type { Batch, BatchArray } from '../../model-runner/trainer';

export interface TrainingSequence {
  readonly ids: readonly number[];
  /** How much it counts that each token is predicted from those before it; that of the first counts nothing. */
  readonly weights: readonly number[];
}

/** Shorter ones are filled up behind their end, which no place before it reads and nothing counts. */
export function languageBatch(model: ModelSpec, sequences: readonly TrainingSequence[]): Batch {
  const length = Math.max(0, ...sequences.map(({ ids }) => ids.length - 1));
  const shape = [sequences.length, length];
  const each = <T>(at: (sequence: TrainingSequence, place: number) => T): T[] =>
    sequences.flatMap((sequence) => Array.from({ length }, (_, place) => at(sequence, place)));
  const int64 = (values: readonly number[]): BatchArray => ({ data: BigInt64Array.from(values, BigInt), shape });
  const positions = Int32Array.from({ length }, (_, place) => place);
  const { contextLength } = model;
  const tables = model.ropes.flatMap((rope, index) => {
    const { cos, sin } = rotaryTables(rope, positions, { contextLength, sequenceLength: length });
    const own = [length, rope.dimensions / 2];
    return [
      [`rope_cos.${index}`, { data: cos, shape: own }],
      [`rope_sin.${index}`, { data: sin, shape: own }],
    ] as const;
  });
  return {
    token_ids: int64(each(({ ids }, place) => (place < ids.length - 1 ? (ids[place] ?? 0) : 0))),
    targets: int64(each(({ ids }, place) => ids[place + 1] ?? 0)),
    target_weights: {
      data: Float32Array.from(
        each(({ ids, weights }, place) => (place + 1 < ids.length ? (weights[place + 1] ?? 0) : 0)),
      ),
      shape,
    },
    positions: { data: positions, shape: [length] },
    ...Object.fromEntries(tables),
  };
}
