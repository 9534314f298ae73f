/**
 * Text to token ids and back by the model folder's own tokenizer.json, through @huggingface/tokenizers; chat templates by
 * @huggingface/jinja, which renders a template as data (no code of the model folder runs).
 */
import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import { largestTokenizer } from '../../models/formats/companions/tokenizer-vocabulary';
import { readFolderFile } from '../../models/formats/folder-file';
import { within } from './bounded';

/** The largest published tokenizer_config.json is near 1.2 MB. */
const largestConfig = 32 * 1024 * 1024;
/** A published template renders in milliseconds; 16,000 tokens encode in 50 ms. */
const templateMs = 2000;
const encodeMs = 30_000;

export interface Tokeniser {
  encode(text: string): readonly number[];
  /** Without special tokens. */
  decode(ids: readonly number[]): string;
  /**
   * Each token as a person reads it: its text, `<0xE2>` for each byte of a token that holds part of a character, special
   * tokens as written.
   */
  pieces(ids: readonly number[]): readonly string[];
  /** Ids of a text as it stands: special tokens only where it writes them. */
  plain(text: string): readonly number[];
  /** `bos_token` of tokenizer_config.json as it is written, or nothing. */
  readonly bos: string;
  readonly hasChatTemplate: boolean;
  /**
   * One user message in the model's chat template, which writes the special tokens itself, and its ids. Throws where it cannot.
   * `content` is the text, or the list of parts that templates of vision-language models read.
   */
  chat(content: string | readonly ContentPart[]): { readonly text: string; readonly ids: readonly number[] };
}

export type ContentPart = { readonly type: 'image' } | { readonly type: 'text'; readonly text: string };

export type TokeniserOutcome =
  { readonly ok: true; readonly tokeniser: Tokeniser } | { readonly ok: false; readonly why: string };

export async function openTokeniser(folder: string): Promise<TokeniserOutcome> {
  const found = await readFolderFile(folder, 'tokenizer.json', largestTokenizer);
  if (!found.ok) {
    return {
      ok: false,
      why:
        found.code === 'not-found'
          ? 'The folder has no tokenizer.json, so text cannot be read; give token ids instead.'
          : `${found.message.replace(/\.$/, '')}; give token ids instead.`,
    };
  }
  try {
    const file: unknown = JSON.parse(found.text);
    if (typeof file !== 'object' || file === null) throw new TypeError('it is no JSON object');
    const config = await readConfig(folder);
    return {
      ok: true,
      tokeniser: tokeniserOf(
        new Tokenizer(file, config),
        config,
        await readTemplate(folder, config),
        JSON.stringify((file as { decoder?: unknown }).decoder ?? null).includes('"ByteLevel"'),
      ),
    };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ok: false, why: `tokenizer.json cannot be used (${why}); give token ids instead.` };
  }
}

type Config = Readonly<Record<string, unknown>>;

function tokeniserOf(
  tokenizer: Tokenizer,
  config: Config,
  template: string | undefined,
  /** Tokens are spelt in the 256 letters that byte-level BPE has for bytes. */
  byteLetters: boolean,
): Tokeniser {
  const special = tokenizer.get_added_tokens_decoder();
  const text = (ids: readonly number[]): string =>
    ids.length === 0
      ? ''
      : tokenizer.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  const token = (name: string): string => {
    const value = config[name];
    if (typeof value === 'string') return value;
    const content = (value as { content?: unknown } | null | undefined)?.content;
    return typeof content === 'string' ? content : '';
  };
  const plain = (input: string): readonly number[] =>
    within(encodeMs, () => tokenizer.encode(input, { add_special_tokens: false }).ids);
  return {
    plain,
    bos: token('bos_token'),
    encode: (input) => within(encodeMs, () => tokenizer.encode(input).ids),
    decode: text,
    pieces(ids) {
      // A decoder may strip the space before the first token of what it is given: decode each token after another one.
      return ids.map((id, at) => {
        const added = special.get(id);
        if (added) return added.content;
        const before = ids.slice(Math.max(0, at - 4), at).filter((each) => !special.has(each));
        const whole = text([...before, id]);
        const prefix = text(before);
        const piece = whole.startsWith(prefix) ? whole.slice(prefix.length) : text([id]);
        if (piece !== '' && !piece.includes('\uFFFD')) return piece;
        const token = tokenizer.id_to_token(id);
        if (token === undefined) return `#${id}`;
        return byteLetters ? bytesInWords(token) : token;
      });
    },
    hasChatTemplate: template !== undefined,
    chat(content) {
      if (template === undefined) throw new RangeError('There is no chat template.');
      const rendered = within(templateMs, () =>
        new Template(template).render({
          messages: [{ role: 'user', content }],
          add_generation_prompt: true,
          bos_token: token('bos_token'),
          eos_token: token('eos_token'),
        }),
      );
      return { text: rendered, ids: plain(rendered) };
    },
  };
}

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

const bytesInWords = (token: string): string =>
  Array.from(token, (letter) => {
    const byte = byteOfLetter.get(letter);
    return byte === undefined ? letter : `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
  }).join('');

async function smallFile(folder: string, name: string): Promise<string | undefined> {
  const found = await readFolderFile(folder, name, largestConfig);
  if (found.ok) return found.text;
  if (found.code === 'not-found') return undefined;
  throw new RangeError(found.message.replace(/\.$/, ''));
}

async function readConfig(folder: string): Promise<Config> {
  const text = await smallFile(folder, 'tokenizer_config.json');
  if (text === undefined) return {};
  const parsed: unknown = JSON.parse(text);
  return typeof parsed === 'object' && parsed !== null ? (parsed as Config) : {};
}

async function readTemplate(folder: string, config: Config): Promise<string | undefined> {
  // transformers 4.57 takes the file before the field (PreTrainedTokenizerBase._from_pretrained).
  const ofItsOwn = await smallFile(folder, 'chat_template.jinja');
  if (ofItsOwn !== undefined) return ofItsOwn;
  // Processors of vision-language models keep theirs in a file of its own.
  const ofProcessor = await smallFile(folder, 'chat_template.json');
  if (ofProcessor !== undefined) {
    const { chat_template: inFile } = JSON.parse(ofProcessor) as { chat_template?: unknown };
    if (typeof inFile === 'string') return inFile;
  }
  const inConfig = config['chat_template'];
  if (typeof inConfig === 'string') return inConfig;
  if (Array.isArray(inConfig)) {
    const named = (inConfig as { name?: unknown; template?: unknown }[]).find(({ name }) => name === 'default');
    if (typeof named?.template === 'string') return named.template;
  }
  return undefined;
}
