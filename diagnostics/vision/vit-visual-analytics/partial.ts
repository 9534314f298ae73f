/**
 * Partial pruning of one head: parts of its attention are set to 0, the rows renormalised or not, and its output computed anew. The
 * attention and the values of the head do not depend on its own output, so putting the new output in its place is exact.
 */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import type { Hops } from './hops';

export interface Part {
  readonly id: string;
  readonly title: string;
  /** Whether the weight of a query on a key belongs to it; rows of the sequence. */
  readonly holds: (query: number, key: number) => boolean;
}

/** The parts of a head over `leading` rows and the patches of `hops`; `query`: a patch whose row is a part of its own. */
export function partsOf(leading: number, hops: Hops, near: number, query: number): readonly Part[] {
  const isPatch = (row: number): boolean => row >= leading;
  const patches = (holds: (hop: number, query: number) => boolean) => (q: number, k: number) =>
    isPatch(q) && isPatch(k) && holds(hops.of[(q - leading) * hops.patches + k - leading] ?? 0, q - leading);
  return [
    ...(leading > 0
      ? [
          {
            id: 'class-row',
            title: 'class row: what it reads of patches',
            holds: (q: number, k: number) => !isPatch(q) && isPatch(k),
          },
          {
            id: 'class-column',
            title: 'class column: what patches read of it',
            holds: (q: number, k: number) => isPatch(q) && !isPatch(k),
          },
          {
            id: 'class-own',
            title: 'class row on itself',
            holds: (q: number, k: number) => !isPatch(q) && !isPatch(k),
          },
        ]
      : []),
    { id: 'patches', title: 'patch to patch', holds: patches(() => true) },
    { id: 'diagonal', title: 'each patch on itself', holds: patches((hop) => hop === 0) },
    { id: 'others', title: 'patch to other patches', holds: patches((hop) => hop > 0) },
    { id: 'near', title: `patches within ${near}`, holds: patches((hop) => hop <= near) },
    { id: 'far', title: `patches beyond ${near}`, holds: patches((hop) => hop > near) },
    { id: 'query', title: 'the query patch', holds: patches((_, own) => own === query) },
    { id: 'all', title: 'the whole head', holds: () => true },
  ];
}

/**
 * Output [n, d] of a head without a part: `map` [n, n], `values` [n, d]. `renormalise`: each row is divided by what is left of its
 * mass; a row that loses all of it becomes 0.
 */
export function outputWithout(
  map: ArrayLike<number>,
  values: ArrayLike<number>,
  n: number,
  holds: Part['holds'] | undefined,
  renormalise: boolean,
): Float32Array {
  const d = values.length / n;
  const out = new Float32Array(n * d);
  const sum = new Float64Array(d);
  for (let q = 0; q < n; q++) {
    sum.fill(0);
    let [all, left] = [0, 0];
    for (let k = 0; k < n; k++) {
      const weight = map[q * n + k] ?? 0;
      all += weight;
      if (holds?.(q, k)) continue;
      left += weight;
      for (let i = 0; i < d; i++) sum[i]! += weight * (values[k * d + i] ?? 0);
    }
    const factor = !renormalise ? 1 : left > 0 ? all / left : 0;
    for (let i = 0; i < d; i++) out[q * d + i] = factor * sum[i]!;
  }
  return out;
}

export interface HeadInside {
  /** [n, n] */
  readonly map: Float32Array;
  /** [n, d] */
  readonly values: Float32Array;
}

export async function insideOf(model: ModelRunner, prompt: Prompt, { layer, head }: HeadPlace): Promise<HeadInside> {
  const { layers } = await model.run({
    ...prompt,
    maps: [{ layer, head }],
    taps: [{ layer, tap: 'attention.value' }],
    depth: layer + 1,
    logits: 'none',
  });
  const map = layers[layer]?.maps.get(head);
  const tap = layers[layer]?.taps['attention.value'];
  if (!map || !(tap?.data instanceof Float32Array)) throw new RangeError('the run gave no map or values');
  const { heads = 1, kvHeads = 1, headDim = 1 } = model.facts.blocks[layer] ?? {};
  const size = prompt.ids.length * headDim;
  const group = Math.floor((head * kvHeads) / heads);
  return { map, values: tap.data.slice(group * size, (group + 1) * size) };
}

export const replacedBy = ({ layer, head }: HeadPlace, data: Float32Array): Variant => [
  { kind: 'replacement', layer, target: 'head', head, data },
];
