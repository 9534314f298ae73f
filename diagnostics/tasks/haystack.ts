/** Sentences to hide something in. */
import type { DrawTools } from './task';

/** The filler text of Mohtashami and Jaggi 2023, repeated. */
const filler = 'The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again.';

/** Tokenizers may put a token in front of a text: a sentence is counted behind another one. */
const ahead = 'Here we go.';

/** Characters that a token has at most, on average: more of a file is not read. */
const longestToken = 16;

/** A text with a gap: before and behind the needle. */
export interface Haystack {
  readonly before: string;
  readonly behind: string;
}

/**
 * Whole sentences of about so many tokens. `depth`: 0 puts the gap in front of all, 1 behind all. A text that is too short is
 * repeated; `start` (0..1) is where it begins.
 */
export function haystack(
  { count }: Pick<DrawTools, 'count'>,
  { tokens, depth, text = filler, start = 0 }: { tokens: number; depth: number; text?: string; start?: number },
): Haystack {
  const sentences = sentencesOf(text, tokens);
  const chosen: string[] = [];
  let left = tokens;
  const first = Math.floor(start * sentences.length);
  for (let at = first; sentences.length > 0; at++) {
    const sentence = sentences[at % sentences.length] ?? '';
    left -= Math.max(1, count(`${ahead} ${sentence}`) - count(ahead));
    if (left < 0) break;
    chosen.push(sentence);
  }
  const gap = Math.round(depth * chosen.length);
  return { before: chosen.slice(0, gap).join(' '), behind: chosen.slice(gap).join(' ') };
}

const cut = new Map<string, readonly string[]>();

function sentencesOf(text: string, tokens: number): readonly string[] {
  const most = text.slice(0, Math.max(1000, tokens * longestToken));
  let sentences = cut.get(most);
  if (!sentences) {
    const segments = new Intl.Segmenter('en', { granularity: 'sentence' }).segment(most);
    sentences = [...segments].map(({ segment }) => segment.trim().replace(/\s+/gu, ' ')).filter((one) => one !== '');
    cut.clear();
    cut.set(most, sentences);
  }
  return sentences;
}
