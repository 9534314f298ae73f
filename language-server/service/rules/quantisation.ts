import type { JsonPath } from '../../../models/formats/model-description';
import { namesOf } from '../../../models/formats/config/config-reader';
import { numberField } from '../../../models/formats/config/json-values';
import type { JsonObject } from '../../../models/formats/config/config-reader';
import type { ConfigPart } from '../parts';
import { isObject } from '../json-document';
import { own } from '../own';
import { relatedField } from '../places';
import type { Rule } from './rule';
import { listed } from '../../../protocol/wire/listed';

const groupSizes = (
  part: ConfigPart,
): readonly { readonly path: JsonPath; readonly size: number; readonly method: string }[] => {
  const config = part.value['quantization_config'];
  if (!isObject(config)) return [];
  const base = [...part.path, 'quantization_config'];
  const method = typeof config['quant_method'] === 'string' ? config['quant_method'] : '';
  const found: { path: JsonPath; size: number; method: string }[] = [];
  for (const key of ['group_size', 'q_group_size'] as const) {
    const size = config[key];
    if (typeof size === 'number') found.push({ path: [...base, key], size, method });
  }
  const groups = config['config_groups'];
  if (isObject(groups)) {
    for (const [name, group] of Object.entries(groups)) {
      const weights = isObject(group) ? group['weights'] : undefined;
      const size = isObject(weights) ? weights['group_size'] : undefined;
      if (typeof size === 'number')
        found.push({ path: [...base, 'config_groups', name, 'weights', 'group_size'], size, method });
    }
  }
  return found;
};

/** Input widths of the matrices that every layer of the part has, by key. */
const inputWidths = (value: JsonObject): readonly { readonly key: string; readonly value: number }[] => {
  const hidden = numberField(value, namesOf('hidden_size'));
  const inner = numberField(value, ['intermediate_size', 'ffn_dim', 'n_inner', 'ffn_hidden_size']);
  // With experts, intermediate_size may belong to no matrix at all.
  const hasExperts = Object.keys(value).some((key) => key.includes('expert'));
  return [...(hidden === undefined ? [] : [hidden]), ...(inner === undefined || hasExperts ? [] : [inner])];
};

export const quantisationGroup: Rule = {
  code: 'quantisation-group',
  title: 'A quantisation group does not divide the width that it runs along',
  severity: 'warning',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      for (const { path, size, method } of groupSizes(part)) {
        if (size === -1 || size === 0) continue;
        if (size < -1 || !Number.isInteger(size)) {
          report(
            path,
            `A group of ${size} weights is impossible. Write a positive whole number, or -1 for one group per channel.`,
            { part, severity: 'error' },
          );
          continue;
        }
        const text = parts.find(
          ({ path: at }) => at.length === 1 && ['text_config', 'llm_config', 'language_config'].includes(String(at[0])),
        );
        const holder = text ?? part;
        for (const width of inputWidths(holder.value)) {
          if (width.value % size === 0 || width.value <= 0) continue;
          report(
            path,
            `Groups of ${size} do not divide ${width.key} ${width.value}; the last group has ${width.value % size} weights. Most ${method === '' ? 'int4' : method} kernels refuse such a matrix.`,
            {
              part,
              severity: /^(awq|gptq)$/.test(method) ? 'warning' : 'information',
              related: [relatedField(document, [...holder.path, width.key], `${width.key} is ${width.value}`)],
            },
          );
        }
      }
    }
  },
};

/**
 * Bits that the kernels of a method were written for, where there are few: GPTQConfig of transformers and vLLM's GPTQ take
 * 2, 3, 4 and 8, AutoAWQ and vLLM's AWQ 4 (vLLM's Marlin kernels alone read AWQ of 8 bits).
 */
const bitsOf: Readonly<Record<string, readonly number[]>> = {
  awq: [4],
  gptq: [2, 3, 4, 8],
};

export const quantisationBits: Rule = {
  code: 'quantisation-bits',
  title: 'The bit width of a quantisation is impossible',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      const config = part.value['quantization_config'];
      if (!isObject(config)) continue;
      const base = [...part.path, 'quantization_config'];
      const method = config['quant_method'];
      const name = typeof method === 'string' ? method.toLowerCase() : '';
      const taken = own(bitsOf, name);
      for (const key of ['bits', 'w_bit'] as const) {
        const bits = config[key];
        if (typeof bits !== 'number') continue;
        if (!(bits > 0 && bits <= 16)) {
          report(
            [...base, key],
            `${bits} bits per weight is impossible; quantised weights have 1 to 16 bits, usually 4 or 8.`,
            { part },
          );
        } else if (taken !== undefined && !taken.includes(bits)) {
          const few = name === 'awq' && bits === 8;
          report(
            [...base, key],
            few
              ? "Only vLLM's Marlin kernels read awq weights of 8 bits; other loaders take 4."
              : `Loaders take ${name} weights of ${listed(taken.map(String), 'or')} bits, not of ${bits}.`,
            {
              part,
              ...(few ? { severity: 'warning' } : {}),
              related: [relatedField(document, [...base, 'quant_method'], `quant_method is "${name}"`)],
            },
          );
        }
      }
    }
  },
};
