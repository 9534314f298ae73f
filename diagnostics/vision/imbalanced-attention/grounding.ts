/** Where the attention of the queries of generated tokens goes: the picture, the texts around it, what was generated. */
import type { KeyGroup } from '../../model-runner/sequence';
import type { Prompt } from '../../model-runner/model-runner';
import { imageRows } from '../../model-runner/regions';
import { mean } from '../../../kernels/tensors/vectors';

/** What is measured of a row; `raised` and `summary` are parts of `image`. */
export const sharesOf = ['image', 'system', 'question', 'output', 'raised', 'summary'] as const;
export type Share = (typeof sharesOf)[number];

const groupName = (share: string): string => `imbalanced-attention ${share}`;

/**
 * Key groups of the masses. `system` is the text before the last token of the picture, separators between its tiles included,
 * `question` the text of the prompt behind it; what is left of a row is `output`. Groups without a row are left out.
 */
export function groundingGroups(
  prompt: Prompt,
  { top, bottom }: { readonly top: readonly number[]; readonly bottom: readonly number[] },
): readonly KeyGroup[] {
  const image = imageRows(prompt);
  const shown = new Set(image);
  const last = Math.max(-1, ...image);
  const text = prompt.ids.map((_, row) => row).filter((row) => !shown.has(row));
  return [
    { name: groupName('image'), positions: image },
    { name: groupName('system'), positions: text.filter((row) => row < last) },
    { name: groupName('question'), positions: text.filter((row) => row > last) },
    { name: groupName('raised'), positions: top },
    { name: groupName('summary'), positions: bottom },
  ].filter(({ positions }) => positions.length > 0);
}

/** Masses of one row, by layer: [heads, shares in the order of `sharesOf`]. */
export type RowShares = readonly Float32Array[];

/** `mass` by layer, [heads, groups], of a run with these groups among others. */
export function rowShares(mass: readonly Float32Array[], groups: readonly KeyGroup[]): RowShares {
  const at = sharesOf.map((share) => groups.findIndex(({ name }) => name === groupName(share)));
  return mass.map((table) => {
    const heads = table.length / groups.length;
    const shares = new Float32Array(heads * sharesOf.length);
    for (let head = 0; head < heads; head++) {
      let inPrompt = 0;
      sharesOf.forEach((share, s) => {
        const group = at[s] ?? -1;
        const value = group < 0 ? 0 : (table[head * groups.length + group] ?? 0);
        shares[head * sharesOf.length + s] = value;
        if (share === 'image' || share === 'system' || share === 'question') inPrompt += value;
      });
      // A row sums to 1; rounding may leave the prompt a hair more.
      shares[head * sharesOf.length + sharesOf.indexOf('output')] = Math.max(0, 1 - inPrompt);
    }
    return shares;
  });
}

export interface Grounding {
  /** By share, [layers][heads]: mean over the queries of the tokens. */
  readonly perHead: Readonly<Record<Share, readonly (readonly number[])[]>>;
  /** By share, [layers]: mean over heads. */
  readonly perLayer: Readonly<Record<Share, readonly number[]>>;
  /** [layers][tokens]: mass on the picture, mean over heads. */
  readonly imageByToken: readonly (readonly number[])[];
  /** [tokens]: the same, mean over layers. */
  readonly imageOfToken: readonly number[];
  /** Mass on the picture, mean over tokens, layers and heads of each layer. */
  readonly image: number;
}

const byShare = <T>(of: (share: Share) => T): Readonly<Record<Share, T>> => ({
  image: of('image'),
  system: of('system'),
  question: of('question'),
  output: of('output'),
  raised: of('raised'),
  summary: of('summary'),
});

export function groundingOf(rows: readonly RowShares[]): Grounding {
  const layers = rows[0] ?? [];
  const heads = (layer: number): number => (layers[layer]?.length ?? 0) / sharesOf.length;
  const value = (row: RowShares, layer: number, head: number, s: number): number =>
    row[layer]?.[head * sharesOf.length + s] ?? 0;
  const table = (share: Share): number[][] => {
    const s = sharesOf.indexOf(share);
    return layers.map((_, layer) =>
      Array.from({ length: heads(layer) }, (_each, head) => mean(rows.map((row) => value(row, layer, head, s)))),
    );
  };
  const perHead = byShare(table);
  const imageByToken = layers.map((_, layer) =>
    rows.map((row) => mean(Array.from({ length: heads(layer) }, (_each, head) => value(row, layer, head, 0)))),
  );
  const imageOfToken = rows.map((_, token) => mean(imageByToken.map((layer) => layer[token] ?? 0)));
  return {
    perHead,
    perLayer: byShare((share) => perHead[share].map(mean)),
    imageByToken,
    imageOfToken,
    image: mean(imageOfToken),
  };
}
