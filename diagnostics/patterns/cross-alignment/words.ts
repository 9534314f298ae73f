/**
 * Words of a text and the tokens that spell them. A word is what stands between white space, as in files of gold alignments; a token
 * that stands for no text (the end of the source, a language) belongs to none. Tokens are taken in order: one ends a word when the word
 * is spelt in full.
 */
export interface Words {
  readonly texts: readonly string[];
  /** By token: the place of its word, or -1. */
  readonly of: readonly number[];
}

/** Each token that has text is a word of its own. */
export function tokensAsWords(tokens: readonly string[], isSpecial: (token: number) => boolean): Words {
  const own = tokens.map((_, at) => !isSpecial(at));
  let next = 0;
  return {
    texts: tokens.filter((_, at) => own[at]),
    of: own.map((is) => (is ? next++ : -1)),
  };
}

/** What a piece spells, without the marks of tokenizers: a leading space, SentencePiece's ▁, WordPiece's ##, the end of a word </w>. */
const spelt = (piece: string): string =>
  piece
    .replace(/^##/u, '')
    .replace(/<\/w>$/u, '')
    .replaceAll('▁', ' ')
    .trim();

const beginsWord = (piece: string): boolean => /^[\s▁]/u.test(piece);

/** As a tokenizer may write it: letters in other forms, or of one case. */
const plain = (text: string): string => text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();

const lettersOf = (text: string): number => [...plain(text)].length;

/**
 * `text`: as it was given; null where token ids were, whose words begin where a piece begins with white space. Where the pieces do not
 * spell the words of the text (an unknown token), they are split in the same way.
 */
export function wordsOf(text: string | null, tokens: readonly string[], isSpecial: (token: number) => boolean): Words {
  return (text === null ? undefined : bySpelling(text, tokens, isSpecial)) ?? bySpaces(tokens, isSpecial);
}

function bySpelling(text: string, tokens: readonly string[], isSpecial: (token: number) => boolean): Words | undefined {
  const texts = text.split(/\s+/u).filter((word) => word !== '');
  const of: number[] = [];
  let [word, done] = [0, 0];
  for (const [at, token] of tokens.entries()) {
    const letters = isSpecial(at) ? 0 : lettersOf(spelt(token));
    // A piece that is a space alone stands before the word that it begins.
    if (isSpecial(at) || (letters === 0 && word >= texts.length)) {
      of.push(-1);
      continue;
    }
    const whole = lettersOf(texts[word] ?? '');
    if (done + letters > whole) return undefined;
    of.push(word);
    done += letters;
    if (done === whole) [word, done] = [word + 1, 0];
  }
  return word === texts.length && done === 0 ? { texts, of } : undefined;
}

function bySpaces(tokens: readonly string[], isSpecial: (token: number) => boolean): Words {
  const texts: string[] = [];
  let behindText = false;
  const of = tokens.map((token, at) => {
    if (isSpecial(at)) {
      behindText = false;
      return -1;
    }
    const begins = !behindText || (beginsWord(token) && !token.startsWith('##'));
    behindText = true;
    if (begins) texts.push(spelt(token));
    else texts[texts.length - 1] += spelt(token);
    return texts.length - 1;
  });
  return { texts, of };
}
