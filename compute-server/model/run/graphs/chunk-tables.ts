/** Rotary tables of the chunks of a prompt, made once: every layer with the same rope asks for the same ones. */
import type { ModelSpec } from '../../../../models/architectures/model-spec';
import { rotaryFrequencies, rotaryTables, type RotaryTables } from '../../../../models/architectures/rope';
import type { Rope } from '../../../../models/formats/model-description';
import { positionAt, type Sequence } from '../../../../diagnostics/model-runner/sequence';

interface Rows {
  readonly start: number;
  readonly length: number;
  readonly sequence: Pick<Sequence, 'ids' | 'positions'>;
}

interface Known {
  readonly positions: Sequence['positions'];
  /** By rope, chunk and length of the sequence. */
  readonly tables: Map<string, RotaryTables>;
}

/** By the ids of the sequence: they are the same array in all runs over it. */
const known = new WeakMap<readonly number[], Known>();

/** Tables of rows [start, start + length) of the sequence, which stand at `positions`. */
export function chunkTables(
  rope: Rope,
  model: Pick<ModelSpec, 'ropes' | 'contextLength'>,
  run: Rows,
  positions: readonly number[],
): RotaryTables {
  const { sequence, start, length } = run;
  const sequenceLength = lengthOf(run);
  const compute = (): RotaryTables =>
    rotaryTables(rope, positions, { contextLength: model.contextLength, sequenceLength });
  // Those of generated tokens are small, and they would be many.
  if (length === 1) return compute();
  let held = known.get(sequence.ids);
  if (held?.positions !== sequence.positions || held === undefined) {
    held = { positions: sequence.positions, tables: new Map() };
    known.set(sequence.ids, held);
  }
  const key = [JSON.stringify(rope), start, length, sequenceLength, model.contextLength].join();
  const tables = held.tables.get(key) ?? compute();
  held.tables.set(key, tables);
  return tables;
}

/** Cosines, then sines of the angles of positions, which may be negative, [positions, dimensions], without the attention factor. */
export function unitTurnsAt(
  rope: Rope,
  model: Pick<ModelSpec, 'ropes' | 'contextLength'>,
  positions: readonly number[],
  sequenceLength: number,
): Float32Array {
  const context = { contextLength: model.contextLength, sequenceLength };
  const { attentionFactor } = rotaryFrequencies(rope, context);
  const { cos, sin } = rotaryTables(rope, positions, context);
  const half = rope.dimensions / 2;
  const turns = new Float32Array(positions.length * rope.dimensions);
  for (let row = 0; row < positions.length; row++) {
    for (let i = 0; i < half; i++) {
      turns[row * 2 * half + i] = (cos[row * half + i] ?? 0) / attentionFactor;
      turns[row * 2 * half + half + i] = (sin[row * half + i] ?? 0) / attentionFactor;
    }
  }
  return turns;
}

/** Cosines, then sines of the angles of rows [start, start + length), [length, dimensions], without the attention factor. */
export const unitTurns = (rope: Rope, model: Pick<ModelSpec, 'ropes' | 'contextLength'>, run: Rows): Float32Array =>
  unitTurnsAt(
    rope,
    model,
    Array.from({ length: run.length }, (_, at) => positionAt(run.sequence, run.start + at)),
    lengthOf(run),
  );

/** Up to the last row, or to the end of the prompt: what forms of rotation choose their frequencies by. */
const lengthOf = ({ sequence, start, length }: Rows): number =>
  positionAt(sequence, Math.max(sequence.ids.length, start + length) - 1) + 1;
