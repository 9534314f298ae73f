import type { JsonPath, JsonValue } from '../../../models/formats/model-description';
import { namesOf } from '../../../models/formats/config/config-reader';
import { numberField } from '../../../models/formats/config/json-values';
import { listsOfOtherLength } from '../../../models/formats/config/layer-lists';
import type { ConfigPart } from '../parts';
import { isObject } from '../json-document';
import type { JsonDocument } from '../json-document';
import { relatedField } from '../places';
import type { Report, Rule } from './rule';

/** Lists of the general library, which no family gives another meaning: they hold for unknown families too. */
const general: ReadonlySet<string> = new Set([
  'layer_types',
  'layers_block_type',
  'mlp_layer_types',
  'hybrid_override_pattern',
]);

export const layerListLength: Rule = {
  code: 'layer-list-length',
  title: 'A list with one entry per layer has another length than the layer count',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      const layers = numberField(part.value, namesOf('num_hidden_layers'));
      if (layers === undefined) continue;
      for (const { key, sentence } of listsOfOtherLength(part.value, layers)) {
        report([...part.path, key], sentence, {
          ...(part.familiarity === 'foreign' && general.has(key) ? { severity: 'warning' } : { part }),
          related: [relatedField(document, [...part.path, layers.key], `${layers.key} is ${layers.value}`)],
        });
      }
    }
  },
};

/** Lists of layer numbers from 0. A class asks of each layer whether it is in the list: other numbers have no effect. */
const layerNumbers = [
  // Mllama
  'cross_attention_layers',
  // LFM2
  'full_attn_idxs',
  // SAM
  'global_attn_indexes',
  // the vision part of Qwen2.5-VL
  'fullatt_block_indexes',
  // Bamba
  'attn_layer_indices',
  // Qwen2-MoE and Qwen3-MoE
  'mlp_only_layers',
  // Llama 4
  'moe_layers',
  // Zamba 2
  'hybrid_layer_ids',
] as const;

/** Lists in Kimi Linear's linear_attn_config, from 1: a layer is in one of the two. */
const linearLists = ['full_attn_layers', 'kda_layers'] as const;

interface Numbers {
  readonly document: JsonDocument;
  readonly part: ConfigPart;
  readonly path: JsonPath;
  readonly layers: { readonly key: string; readonly value: number };
  readonly first: 0 | 1;
}

/** Reports the first number of a list that no layer has, and the first that stands there twice. */
const checkNumbers = ({ document, part, path, layers, first }: Numbers, list: readonly JsonValue[], report: Report) => {
  const last = layers.value - 1 + first;
  const related = [relatedField(document, [...part.path, layers.key], `${layers.key} is ${layers.value}`)];
  const key = String(path.at(-1));
  const outside = list.findIndex(
    (number) => typeof number === 'number' && !(Number.isInteger(number) && number >= first && number <= last),
  );
  if (outside >= 0) {
    const range = layers.value === 1 ? `only layer ${first}` : `layers ${first} to ${last}`;
    report(
      [...path, outside],
      `There is no layer ${JSON.stringify(list[outside])}: ${key} counts from ${first}, and there are ${range}.`,
      {
        part,
        related,
      },
    );
  }
  const seen = new Set<JsonValue>();
  const twice = list.findIndex((number) => seen.size === seen.add(number).size);
  if (twice >= 0)
    report(
      [...path, twice],
      `Layer ${JSON.stringify(list[twice])} stands twice in ${key}. Another layer may be meant.`,
      {
        part,
      },
    );
};

export const layerNumber: Rule = {
  code: 'layer-number',
  title: 'A list of layers names one that does not exist, or one twice',
  severity: 'warning',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      const layers = numberField(part.value, namesOf('num_hidden_layers'));
      if (layers === undefined || !(layers.value > 0)) continue;
      for (const key of layerNumbers) {
        const list = part.value[key];
        if (Array.isArray(list)) {
          const path = [...part.path, key];
          checkNumbers({ document, part, path, layers, first: 0 }, list as readonly JsonValue[], report);
        }
      }
      const linear = part.value['linear_attn_config'];
      if (!isObject(linear)) continue;
      for (const key of linearLists) {
        const list = linear[key];
        const path = [...part.path, 'linear_attn_config', key];
        if (Array.isArray(list))
          checkNumbers({ document, part, path, layers, first: 1 }, list as readonly JsonValue[], report);
      }
    }
  },
};
