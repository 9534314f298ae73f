/** What one head computes with on a prompt: its query at the last position, keys and values of the items; and these replaced. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { type ReplacementChange, tapOf } from '../../../models/instrument/changes/replacement';
import { lastOf } from '../../shared/choices/answers';
import type { ChoicePrompt } from '../../shared/choices/prompt';
import type { ModelRunner } from '../../model-runner/model-runner';
import { sharedOf } from '../../shared/weights/head-of';
import { rotated } from '../../shared/weights/rotation';

export const inputs = ['query', 'key', 'value'] as const;
export type Input = (typeof inputs)[number];

/** Where keys and values are looked at: at the labels of the list, or at all tokens of its options. */
export const items = ['labels', 'options'] as const;
export type Items = (typeof items)[number];

/** A position, and the place of its label or option in the list. */
export interface Item {
  readonly of: number;
  readonly position: number;
}

export const itemsOf = (prompt: ChoicePrompt, at: Items): readonly Item[] =>
  at === 'labels'
    ? prompt.labels.map((position, of) => ({ of, position }))
    : prompt.options.flatMap((positions, of) => positions.map((position) => ({ of, position })));

/** Before rotation, [d]: what a position adds is taken off, so that prompts of all lengths can be compared. */
export interface HeadVectors {
  readonly query: Float64Array;
  /** [items] */
  readonly key: readonly Float64Array[];
  readonly value: readonly Float64Array[];
  /** Output at the last position, before the output projection. */
  readonly output: Float64Array;
}

/** The key/value head where the target is a key or value. */
function slotOf({ facts }: ModelRunner, { layer, head }: HeadPlace, input: Input | 'head'): number {
  const block = facts.blocks[layer];
  if (!block) throw new RangeError(`no layer ${layer}`);
  return input === 'key' || input === 'value' ? sharedOf(block, head) : head;
}

export async function vectorsOf(
  model: ModelRunner,
  prompt: ChoicePrompt,
  place: HeadPlace,
  of: readonly Item[],
): Promise<HeadVectors> {
  const { layer } = place;
  const rows = [...of.map(({ position }) => position), lastOf(prompt)];
  const kept = [...new Set(rows)].sort((a, b) => a - b);
  const targets = [...inputs, 'head'] as const;
  const { layers } = await model.run({
    ids: prompt.ids,
    taps: targets.map((target) => ({ layer, tap: tapOf[target] })),
    tapRows: kept,
    depth: layer + 1,
    logits: 'none',
  });
  const width = model.facts.blocks[layer]?.headDim ?? 0;
  const tables = model.weights.rotation(layer, rows, lastOf(prompt));
  const at = (target: (typeof targets)[number], row: number): Float64Array => {
    const data = layers[layer]?.taps[tapOf[target]]?.data;
    if (!(data instanceof Float32Array)) throw new TypeError(`layer ${layer} gave no ${target}`);
    const from = (slotOf(model, place, target) * kept.length + kept.indexOf(rows[row] ?? -1)) * width;
    const vector = Float64Array.from(data.subarray(from, from + width));
    return tables && (target === 'query' || target === 'key') ? rotated(vector, tables, row, true) : vector;
  };
  const last = rows.length - 1;
  return {
    query: at('query', last),
    key: of.map((_, item) => at('key', item)),
    value: of.map((_, item) => at('value', item)),
    output: at('head', last),
  };
}

/** Vectors that replace what the head computes on the prompt. */
export function replacing(
  model: ModelRunner,
  prompt: ChoicePrompt,
  place: HeadPlace,
  of: readonly Item[],
  vectors: Partial<HeadVectors>,
): readonly ReplacementChange[] {
  const last = lastOf(prompt);
  const one = (target: Input | 'head', position: number, vector: Float64Array): ReplacementChange => {
    const turns = target === 'query' || target === 'key';
    const tables = turns ? model.weights.rotation(place.layer, [position], last) : undefined;
    return {
      kind: 'replacement',
      layer: place.layer,
      target,
      head: slotOf(model, place, target),
      positions: [position],
      data: Float32Array.from(tables ? rotated(vector, tables) : vector),
      everywhere: true,
    };
  };
  const { query, output } = vectors;
  const atItems = (target: 'key' | 'value'): readonly ReplacementChange[] =>
    (vectors[target] ?? []).map((vector, item) => one(target, of[item]?.position ?? -1, vector));
  return [
    ...(query ? [one('query', last, query)] : []),
    ...atItems('key'),
    ...atItems('value'),
    ...(output ? [one('head', last, output)] : []),
  ];
}
