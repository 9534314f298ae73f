/** Scores of a captioned folder counted anew from its captions, word by word: what the panel shows must be the same. */
import type { Caption, DatasetEntry } from '../../../protocol/results/hallucination-schema';

export interface CountedScores {
  /** Percent of captions, of mentions, of the objects in the pictures (Rohrbach et al. 2018). */
  readonly chairS: number;
  readonly chairI: number;
  readonly recall: number;
  /** Words per caption. */
  readonly length: number;
}

export function countScores(
  { entries }: { readonly entries: readonly DatasetEntry[] },
  captionOf: (entry: DatasetEntry) => Caption | undefined,
): CountedScores {
  let [wrongCaptions, mentions, wrong, found, truth, words] = [0, 0, 0, 0, 0, 0];
  for (const entry of entries) {
    const caption = captionOf(entry);
    if (caption === undefined) throw new Error(`${entry.name} lacks a caption.`);
    const bad = caption.mentions.filter(({ inTruth }) => inTruth === false);
    wrongCaptions += bad.length > 0 ? 1 : 0;
    mentions += caption.mentions.length;
    wrong += bad.length;
    found += new Set(caption.mentions.flatMap(({ object, inTruth }) => (inTruth === true ? [object] : []))).size;
    truth += entry.truth.length;
    words += caption.text.match(/[\p{L}\p{N}]+/gu)?.length ?? 0;
  }
  return {
    chairS: (100 * wrongCaptions) / entries.length,
    chairI: (100 * wrong) / mentions,
    recall: (100 * found) / truth,
    length: words / entries.length,
  };
}

/** T-VHD of the token that a character of the caption lies in. */
function tVhdAt({ tokens }: Caption, character: number): number {
  let end = 0;
  for (const { text, tVhd } of tokens) {
    end += text.length;
    if (end > character) return tVhd;
  }
  throw new Error(`The caption ends before character ${character}.`);
}

/** Chance that a word which is not in its picture has a lower T-VHD than one which is, ties half, pair by pair. */
export function countAuroc({ entries }: { readonly entries: readonly DatasetEntry[] }): number {
  const of = (kind: boolean): number[] =>
    entries.flatMap(({ plain }) =>
      plain.mentions.filter(({ inTruth }) => inTruth === kind).map(({ start }) => tVhdAt(plain, start)),
    );
  const [wrong, right] = [of(false), of(true)];
  const below = wrong.map((low) => right.reduce((sum, high) => sum + (low < high ? 1 : low === high ? 0.5 : 0), 0));
  return below.reduce((sum, value) => sum + value, 0) / (wrong.length * right.length);
}
