/** The tokenizer of a model folder: its files read, and text turned to token ids and back in a thread of their own. */
import { largestTokenizer } from '../../../models/formats/companions/tokenizer-vocabulary';
import { readFolderFile } from '../../../models/formats/folder-file';
import { ggufTokenizer } from '../../../models/formats/gguf/tokenizer';
import type { Metadata } from '../../../models/formats/gguf/metadata';
import { specialToken, TextFault, type ContentPart } from './text-library';
import { TextThread } from './text-thread';
import { parseJsonText } from '../../../protocol/wire/json-text';

/** The largest published tokenizer_config.json is near 1.2 MB. */
const largestConfig = 32 * 1024 * 1024;

/** Each call throws a TextFault where the folder's files cannot do it, or do not in time. */
export interface Tokeniser {
  encode(text: string): readonly number[];
  /** Without special tokens. */
  decode(ids: readonly number[]): string;
  /**
   * Each token as a person reads it: its text, the same wherever it stands, `<0xE2>` for each byte of a token that holds part of a character, special
   * tokens as written.
   */
  pieces(ids: readonly number[]): readonly string[];
  /** The token whose piece the text is; undefined where none is. */
  named(text: string): number | undefined;
  /** Ids of a text as it stands: special tokens only where it writes them. */
  plain(text: string): readonly number[];
  /** `bos_token` of tokenizer_config.json as it is written, or nothing. */
  readonly bos: string;
  readonly hasChatTemplate: boolean;
  /**
   * One user message in the model's chat template, which writes the special tokens itself, and its ids.
   * `content` is the text, or the list of parts that templates of vision-language models read.
   */
  chat(content: string | readonly ContentPart[]): { readonly text: string; readonly ids: readonly number[] };
  /** Ends the thread; a later call starts one again. */
  close(): void;
}

export type TokeniserOutcome =
  | { readonly ok: true; readonly tokeniser: Tokeniser }
  | { readonly ok: false; readonly why: string };

/** `limitMs`: the longest that a call may take, beside what its length adds. */
export async function openTokeniser(folder: string, limitMs?: number): Promise<TokeniserOutcome> {
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
  const unusable = (file: string, error: unknown): TokeniserOutcome => {
    if (!(error instanceof TextFault)) throw error;
    return { ok: false, why: `${file} cannot be used (${error.message.replace(/\.$/, '')}); give token ids instead.` };
  };
  let config: Config;
  try {
    config = await readConfig(folder);
  } catch (error) {
    return unusable('tokenizer_config.json', error);
  }
  try {
    return opened(found.text, config, await readTemplate(folder, config), limitMs);
  } catch (error) {
    return unusable('tokenizer.json', error);
  }
}

/** The tokenizer inside a GGUF file. */
export function openGgufTokeniser(metadata: Metadata): TokeniserOutcome {
  const made = ggufTokenizer(metadata);
  if (!made.ok) return made;
  const template: FoundTemplate = made.template === undefined ? { problem: undefined } : { text: made.template };
  try {
    return opened(made.tokenizer, made.config, template);
  } catch (error) {
    if (!(error instanceof TextFault)) throw error;
    const why = `The tokenizer in the file cannot be used (${error.message.replace(/\.$/, '')}); give token ids instead.`;
    return { ok: false, why };
  }
}

/** Throws a TextFault where the libraries cannot use the files. */
function opened(tokenizer: string, config: Config, template: FoundTemplate, limitMs?: number): TokeniserOutcome {
  const text = 'text' in template ? template.text : undefined;
  const thread = new TextThread({ tokenizer, config, template: text }, limitMs);
  try {
    thread.ask({ kind: 'open' });
  } catch (error) {
    thread.end();
    throw error;
  }
  return { ok: true, tokeniser: tokeniserOf(thread, config, template) };
}

type Config = Readonly<Record<string, unknown>>;

/** A template, nothing, or why what is there is none. */
type FoundTemplate = { readonly text: string } | { readonly problem: string | undefined };

function tokeniserOf(thread: TextThread, config: Config, template: FoundTemplate): Tokeniser {
  // The answer to each kind of call has its own type (text-library.ts).
  const numbers = (call: Parameters<TextThread['ask']>[0]) => thread.ask(call) as readonly number[];
  return {
    plain: (text) => numbers({ kind: 'encode', text, plain: true }),
    bos: specialToken(config, 'bos_token'),
    close: () => thread.end(),
    encode: (text) => numbers({ kind: 'encode', text, plain: false }),
    decode: (ids) => (ids.length === 0 ? '' : (thread.ask({ kind: 'decode', ids }) as string)),
    pieces: (ids) => (ids.length === 0 ? [] : (thread.ask({ kind: 'pieces', ids }) as readonly string[])),
    named: (text) => numbers({ kind: 'named', text })[0],
    hasChatTemplate: 'text' in template || template.problem !== undefined,
    chat(content) {
      if ('problem' in template) throw new TextFault(template.problem ?? 'there is no chat template');
      const text = thread.ask({ kind: 'chat', content }) as string;
      return { text, ids: numbers({ kind: 'encode', text, plain: true }) };
    },
  };
}

async function smallFile(folder: string, name: string): Promise<string | undefined> {
  const found = await readFolderFile(folder, name, largestConfig);
  if (found.ok) return found.text;
  if (found.code === 'not-found') return undefined;
  throw new TextFault(found.message.replace(/\.$/, ''));
}

/** The object of a JSON file; undefined where it holds something else. */
function objectIn(text: string): Config | undefined {
  const parsed = parseJsonText(text);
  if (!parsed.ok) throw new TextFault(`it is not valid JSON: ${parsed.fault}`);
  const { value } = parsed;
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Config) : undefined;
}

async function readConfig(folder: string): Promise<Config> {
  const text = await smallFile(folder, 'tokenizer_config.json');
  return text === undefined ? {} : (objectIn(text) ?? {});
}

async function readTemplate(folder: string, config: Config): Promise<FoundTemplate> {
  try {
    // transformers 4.57 takes the file before the field (PreTrainedTokenizerBase._from_pretrained).
    const ofItsOwn = await smallFile(folder, 'chat_template.jinja');
    if (ofItsOwn !== undefined) return { text: ofItsOwn };
    // Processors of vision-language models keep theirs in a file of its own.
    const ofProcessor = await smallFile(folder, 'chat_template.json');
    const inFile = ofProcessor === undefined ? undefined : objectIn(ofProcessor)?.['chat_template'];
    if (typeof inFile === 'string') return { text: inFile };
  } catch (error) {
    if (!(error instanceof TextFault)) throw error;
    return { problem: `its file cannot be used: ${error.message}` };
  }
  const inConfig = config['chat_template'];
  if (typeof inConfig === 'string') return { text: inConfig };
  if (Array.isArray(inConfig)) {
    const named = (inConfig as ({ name?: unknown; template?: unknown } | null)[]).find(
      (each) => each?.name === 'default',
    );
    if (typeof named?.template === 'string') return { text: named.template };
  }
  return { problem: undefined };
}
