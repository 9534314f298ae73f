import type { JsonValue } from '../../../models/formats/model-description';
import type { JsonObject } from '../../../models/formats/config/config-reader';
import type { FolderFacts } from '../folder-facts';
import { isObject } from '../json-document';
import { writtenText } from '../template-text';
import type { Rule } from './rule';

/** `<|im_start|>`, `<｜User｜>` and the turns of Gemma: written so that no text contains them by chance. */
const special = /<\|[^|<>\s]{1,40}\|>|<｜[^｜<>]{1,40}｜>|<(?:start|end)_of_turn>/g;
/** Zephyr, TinyLlama, OLMo and others write the speaker so as plain text, and were trained on it (2026-11). */
const plainSpeaker = /^<\|(user|assistant|system|human|bot|tool|observation|prompter|context)\|>$/i;
/** Markers of turns that the formats they come from have as tokens of their own (ChatML, Llama 3, Gemma, Phi, Granite, DeepSeek). */
const marker =
  /^<\|(im_start|im_end|im_sep|eot_id|eom_id|start_header_id|end_header_id|begin_of_text|end_of_text|start_of_role|end_of_role|end)\|>$|^<(start|end)_of_turn>$|^<｜(User|Assistant|(begin|end)▁of▁sentence)｜>$/;

/** Several templates by name, for chats, tools and retrieval, count as one. */
const textOf = (template: JsonValue | undefined): string | undefined => {
  if (typeof template === 'string') return template;
  if (!Array.isArray(template)) return undefined;
  const texts = (template as readonly JsonValue[]).flatMap((entry) =>
    isObject(entry) && typeof entry['template'] === 'string' ? [entry['template']] : [],
  );
  return texts.length === 0 ? undefined : texts.join('\n');
};

/** The template that a loader of tokenizers takes: a file of its own comes first. The one for processors may be the only one. */
const templateOf = (
  value: JsonObject,
  { companions }: FolderFacts,
): { readonly text: string; readonly file?: string } | undefined => {
  const alone = companions['chat_template.jinja'];
  if (typeof alone === 'string') return { text: alone, file: 'chat_template.jinja' };
  const own = textOf(value['chat_template']);
  if (own !== undefined) return { text: own };
  const wrapped = companions['chat_template.json'];
  const inner = isObject(wrapped) ? textOf(wrapped['chat_template']) : undefined;
  return inner === undefined ? undefined : { text: inner, file: 'chat_template.json' };
};

/** All texts of a value: tokens that loaders add to those of tokenizer.json stand in several forms. */
function* textsIn(value: JsonValue | undefined): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (Array.isArray(value)) for (const item of value as readonly JsonValue[]) yield* textsIn(item);
  else if (isObject(value))
    for (const [key, item] of Object.entries(value)) {
      yield key;
      yield* textsIn(item);
    }
}

export const chatTemplateToken: Rule = {
  code: 'chat-template-token',
  title: 'The chat template writes a special token that the vocabulary lacks',
  severity: 'warning',
  kinds: ['tokenizer'],
  check({ document, facts }, report) {
    const value = document.value;
    const named = facts.tokenizer?.named;
    // Without the whole of tokenizer.json nobody can say what is absent.
    if (!isObject(value) || named === undefined || !named.whole) return;
    const template = templateOf(value, facts);
    if (template === undefined) return;
    const written = new Set(writtenText(template.text).flatMap((text) => text.match(special) ?? []));
    const absent = [...written].filter((token) => !named.ids.has(token) && !plainSpeaker.test(token));
    if (absent.length === 0) return;
    const { chat_template: _template, ...rest } = value;
    const added = new Set(
      [rest, facts.companions['special_tokens_map.json'], facts.companions['added_tokens.json']].flatMap((one) => [
        ...textsIn(one),
      ]),
    );
    const wanting = absent.filter((token) => !added.has(token));
    const places = ['tokenizer.json', ...(template.file === undefined ? [] : [template.file])];
    for (const isMarker of [true, false]) {
      const tokens = wanting.filter((token) => marker.test(token) === isMarker);
      if (tokens.length === 0) continue;
      report(
        template.file === undefined ? { keyOf: ['chat_template'] } : [],
        `The chat template writes ${listed(tokens)}, and the vocabulary has no such token${tokens.length === 1 ? '' : 's'}. ` +
          'What it lacks is cut into pieces of text, which mean nothing to a model that was not trained on them.',
        {
          // A part of a template that is for tools may be out of use: DeepSeek's distilled Qwen models lack those tokens.
          ...(isMarker ? {} : { severity: 'information' as const }),
          related: places.map((file) => ({ message: file, place: { file } })),
        },
      );
    }
  },
};

const listed = (tokens: readonly string[]): string =>
  tokens.length > 4 ? `${tokens.slice(0, 3).join(', ')} and ${tokens.length - 3} more` : tokens.join(', ');
