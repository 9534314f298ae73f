/**
 * POPE, polling whether objects are there (arXiv 2305.10355): the questions, how an answer is read, the scores.
 *
 * The first three objects of each image that has at least three are asked for, each followed by one that is absent: chosen
 * uniformly (`random`), as the most frequent class of the set (`popular`), or as the class that most often occurs together
 * with the present one (`adversarial`). An absent class is asked for once an image. Half of the answers are yes.
 */
import { random } from '../../../kernels/tensors/random';

export type PopeSplit = 'random' | 'popular' | 'adversarial';

export interface PopeImage {
  readonly image: string;
  /** In the order of the annotation; repeats are dropped. */
  readonly objects: readonly string[];
}

export interface PopeQuestion {
  readonly image: string;
  readonly object: string;
  readonly question: string;
  readonly label: 'yes' | 'no';
}

/** Objects asked for in an image, as published. */
const publishedPerImage = 3;

export const popeQuestion = (object: string): string =>
  `Is there ${/^[aeiou]/i.test(object) ? 'an' : 'a'} ${object} in the image?`;

/** Each of its first objects once: POPE asks for three. */
export const canBeAsked = ({ objects }: Pick<PopeImage, 'objects'>, perImage = publishedPerImage): boolean =>
  new Set(objects).size >= perImage;

/**
 * At most `images` of those with enough objects (and among `asked`, where it is given), drawn by the seed; images keep their
 * order. Absent objects are chosen by what all images hold.
 */
export function popeQuestions(
  all: readonly PopeImage[],
  split: PopeSplit,
  settings: {
    readonly images: number;
    readonly seed: number;
    readonly asked?: ReadonlySet<string>;
    /** Objects asked for in an image; absent: three. */
    readonly perImage?: number;
  },
): PopeQuestion[] {
  const source = random(settings.seed);
  const distinct = all.map(({ image, objects }) => ({ image, objects: [...new Set(objects)] }));
  const { asked, perImage = publishedPerImage } = settings;
  const eligible = distinct.filter((one) => canBeAsked(one, perImage) && (asked?.has(one.image) ?? true));
  while (eligible.length > settings.images) eligible.splice(source.whole(eligible.length), 1);
  const frequency = counts(distinct.flatMap(({ objects }) => objects));
  const together = new Map<string, Map<string, number>>();
  for (const { objects } of distinct) {
    for (const one of objects) {
      const row = together.get(one) ?? new Map<string, number>();
      together.set(one, row);
      for (const other of objects) if (other !== one) row.set(other, (row.get(other) ?? 0) + 1);
    }
  }
  const classes = [...frequency.keys()].sort();
  const questions: PopeQuestion[] = [];
  for (const { image, objects } of eligible) {
    const taken = new Set(objects);
    for (const object of objects.slice(0, perImage)) {
      const free = classes.filter((name) => !taken.has(name));
      const ranked = split === 'popular' ? frequency : (together.get(object) ?? new Map<string, number>());
      const likely = split === 'random' ? undefined : mostFrequent(free, ranked);
      const absent = likely ?? free[source.whole(free.length)];
      if (absent === undefined) continue;
      taken.add(absent);
      questions.push(
        { image, object, question: popeQuestion(object), label: 'yes' },
        { image, object: absent, question: popeQuestion(absent), label: 'no' },
      );
    }
  }
  return questions;
}

function counts(names: readonly string[]): Map<string, number> {
  const table = new Map<string, number>();
  for (const name of names) table.set(name, (table.get(name) ?? 0) + 1);
  return table;
}

/** The candidate of the largest count, the first by name of equals; undefined when none has one. */
function mostFrequent(candidates: readonly string[], table: ReadonlyMap<string, number>): string | undefined {
  let best: string | undefined;
  for (const name of candidates) {
    if ((table.get(name) ?? 0) > (best === undefined ? 0 : (table.get(best) ?? 0))) best = name;
  }
  return best;
}

/** Whether the first word is yes or no; the published rule reads other answers too, mostly as yes. */
export const isClearAnswer = (text: string): boolean => /^[^\p{L}]*(?:yes|no)(?![\p{L}])/iu.test(text);

/** Up to the first full stop, without commas: `no` when the words "No", "no" or "not" are among them, else `yes`. */
export function popeAnswer(text: string): 'yes' | 'no' {
  const sentence = text.includes('.') ? text.slice(0, text.indexOf('.')) : text;
  const words = sentence.replaceAll(',', '').split(' ');
  return ['No', 'no', 'not'].some((word) => words.includes(word)) ? 'no' : 'yes';
}

/** `yes` is the positive class. */
export interface PopeCounts {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
}

export function popeCounts(
  answers: readonly { readonly readAs: 'yes' | 'no'; readonly label: 'yes' | 'no' }[],
): PopeCounts {
  const count = (readAs: 'yes' | 'no', label: 'yes' | 'no'): number =>
    answers.filter((each) => each.readAs === readAs && each.label === label).length;
  return {
    truePositives: count('yes', 'yes'),
    falsePositives: count('yes', 'no'),
    trueNegatives: count('no', 'no'),
    falseNegatives: count('no', 'yes'),
  };
}

export interface PopeScores extends PopeCounts {
  readonly questions: number;
  readonly accuracy: number;
  /** Share of the answers yes that are right; NaN without any. */
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Share of the answers that are yes. */
  readonly yesRatio: number;
}

export function popeScores(answers: readonly { readonly answer: string; readonly label: 'yes' | 'no' }[]): PopeScores {
  const counts = popeCounts(answers.map(({ answer, label }) => ({ readAs: popeAnswer(answer), label })));
  const { truePositives, falsePositives, trueNegatives, falseNegatives } = counts;
  const precision = truePositives / (truePositives + falsePositives);
  const recall = truePositives / (truePositives + falseNegatives);
  return {
    questions: answers.length,
    accuracy: (truePositives + trueNegatives) / answers.length,
    precision,
    recall,
    f1: (2 * truePositives) / (2 * truePositives + falsePositives + falseNegatives),
    yesRatio: (truePositives + falsePositives) / answers.length,
    ...counts,
  };
}
