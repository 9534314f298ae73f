/**
 * Text to token ids and back by the model folder's own files, through @huggingface/tokenizers; chat templates by
 * @huggingface/jinja, which renders a template as data (no code of the model folder runs). The files steer what the libraries
 * do, so this runs in a thread that can be ended (text-worker.ts).
 */

import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import { printableLine } from '../../../protocol/wire/printable';
import { namedCharacter } from '../../../protocol/wire/token-name';
import { parseJsonText } from '../../../protocol/wire/json-text';

/** Text of the files of a model folder; `config` is tokenizer_config.json, {} where there is none. */
export interface TextFiles {
  readonly tokenizer: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly template?: string | undefined;
}

export type ContentPart = { readonly type: 'image' } | { readonly type: 'text'; readonly text: string };

/** What is asked of the libraries, each with one answer. */
export type TextCall =
  | { readonly kind: 'open' }
  | { readonly kind: 'encode'; readonly text: string; readonly plain: boolean }
  | { readonly kind: 'decode'; readonly ids: readonly number[] }
  | { readonly kind: 'pieces'; readonly ids: readonly number[] }
  | { readonly kind: 'named'; readonly text: string }
  | { readonly kind: 'chat'; readonly content: string | readonly ContentPart[] };

/** What is wrong with the files, as the rest of a sentence. */
export class TextFault extends Error {
  override readonly name = 'TextFault';
}

export class TextLibrary {
  private readonly tokenizer: Tokenizer;
  private readonly special: ReadonlyMap<number, { readonly content: string }>;
  /** Tokens are spelt in the 256 letters that byte-level BPE has for bytes. */
  private readonly byteLetters: boolean;
  /** What is not in the vocabulary has a token all the same. */
  private readonly takesAll: boolean;
  /** Characters that were seen to have tokens. */
  private readonly seen = new Set<string>();
  private anchor: readonly number[] | undefined;

  constructor(private readonly files: TextFiles) {
    const parsed = parseJsonText(files.tokenizer);
    if (!parsed.ok) throw new TextFault(`it is not valid JSON: ${parsed.fault}`);
    const file = parsed.value;
    if (typeof file !== 'object' || file === null || Array.isArray(file))
      throw new TextFault('it is not a JSON object');
    this.tokenizer = new Tokenizer(file, files.config);
    this.special = this.tokenizer.get_added_tokens_decoder();
    this.byteLetters = JSON.stringify((file as { decoder?: unknown }).decoder ?? null).includes('"ByteLevel"');
    const { unk_token, unk_id } = (file as { model?: { unk_token?: unknown; unk_id?: unknown } | null }).model ?? {};
    this.takesAll = typeof unk_token === 'string' || typeof unk_id === 'number';
  }

  answer(call: TextCall): string | readonly number[] | readonly string[] {
    switch (call.kind) {
      case 'open':
        // A decoder that cannot say its first tokens can say none: known before anything is run.
        return this.pieces(Array.from({ length: 16 }, (_, id) => id));
      case 'encode':
        return this.encode(call.text, call.plain);
      case 'decode':
        return this.decode(call.ids);
      case 'pieces':
        return this.pieces(call.ids);
      case 'named':
        return this.named(call.text);
      case 'chat':
        return this.chat(call.content);
    }
  }

  private encode(text: string, plain: boolean): readonly number[] {
    const ids: unknown = plain
      ? this.tokenizer.encode(text, { add_special_tokens: false }).ids
      : this.tokenizer.encode(text).ids;
    if (!Array.isArray(ids)) throw new TextFault('it gives no list of tokens');
    const odd = ids.findIndex((id) => !Number.isSafeInteger(id) || (id as number) < 0);
    if (!this.takesAll) this.requireTokens(text);
    if (odd >= 0) throw new TextFault(`it gives no id for token ${odd} of the text`);
    return ids as number[];
  }

  /** Without an unknown token, BPE drops characters that its vocabulary lacks, so that the model would read another text. */
  private requireTokens(text: string): void {
    let words = text;
    for (const { content } of this.special.values()) if (content !== '') words = words.replaceAll(content, '');
    for (const character of new Set(words)) {
      if (this.seen.has(character) || /\s/u.test(character)) continue;
      const ids: unknown = this.tokenizer.encode(character, { add_special_tokens: false }).ids;
      const read = Array.isArray(ids) && ids.length > 0 && ids.every((id) => Number.isSafeInteger(id));
      // Some bytes of a character that has several may be left out.
      const whole = read && (character === '\uFFFD' || !this.decode(ids as number[]).includes('\uFFFD'));
      if (!whole && !this.isLeftOut(character)) {
        throw new TextFault(
          `it has no token for ${namedCharacter(character)}, which is not in its vocabulary, and none for unknown characters`,
        );
      }
      this.seen.add(character);
    }
  }

  /** The normalizer takes the character away by rule, as it does with accents that stand alone. */
  private isLeftOut(character: string): boolean {
    const normalized: unknown = this.tokenizer.normalizer?.normalize(character);
    return typeof normalized === 'string' && normalized.trim() === '';
  }

  private decode(ids: readonly number[]): string {
    if (ids.length === 0) return '';
    const text: unknown = this.tokenizer.decode([...ids], {
      skip_special_tokens: true,
      clean_up_tokenization_spaces: false,
    });
    if (typeof text !== 'string') throw new TextFault('its decoder gives no text');
    return text;
  }

