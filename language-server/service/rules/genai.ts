import type { JsonPath, JsonValue } from '../../../models/formats/model-description';
import { namesOf } from '../../../models/formats/config/config-reader';
import { numberField } from '../../../models/formats/config/json-values';
import { headWidth } from '../head-width';
import { isObject } from '../json-document';
import { relatedField, replaceValue } from '../places';
import type { Rule } from './rule';

export const genaiContradicts: Rule = {
  code: 'genai-contradicts-config',
  title: 'genai_config.json and config.json describe different models',
  severity: 'error',
  kinds: ['genai'],
  check({ document, configParts }, report) {
    const value = document.value;
    const model = isObject(value) ? value['model'] : undefined;
    const decoder = isObject(model) ? model['decoder'] : undefined;
    if (!isObject(model) || !isObject(decoder)) return;
    const text =
      configParts.find(
        ({ path }) => path.length === 1 && ['text_config', 'llm_config', 'language_config'].includes(String(path[0])),
      ) ?? configParts[0];
    const compare = (path: JsonPath, here: JsonValue | undefined, names: readonly string[]): void => {
      const there = text === undefined ? undefined : numberField(text.value, names);
      if (typeof here !== 'number' || there === undefined || here === there.value) return;
      report(
        path,
        `${String(path.at(-1))} is ${here} here and ${there.value} in config.json (${there.key}). The graph and the cache would not fit each other.`,
        {
          part: text,
          related: [{ message: `${there.key} is ${there.value}`, place: { file: 'config.json', key: there.key } }],
          fixes: [
            {
              title: `Change to ${there.value}`,
              changes: replaceValue(document, path, String(there.value)),
              preferred: true,
            },
          ],
        },
      );
    };
    const at = (key: string): JsonPath => ['model', 'decoder', key];
    compare(at('num_attention_heads'), decoder['num_attention_heads'], namesOf('num_attention_heads'));
    compare(at('num_key_value_heads'), decoder['num_key_value_heads'], namesOf('num_key_value_heads'));
    compare(at('num_hidden_layers'), decoder['num_hidden_layers'], namesOf('num_hidden_layers'));
    compare(at('hidden_size'), decoder['hidden_size'], namesOf('hidden_size'));
    compare(['model', 'vocab_size'], model['vocab_size'], ['vocab_size']);
    const width = text === undefined ? undefined : headWidth(text);
    const size = decoder['head_size'];
    if (width !== undefined && typeof size === 'number' && size !== width.value) {
      report(
        at('head_size'),
        `head_size is ${size} here, and config.json gives ${width.value} (${width.formula}). The cache would have the wrong width.`,
        {
          part: text,
          related: [{ message: width.formula, place: { file: 'config.json' } }],
          fixes: [
            {
              title: `Change to ${width.value}`,
              changes: replaceValue(document, at('head_size'), String(width.value)),
              preferred: true,
            },
          ],
        },
      );
    }
    const context = model['context_length'];
    const longest = text === undefined ? undefined : numberField(text.value, namesOf('max_position_embeddings'));
    if (typeof context === 'number' && longest !== undefined && context > longest.value) {
      report(
        ['model', 'context_length'],
        `context_length ${context} is above ${longest.key} ${longest.value} of config.json.`,
        {
          part: text,
          severity: 'warning',
          related: [
            { message: `${longest.key} is ${longest.value}`, place: { file: 'config.json', key: longest.key } },
          ],
        },
      );
    }
  },
};

export const genaiHeads: Rule = {
  code: 'genai-heads',
  title: 'Head counts of genai_config.json do not fit together',
  severity: 'error',
  kinds: ['genai'],
  check({ document }, report) {
    const value = document.value;
    const model = isObject(value) ? value['model'] : undefined;
    const decoder = isObject(model) ? model['decoder'] : undefined;
    if (!isObject(decoder)) return;
    const heads = numberField(decoder, ['num_attention_heads']);
    const kv = numberField(decoder, ['num_key_value_heads']);
    if (heads === undefined || kv === undefined || kv.value <= 0 || heads.value % kv.value === 0) return;
    report(
      ['model', 'decoder', 'num_key_value_heads'],
      `${kv.value} key/value heads do not divide ${heads.value} query heads. GroupQueryAttention refuses the graph.`,
      {
        related: [
          relatedField(document, ['model', 'decoder', 'num_attention_heads'], `num_attention_heads is ${heads.value}`),
        ],
      },
    );
  },
};

export const genaiFileMissing: Rule = {
  code: 'genai-file-missing',
  title: 'A graph named by genai_config.json is not in the folder',
  severity: 'warning',
  kinds: ['genai'],
  check({ document, facts }, report) {
    const value = document.value;
    const model = isObject(value) ? value['model'] : undefined;
    if (!isObject(model) || facts.files.size === 0) return;
    // A folder without any graph was downloaded in part: then nothing is amiss with this file.
    if (![...facts.files.keys()].some((name) => name.endsWith('.onnx'))) return;
    for (const [name, section] of Object.entries(model)) {
      const file = isObject(section) ? section['filename'] : undefined;
      if (typeof file !== 'string' || file === '' || /[\\/]/.test(file) || facts.files.has(file)) continue;
      report(['model', name, 'filename'], `${file} is not in this folder. The ${name} cannot be loaded.`);
    }
  },
};
