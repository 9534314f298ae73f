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

  feed(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.inString) this.inText(byte);
      else this.outsideText(byte);
    }
  }

  private inText(byte: number): void {
    if (this.escaped) this.escaped = false;
    else if (byte === 92) this.escaped = true;
    else if (byte === 34) {
      this.inString = false;
      if (this.expectsKey && this.depth <= 3) this.keys[this.depth] = this.text;
    } else if (this.expectsKey && this.depth <= 3 && this.text.length < 16) this.text += String.fromCharCode(byte);
  }

  private outsideText(byte: number): void {
    if (byte >= 48 && byte <= 57) {
      if (this.readsNumber) this.number = (this.number < 0 ? 0 : this.number) * 10 + byte - 48;
      return;
    }
    switch (byte) {
      case 34: // "
        this.inString = true;
        this.text = '';
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
    return this.inVocabulary() || (this.keys[1] === 'added_tokens' && this.keys[3] === 'id');
  }

  private endNumber(): void {
    if (this.readsNumber && this.number > this.largestId) this.largestId = this.number;
    this.readsNumber = false;
    this.number = -1;
  }
}