  /** The name of a token does not depend on its place: `▁M` is ` M` also where it comes first, and `M` is `M`. */
  private pieces(ids: readonly number[]): readonly string[] {
    // A decoder may strip the space before the first token of what it is given: decode each token after another one.
    return ids.map((id, at) => {
      const added = this.special.get(id);
      if (added) return added.content;
      const own = ids.slice(Math.max(0, at - 4), at).filter((each) => !this.special.has(each));
      const before = own.length > 0 ? own : this.anchored();
      const whole = this.decode([...before, id]);
      const prefix = this.decode(before);
      const piece = whole.startsWith(prefix) ? whole.slice(prefix.length) : this.decode([id]);
      if (piece !== '' && !piece.includes('\uFFFD')) return piece;
      const token: unknown = this.tokenizer.id_to_token(id);
      if (typeof token !== 'string') return `#${id}`;
      return this.byteLetters ? bytesInWords(token) : token;
    });
  }

  /** A token of a letter, to decode others behind; nothing where the vocabulary has none. */
  private anchored(): readonly number[] {
    this.anchor ??= (() => {
      for (const letter of ['a', 'A', 'the', '1']) {
        const ids: unknown = this.tokenizer.encode(letter, { add_special_tokens: false }).ids;
        const last: unknown = Array.isArray(ids) ? ids.at(-1) : undefined;
        if (!Number.isSafeInteger(last) || this.special.has(last as number)) continue;
        if (this.decode([last as number]).trim() === letter) return [last as number];
      }
      return [];
    })();
    return this.anchor;
  }

  /** The token whose piece is `text`, in the ways in which vocabularies write one; none where no token is. */
  private named(text: string): readonly number[] {
    const ways = [
      text,
      text.replaceAll(' ', '▁'),
      `##${text}`,
      text.trimStart(),
      ...(this.byteLetters ? [lettersOfBytes(text)] : []),
    ];
    for (const way of ways) {
      const id: unknown = this.tokenizer.token_to_id(way);
      if (Number.isSafeInteger(id) && this.pieces([id as number])[0] === text) return [id as number];
    }
    return [];
  }

  private chat(content: string | readonly ContentPart[]): string {
    const { template, config } = this.files;
    if (template === undefined) throw new TextFault('there is no chat template');
    return new Template(template).render({
      messages: [{ role: 'user', content }],
      add_generation_prompt: true,
      bos_token: specialToken(config, 'bos_token'),
      eos_token: specialToken(config, 'eos_token'),
    });
  }
}

/** `bos_token` and the like, as they are written; nothing where there is none. */
export function specialToken(config: TextFiles['config'], name: string): string {
  const value = config[name];
  if (typeof value === 'string') return value;
  const content = (value as { content?: unknown } | null | undefined)?.content;
  return typeof content === 'string' ? content : '';
}

/**
 * Why a library failed, as the rest of a sentence: what it says itself, and of an error of the interpreter that the file is
 * not what the library takes.
 */
export function faultOf(error: unknown): string {
  if (!(error instanceof Error)) return misfit;
  if (error instanceof SyntaxError && /regular expression/i.test(error.message)) {
    return `it holds a regular expression that is not valid: ${retold(error.message.replace(/^Invalid regular expression: /, ''))}`;
  }
  if (error instanceof RangeError && /stack/i.test(error.message)) return 'it is nested too deeply';
  if (error instanceof RangeError && /invalid .* length|allocation/i.test(error.message))
    return 'it makes a text that is too long';
  // The libraries throw plain errors; the others come of reading what is not there.
  const own = error.constructor === Error || error.name === 'TextFault' || error instanceof SyntaxError;
  return own && error.message.trim() !== '' ? retold(error.message) : misfit;
}

const misfit = 'its parts do not fit together';

/** Messages of the libraries in a form that a person can use; the messages quote the files, whatever is in them. */
function retold(message: string): string {
  const [, part] = /^Unknown (\w+) type: undefined/.exec(message) ?? [];
  if (part !== undefined) return `its ${part.replace(/(?!^)([A-Z])/g, ' $1').toLowerCase()} has no type`;
  if (/is not a function|Cannot call/.test(message)) return 'it calls something that cannot be called';
  if (/\b(undefined|NaN)\b|\[object |Cannot (read|set|convert)/.test(message)) return misfit;
  const plain = printableLine(message.replace(/^\w+ ?Error: /, ''));
  return plain.length > longestFault ? `${plain.slice(0, longestFault)}…` : plain;
}

const longestFault = 300;

/** How byte-level BPE writes bytes in its vocabulary. */

/** GPT-2's letters of bytes (bytes_to_unicode): printable Latin-1 stands for itself, the others follow from U+0100 on. */
const byteOfLetter: ReadonlyMap<string, number> = (() => {
  const letters = new Map<string, number>();
  let next = 256;
  for (let byte = 0; byte < 256; byte++) {
    const printable = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    letters.set(String.fromCharCode(printable ? byte : next++), byte);
  }
  return letters;
})();

/** A token in letters of bytes, with `<0xE2>` for each byte that has no letter of text. */
const bytesInWords = (token: string): string =>
  Array.from(token, (letter) => {
    const byte = byteOfLetter.get(letter);
    return byte === undefined ? letter : `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
  }).join('');

const letterOfByte: ReadonlyMap<number, string> = new Map(Array.from(byteOfLetter, ([letter, byte]) => [byte, letter]));

/** The letters of the bytes of a text in UTF-8; `<0xE2>` is one byte. */
const lettersOfBytes = (text: string): string =>
  text
    .split(/(<0x[0-9A-F]{2}>)/u)
    .map((part, at) => {
      const bytes = at % 2 === 1 ? [parseInt(part.slice(3, 5), 16)] : [...new TextEncoder().encode(part)];
      return bytes.map((byte) => letterOfByte.get(byte) ?? '').join('');
    })
    .join('');
