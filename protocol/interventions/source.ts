/** Where the values come from that replace a run's own. */
import * as v from 'valibot';
import type { Schema } from '../schema/check';
import { either, filledText, flag, list, optional, wholeFrom } from '../schema/fields';
import type { Parameter } from './kind';
import { printableLine } from '../wire/printable';
import { quoted, unquoted } from '../schema/written-form';

/** A text, or token ids as they are. */
export type PromptText = string | readonly number[];

export type Source =
  | { readonly from: 'zero' }
  /** The mean of the plain values over the positions of this prompt, or of those given. */
  | { readonly from: 'mean'; readonly prompts?: readonly PromptText[] }
  /** The plain run of another prompt of as many tokens; `chat`: through the chat template. A picture is that of the run. */
  | { readonly from: 'prompt'; readonly prompt: PromptText; readonly chat?: boolean }
  /** The plain run of this prompt. */
  | { readonly from: 'own' }
  /** Absolute path of a file of rows (docs/interventions.md). */
  | { readonly from: 'file'; readonly path: string };

const promptField: Schema<PromptText> = either(
  filledText,
  list(wholeFrom(0, 2 ** 31 - 1), 'a list of token ids', { least: 1 }),
  'a text or a list of token ids',
);

export const sourceField: Schema<Source> = v.variant(
  'from',
  [
    v.object({ from: v.literal('zero') }),
    v.object({ from: v.literal('own') }),
    v.object({
      from: v.literal('mean'),
      prompts: optional(list(promptField, 'a list of prompts', { least: 1, most: 10_000 })),
    }),
    v.object({ from: v.literal('prompt'), prompt: promptField, chat: optional(flag) }),
    v.object({ from: v.literal('file'), path: filledText }),
  ],
  'one of zero, mean, prompt, own, file',
);

/** `zero`, `own`, `mean`, `mean:TEXT`, `mean:["TEXT",[1,2]]`, `prompt:TEXT`, `chat:TEXT`, `ids:1,2,3`, `file:PATH`. */
export function sourceOf(text: string): Source | undefined {
  const plain = text.trim();
  if (plain === 'zero' || plain === 'own' || plain === 'mean') return { from: plain };
  const parts = /^\s*(mean|prompt|chat|ids|file):([\s\S]*)$/.exec(text);
  const [, form, rest = ''] = parts ?? [];
  if (form === 'ids') {
    const ids = idsOf(rest);
    return ids && { from: 'prompt', prompt: ids };
  }
  if (form === 'mean' && rest.startsWith('[')) return listOf(rest);
  const given = unquoted(rest);
  if (given === undefined) return undefined;
  if (form === 'prompt') return { from: 'prompt', prompt: given };
  if (form === 'chat') return { from: 'prompt', prompt: given, chat: true };
  if (form === 'mean') return { from: 'mean', prompts: [given] };
  return form === 'file' ? { from: 'file', path: given } : undefined;
}

function idsOf(text: string): readonly number[] | undefined {
  return /^\s*\d+(\s*,\s*\d+)*\s*$/.test(text) ? text.split(',').map(Number) : undefined;
}

function listOf(text: string): Source | undefined {
  try {
    const prompts: unknown = JSON.parse(text);
    const read = v.safeParse(sourceField, { from: 'mean', prompts });
    return read.success ? read.output : undefined;
  } catch {
    return undefined;
  }
}

export function sourceText(source: Source): string {
  if (source.from === 'file') return `file:${quoted(source.path)}`;
  if (source.from === 'mean' && source.prompts) {
    const [only, ...more] = source.prompts;
    return `mean:${typeof only === 'string' && more.length === 0 ? quoted(only) : JSON.stringify(source.prompts)}`;
  }
  if (source.from !== 'prompt') return source.from;
  const { prompt, chat } = source;
  if (typeof prompt !== 'string') return `ids:${prompt.join(',')}`;
  return `${chat ? 'chat' : 'prompt'}:${quoted(prompt)}`;
}

/** Characters of a text that a phrase quotes. */
const longest = 40;

const inShort = (text: string): string => {
  const line = printableLine(text);
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
};

/** The written form, cut where it is long. */
export const sourceInShort = (source: Source): string => inShort(sourceText(source));

/** Behind "is replaced by" and "is held at". */
export function sourceWords(source: Source): string {
  switch (source.from) {
    case 'zero':
      return 'zero';
    case 'own':
      return 'its value in the plain run';
    case 'file':
      return `the rows of ${source.path}`;
    case 'mean':
      return source.prompts === undefined
        ? 'its mean over the prompt'
        : `its mean over ${source.prompts.length === 1 ? 'another prompt' : `${source.prompts.length} prompts`}`;
    case 'prompt':
      return `its value on ${typeof source.prompt === 'string' ? `“${inShort(source.prompt)}”` : 'other token ids'}`;
  }
}

/** Whether a source gives the same row at every position. */
export const isConstant = ({ from }: Source): boolean => from === 'zero' || from === 'mean';

export const sourceParameter: Parameter = {
  name: 'source',
  takes: '`zero`, `mean`, `mean:TEXT`, `prompt:TEXT`, `chat:TEXT`, `ids:1,2,3`, `own` or `file:PATH`',
  meaning: 'where the values come from',
};

export const positionsParameter: Parameter = {
  name: 'positions',
  takes: 'a range of positions such as `3-7`, both counted; absent: all',
  meaning: 'the positions whose values change',
};
