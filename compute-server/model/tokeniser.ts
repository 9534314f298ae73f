/**
 * Text to token ids and back by the model folder's own tokenizer.json, through @huggingface/tokenizers; chat templates by
 * @huggingface/jinja, which renders a template as data (no code of the model folder runs).
 */
import { readFile, stat } from 'node:fs/promises';
import { Template } from '@huggingface/jinja';
import { Tokenizer } from '@huggingface/tokenizers';
import { resolveInside } from '../../models/formats/safetensors/containment';

/** The largest published tokenizer.json is near 35 MB (Gemma 3, 2025-03). */
const largestTokenizer = 128 * 1024 * 1024;

export interface Tokeniser {
  encode(text: string): readonly number[];
  /** Without special tokens. */
  decode(ids: readonly number[]): string;
  /** Each token as a person reads it: bytes joined to text where they can be, special tokens as written. */
  pieces(ids: readonly number[]): readonly string[];
  readonly hasChatTemplate: boolean;
  /** One user message in the model's chat template, ready for `encode` without special tokens of its own. */
  chat(message: string): readonly number[];
}

export type TokeniserOutcome =
  { readonly ok: true; readonly tokeniser: Tokeniser } | { readonly ok: false; readonly why: string };

export async function openTokeniser(folder: string): Promise<TokeniserOutcome> {
  const found = await resolveInside(folder, 'tokenizer.json');
  if (!found.ok) {
    return {
      ok: false,
      why: 'The folder has no tokenizer.json, so text cannot be read; give token ids instead.',
    };
  }
  try {
    if ((await stat(found.path)).size > largestTokenizer) {
      return { ok: false, why: 'tokenizer.json is larger than 128 MiB and is not read; give token ids instead.' };
    }
    const file: unknown = JSON.parse(await readFile(found.path, 'utf8'));
    if (typeof file !== 'object' || file === null) throw new TypeError('it is no JSON object');
    const config = await readConfig(folder);
    return {
      ok: true,
      tokeniser: tokeniserOf(new Tokenizer(file, config), config, await readTemplate(folder, config)),
    };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ok: false, why: `tokenizer.json cannot be used (${why}); give token ids instead.` };
  }
}

type Config = Readonly<Record<string, unknown>>;

function tokeniserOf(tokenizer: Tokenizer, config: Config, template: string | undefined): Tokeniser {
  const special = tokenizer.get_added_tokens_decoder();
  const text = (ids: readonly number[]): string =>
    ids.length === 0
      ? ''
      : tokenizer.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  return {
    encode: (input) => tokenizer.encode(input).ids,
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
        return piece === '' || piece.includes('\uFFFD') ? (tokenizer.id_to_token(id) ?? `#${id}`) : piece;
      });
    },
    hasChatTemplate: template !== undefined,
    chat(message) {
      if (template === undefined) throw new RangeError('The tokenizer has no chat template; send the text as it is.');
      const token = (name: string): string => {
        const value = config[name];
        if (typeof value === 'string') return value;
        const content = (value as { content?: unknown } | null | undefined)?.content;
        return typeof content === 'string' ? content : '';
      };
      const rendered = new Template(template).render({
        messages: [{ role: 'user', content: message }],
        add_generation_prompt: true,
        bos_token: token('bos_token'),
        eos_token: token('eos_token'),
      });
      return tokenizer.encode(rendered, { add_special_tokens: false }).ids;
    },
  };
}

async function readConfig(folder: string): Promise<Config> {
  const found = await resolveInside(folder, 'tokenizer_config.json');
  if (!found.ok) return {};
  const parsed: unknown = JSON.parse(await readFile(found.path, 'utf8'));
  return typeof parsed === 'object' && parsed !== null ? (parsed as Config) : {};
}

async function readTemplate(folder: string, config: Config): Promise<string | undefined> {
  const inConfig = config['chat_template'];
  if (typeof inConfig === 'string') return inConfig;
  if (Array.isArray(inConfig)) {
    const named = (inConfig as { name?: unknown; template?: unknown }[]).find(({ name }) => name === 'default');
    if (typeof named?.template === 'string') return named.template;
  }
  const file = await resolveInside(folder, 'chat_template.jinja');
  return file.ok ? readFile(file.path, 'utf8') : undefined;
}
