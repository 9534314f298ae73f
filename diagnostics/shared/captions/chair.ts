/**
 * CHAIR, caption hallucination assessment (Rohrbach et al. 2018, arXiv 1809.02156), and what must stand beside it: a text that
 * names nothing has a CHAIR of 0, so recall and length are part of the score.
 */
import { wordCount, type Mention, type ObjectFinder } from './lexicon';

/** What an image truly has: labels of its instances, and captions by people, in which objects are found as in any caption. */
export interface ImageTruth {
  readonly objects: readonly string[];
  readonly captions?: readonly string[];
}

/** Classes that the image has. Labels that the lexicon does not know name nothing that a caption could be found to say. */
export function trueObjects(finder: ObjectFinder, truth: ImageTruth): Set<string> {
  const labels = truth.objects.map((name) => finder.classFor(name)).filter((name) => name !== undefined);
  const told = (truth.captions ?? []).flatMap((caption) => finder.mentions(caption).map(({ object }) => object));
  return new Set([...labels, ...told]);
}

/** Labels of truths, each once an image: how many there are, how many the lexicon does not know, and these by name. */
export interface LabelCount {
  readonly total: number;
  readonly unknown: number;
  readonly names: readonly string[];
}

export function countLabels(finder: ObjectFinder, truths: readonly Pick<ImageTruth, 'objects'>[]): LabelCount {
  const labels = truths.flatMap(({ objects }) => [...new Set(objects)]);
  const unknown = labels.filter((label) => finder.classFor(label) === undefined);
  return { total: labels.length, unknown: unknown.length, names: [...new Set(unknown)] };
}

interface JudgedMention extends Mention {
  readonly inTruth: boolean;
}

export interface JudgedCaption {
  readonly mentions: readonly JudgedMention[];
  readonly truth: ReadonlySet<string>;
  /** Words, marks not counted. */
  readonly words: number;
}

export function judgeCaption(finder: ObjectFinder, caption: string, truth: ReadonlySet<string>): JudgedCaption {
  return {
    mentions: finder.mentions(caption).map((mention) => ({ ...mention, inTruth: truth.has(mention.object) })),
    truth,
    words: wordCount(caption),
  };
}

/** Shares are null where there is nothing to divide by. */
export interface ChairScores {
  readonly captions: number;
  /** Repeats counted. */
  readonly mentions: number;
  readonly hallucinated: number;
  /** Captions with at least one mention that is not in the truth, over captions; an empty caption has none. */
  readonly chairS: number | null;
  /** Mentions that are not in the truth over mentions, pooled over the captions. */
  readonly chairI: number | null;
  /** Distinct true objects mentioned over true objects, pooled. */
  readonly recall: number | null;
  /** Distinct true objects mentioned over distinct objects mentioned, pooled. */
  readonly precision: number | null;
  readonly f1: number | null;
  /** Words per caption. */
  readonly length: number | null;
}

export function chairScores(captions: readonly JudgedCaption[]): ChairScores {
  const sum = (of: (caption: JudgedCaption) => number): number =>
    captions.reduce((total, caption) => total + of(caption), 0);
  const share = (part: number, whole: number): number | null => (whole === 0 ? null : part / whole);
  const wrong = ({ mentions }: JudgedCaption): number => mentions.filter(({ inTruth }) => !inTruth).length;
  const distinct = ({ mentions }: JudgedCaption): Set<string> => new Set(mentions.map(({ object }) => object));
  const right = (caption: JudgedCaption): number =>
    [...distinct(caption)].filter((object) => caption.truth.has(object)).length;
  const found = sum(right);
  const recall = share(
    found,
    sum(({ truth }) => truth.size),
  );
  const precision = share(
    found,
    sum((caption) => distinct(caption).size),
  );
  const mentions = sum((caption) => caption.mentions.length);
  return {
    captions: captions.length,
    mentions,
    hallucinated: sum(wrong),
    chairS: share(
      sum((caption) => (wrong(caption) > 0 ? 1 : 0)),
      captions.length,
    ),
    chairI: share(sum(wrong), mentions),
    recall,
    precision,
    f1:
      recall === null || precision === null || recall + precision === 0
        ? null
        : (2 * recall * precision) / (recall + precision),
    length: share(
      sum(({ words }) => words),
      captions.length,
    ),
  };
}
