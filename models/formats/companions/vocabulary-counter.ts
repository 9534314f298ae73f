import type { TokenCollector } from './token-names';

/** Where the next quote or backslash is. */
const endOfPlain = (bytes: Uint8Array, from: number): number => {
  let at = from;
  while (at < bytes.length && bytes[at] !== 34 && bytes[at] !== 92) at += 1;
  return at;
};

/**
 * Counts the tokens of a `tokenizer.json` while its bytes stream by: such a file has up to 30 MB, and three numbers are
 * wanted of it. Feed it the file in order; what is no JSON gives nonsense counts, never an exception.
 */
export class VocabularyCounter {
  /** Entries of `model.vocab`, be it an object of ids or a list of [token, score]. */
  entries = 0;
  /** Largest id met in `model.vocab` and `added_tokens`, -1 before any. */
  largestId = -1;

  private depth = 0;
  private inString = false;
  private escaped = false;
  private expectsKey = false;
  private readsNumber = false;
  private number = -1;
  private text = '';
  /** Key that each open object is at, for the three outermost levels. */
  private readonly keys: string[] = ['', '', '', ''];
  /** True inside a string that is a key of the outermost levels. */
  private readsKey = false;
  /** True inside a string that the collector wants. */
  private collects = false;

  /** @param collector gets the tokens themselves; without one they are counted only */
  constructor(private readonly collector?: TokenCollector) {}

  feed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += 1) {
      // Most of the file is text of tokens that is not wanted; stepping over it at once halves the time.
      if (this.inString && !this.escaped && !this.readsKey && !this.collects) at = endOfPlain(bytes, at);
      const byte = bytes[at];
      if (byte === undefined) return;
      if (this.inString) this.inText(byte);
      else this.outsideText(byte);
    }
  }

  private inText(byte: number): void {
    if (byte === 34 && !this.escaped) {
      this.inString = false;
      if (this.collects) this.collector?.end();
      if (this.readsKey) this.keys[this.depth] = this.text;
      return;
    }
    if (this.collects) this.collects = this.collector?.take(byte) === true;
    if (this.escaped) this.escaped = false;
    else if (byte === 92) this.escaped = true;
    else if (this.readsKey && this.text.length < 16) this.text += String.fromCharCode(byte);
  }

  private beginText(): void {
    this.inString = true;
    this.text = '';
    const isEntry = this.inVocabulary() && (this.depth === 3 ? this.expectsKey : this.depth === 4 && !this.expectsKey);
    this.readsKey = this.expectsKey && this.depth <= 3 && !isEntry;
    if (this.collector === undefined) return;
    const isAdded = this.depth === 3 && !this.expectsKey && this.isOfAdded('content');
    this.collects = isAdded || isEntry;
    if (this.collects) this.collector.begin(isAdded);
  }

  private outsideText(byte: number): void {
    if (byte >= 48 && byte <= 57) {
      if (this.readsNumber) this.number = (this.number < 0 ? 0 : this.number) * 10 + byte - 48;
      return;
    }
    switch (byte) {
      case 34: // "
        this.beginText();
        break;
      case 58: // :
        this.expectsKey = false;
        this.readsNumber = this.isId();
        this.number = -1;
        if (this.inVocabulary() && this.depth === 3) this.entries += 1;
        break;
      case 46: // . of a score
      case 45: // -
        this.readsNumber = false;
        this.number = -1;
        break;
      case 44: // ,
        this.endNumber();
        // In a list the id of a token is its place, and its text stands first.
        if (this.depth === 4 && this.inVocabulary()) this.collector?.numbered(this.entries - 1);
        this.expectsKey = true;
        break;
      case 123: // {
      case 91: // [
        this.depth += 1;
        this.expectsKey = byte === 123;
        if (this.depth <= 3) this.keys[this.depth] = '';
        if (byte === 91 && this.depth === 4 && this.inVocabulary()) {
          this.largestId = Math.max(this.largestId, this.entries);
          this.entries += 1;
        }
        break;
      case 125: // }
      case 93: // ]
        this.endNumber();
        if (this.depth === 3 && this.keys[1] === 'added_tokens') this.collector?.endAdded();
        this.depth -= 1;
        break;
      default:
    }
  }

  private inVocabulary(): boolean {
    return this.keys[1] === 'model' && this.keys[2] === 'vocab';
  }

  private isId(): boolean {
    if (this.depth !== 3) return false;
    return this.inVocabulary() || this.isOfAdded('id');
  }

  private isOfAdded(key: string): boolean {
    return this.keys[1] === 'added_tokens' && this.keys[3] === key;
  }

  private endNumber(): void {
    if (this.readsNumber) {
      if (this.number > this.largestId) this.largestId = this.number;
      if (this.inVocabulary()) this.collector?.numbered(this.number);
      else this.collector?.addedId(this.number);
    }
    this.readsNumber = false;
    this.number = -1;
  }
}
