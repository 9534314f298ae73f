/** Broken texts: reinforcement that is too strong makes a model repeat itself, and such a text can win at CHAIR. */

export interface Repetition {
  /** The words that follow themselves, joined by spaces. */
  readonly phrase: string;
  /** How often they stand in a row. */
  readonly times: number;
}

/** Longest phrase looked for, in words. */
const longestPhrase = 12;
/** A phrase says itself at least so often in a row, … */
const leastTimes = 3;
/** … and covers so many words in all: "very, very, very" is no broken text. */
const leastWords = 8;

/** The run of a repeated phrase that covers most words, or undefined. */
export function repetitionIn(text: string): Repetition | undefined {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  let best: (Repetition & { readonly covered: number }) | undefined;
  for (let length = 1; length <= longestPhrase; length++) {
    for (let start = 0; start + length * leastTimes <= words.length; start++) {
      let times = 1;
      while (same(words, start, start + times * length, length)) times++;
      const covered = times * length;
      if (times >= leastTimes && covered >= leastWords && covered > (best?.covered ?? 0)) {
        best = { phrase: words.slice(start, start + length).join(' '), times, covered };
      }
    }
  }
  return best && { phrase: best.phrase, times: best.times };
}

const same = (words: readonly string[], a: number, b: number, length: number): boolean =>
  b + length <= words.length && Array.from({ length }, (_, i) => words[a + i] === words[b + i]).every(Boolean);

/** The repetition as a sentence; undefined where the text is not broken. */
export function brokenWords(text: string): string | undefined {
  const repetition = repetitionIn(text);
  return repetition && `It says "${repetition.phrase.slice(0, 60)}" ${repetition.times} times in a row.`;
}
