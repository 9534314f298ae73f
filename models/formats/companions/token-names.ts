/** Tokens of a `tokenizer.json` by their text: all added ones, and those of the vocabulary that are written like markers. */
export interface NamedTokens {
  readonly ids: ReadonlyMap<string, number>;
  /** False where the file has more of them than are kept: what is absent here may be in the file. */
  readonly whole: boolean;
}

/** Added tokens and markers that are kept; Gemma 3 has 6,500 of them, Chameleon 8,800 (2026-11). */
export const mostTokens = 20_000;
/** Bytes of one token as written, the escapes of JSON included; markers are far shorter. */
export const longestToken = 256;

/** `<s>`, `<|im_start|>`, `[INST]`: how tokens are written that stand for no text. */
const isMarker = (text: string): boolean => /^(?:<[^\s<>]+>|\[[^\s[\]]+\])$/.test(text);

/** Text between quotes as bytes of a JSON file; undefined of what is no JSON string. */
const decoded = (bytes: readonly number[]): string | undefined => {
  try {
    return JSON.parse(`"${Buffer.from(bytes).toString('utf8')}"`) as string;
  } catch {
    return undefined;
  }
};

/** Gathers the tokens that a `VocabularyCounter` meets. */
export class TokenCollector implements NamedTokens {
  readonly ids = new Map<string, number>();
  whole = true;

  private bytes: number[] = [];
  private isAdded = false;
  private marker: string | undefined;
  private added: { text?: string; id?: number } = {};

  /** A string begins that is a token. */
  begin(isAdded: boolean): void {
    this.bytes = [];
    this.isAdded = isAdded;
    this.marker = undefined;
  }

  /** The next byte of the string; false when the rest of it is not wanted. */
  take(byte: number): boolean {
    // Angle bracket, square bracket, or the backslash of an escape: all that a marker can begin with.
    if (this.bytes.length === 0 && !this.isAdded && byte !== 60 && byte !== 91 && byte !== 92) return false;
    if (this.bytes.length < longestToken) return this.bytes.push(byte) > 0;
    if (this.isAdded) this.whole = false;
    return false;
  }

  /** The string ends. */
  end(): void {
    const text = decoded(this.bytes);
    if (text === undefined) return;
    if (this.isAdded) this.added.text = text;
    else if (isMarker(text)) this.marker = text;
  }

  /** The id of the last token of the vocabulary. */
  numbered(id: number): void {
    if (this.marker !== undefined && id >= 0) this.keep(this.marker, id);
    this.marker = undefined;
  }

  /** The id of an added token, which may stand before its text. */
  addedId(id: number): void {
    if (id >= 0) this.added.id = id;
  }

  /** An added token is complete. */
  endAdded(): void {
    const { text, id } = this.added;
    if (text !== undefined && id !== undefined) this.keep(text, id);
    this.added = {};
  }

  private keep(text: string, id: number): void {
    if (this.ids.size < mostTokens || this.ids.has(text)) this.ids.set(text, id);
    else this.whole = false;
  }
}
