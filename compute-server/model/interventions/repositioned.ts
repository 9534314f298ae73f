/** Keys and values of a plain run at other positions (protocol/interventions/reposition.ts): what they are replaced by there. */
import { attentionIn, withAttention } from '../../../models/architectures/block-heads';
import { ModelError, type ModelSpec } from '../../../models/architectures/model-spec';
import type { Replaceable } from '../../../models/instrument/changes/replacement';
import { areaOf } from '../../../diagnostics/model-runner/regions';
import type { Sequence } from '../../../diagnostics/model-runner/sequence';
import { nearestRows, type Reposition } from '../../../protocol/interventions/reposition';
import { covers } from '../../../protocol/interventions/which';
import { unitTurns } from '../run/graphs/chunk-tables';
import { blockOf, type Wanted } from './wanted-rows';

/** Keys and values of every key/value head of the layers, all of the plain run. */
export const repositionedParts = (model: ModelSpec, { layers }: Reposition, length: number): readonly Wanted[] =>
  withAttention(model.blocks)
    .filter(({ index }) => layers.some((one) => covers(one, index)))
    .flatMap(({ index: layer, attention: { kvHeads } }) =>
      Array.from({ length: kvHeads }, (_, head) => head).flatMap((head) =>
        (['key', 'value'] as const).map((target) => ({
          ...{ layer, target, head, source: { from: 'own' } as const },
          ...{ first: 0, count: length },
        })),
      ),
    );

export interface Moved {
  readonly from: readonly number[];
  readonly to: readonly number[];
}

/** By row of `to` the row whose key and value it takes; refused in a sentence where the prompt has no such place. */
export function movedRows(sequence: Sequence, { from, to }: Reposition): Moved | string {
  const [source, target] = [areaOf(sequence, from), areaOf(sequence, to)];
  if (!source.ok) return source.why;
  if (!target.ok) return target.why;
  const taken = nearestRows(source.value, target.value).map((at) => source.value.positions[at] ?? 0);
  return { from: taken, to: target.value.positions };
}

/** Rows [positions, width] in which those of `to` are moved ones: keys come rotated by where they stood and are turned on. */
export function repositionedRows(
  model: ModelSpec,
  sequence: Sequence,
  { from, to }: Moved,
  { layer, target }: { readonly layer: number; readonly target: Replaceable },
  rows: Float32Array,
): Float32Array {
  const { rope: index, lateNorms } = attentionIn(blockOf(model, layer));
  if (lateNorms && target === 'key')
    throw new ModelError(
      `Layer ${layer} norms keys behind their rotation, so they cannot be moved to other positions. Choose another model.`,
    );
  const rope = index === undefined ? undefined : model.ropes[index];
  const { length } = sequence.ids;
  const width = rows.length / length;
  const out = rows.slice();
  to.forEach((row, at) => {
    const source = from[at] ?? 0;
    out.set(rows.subarray(source * width, (source + 1) * width), row * width);
  });
  if (target !== 'key' || !rope) return out;
  const half = rope.dimensions / 2;
  const turns = unitTurns(rope, model, { start: 0, length, sequence });
  const turn = (row: number, i: number): readonly [cos: number, sin: number] => [
    turns[row * 2 * half + i] ?? 1,
    turns[row * 2 * half + half + i] ?? 0,
  ];
  to.forEach((row, at) => {
    for (let i = 0; i < half; i++) {
      const [cosFrom, sinFrom] = turn(from[at] ?? 0, i);
      const [cosTo, sinTo] = turn(row, i);
      const cos = cosTo * cosFrom + sinTo * sinFrom;
      const sin = sinTo * cosFrom - cosTo * sinFrom;
      const [a, b] = rope.layout === 'half' ? [i, i + half] : [2 * i, 2 * i + 1];
      const [x, y] = [out[row * width + a] ?? 0, out[row * width + b] ?? 0];
      out[row * width + a] = cos * x - sin * y;
      out[row * width + b] = sin * x + cos * y;
    }
  });
  return out;
}
