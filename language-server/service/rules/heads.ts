import { countSentence } from '../../../models/formats/config/counts';
import { namesOf } from '../../../models/formats/config/config-reader';
import { numberField } from '../../../models/formats/config/json-values';
import { headWidth, isLatent } from '../head-width';
import type { ConfigPart } from '../parts';
import { headWidthByClass, scorelessTypes } from '../known-families';
import { isObject } from '../json-document';
import { relatedField, replaceValue } from '../places';
import type { Rule } from './rule';

/** Keys that give a head a width of its own, or sizes of the projections, in some family or other. */
const ownWidth =
  /head_dim|head_size|head_width|dim_head|d_head|d_kv|d_k$|kv_channels|lora_rank|attention_hidden_size|true_hidden_size|projection_size|query_size|attention_size/;

/** The keys of a hidden size and of a head count that belong together. */
const pairsOf = (part: ConfigPart): readonly (readonly [hidden: string, heads: string])[] => {
  const hidden = numberField(part.value, namesOf('hidden_size'));
  if (hidden === undefined) return [];
  return namesOf('num_attention_heads')
    .filter((key) => typeof part.value[key] === 'number')
    .map((key) => [hidden.key, key] as const);
};

export const headsDoNotDivide: Rule = {
  code: 'heads-do-not-divide',
  title: 'The head count does not divide the hidden size and no head width is given',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      if (Object.keys(part.value).some((key) => ownWidth.test(key) && typeof part.value[key] === 'number')) continue;
      if (headWidthByClass.has(part.modelType ?? '')) continue;
      for (const [hiddenKey, headKey] of pairsOf(part)) {
        const hidden = part.value[hiddenKey] as number;
        const heads = part.value[headKey] as number;
        if (!(heads > 0) || hidden <= 0 || hidden % heads === 0) continue;
        const headPath = [...part.path, headKey];
        const fitting = [heads - 1, heads + 1, heads - 2, heads + 2, heads - 3, heads + 3]
          .filter((count) => count > 1 && hidden % count === 0)
          .slice(0, 2);
        report(
          headPath,
          `${heads} heads do not divide ${hiddenKey} ${hidden}, and there is no head_dim. A head would be ${(hidden / heads).toFixed(2)} wide; give a head count that divides, or set head_dim.`,
          {
            part,
            severity: part.familiarity === 'known' || part.familiarity === 'unnamed' ? 'error' : 'information',
            related: [relatedField(document, [...part.path, hiddenKey], `${hiddenKey} is ${hidden}`)],
            fixes: fitting.map((count) => ({
              title: `Change ${headKey} to ${count}`,
              changes: replaceValue(document, headPath, String(count)),
              preferred: fitting.length === 1,
            })),
          },
        );
      }
    }
  },
};

const eachKvPair = (
  part: ConfigPart,
  visit: (heads: { key: string; value: number }, kv: { key: string; value: number }) => void,
): void => {
  if (isLatent(part.value)) return;
  const heads = numberField(part.value, namesOf('num_attention_heads'));
  if (heads === undefined || heads.value <= 0) return;
  const global = numberField(part.value, ['num_global_key_value_heads']);
  for (const kv of [numberField(part.value, namesOf('num_key_value_heads')), global]) {
    if (kv !== undefined && kv.value > 0) visit(heads, kv);
  }
};

/** A count beyond it is a slip of the hand, and no divisor is looked for beyond. */
const mostTried = 65_536;

export const kvHeadsDoNotDivide: Rule = {
  code: 'kv-heads-do-not-divide',
  title: 'The key/value heads do not divide the query heads',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      eachKvPair(part, (heads, kv) => {
        if (kv.value > heads.value || heads.value % kv.value === 0) return;
        const path = [...part.path, kv.key];
        // 1 and the head count divide: there is one on each side, and the file does not say which was meant.
        const divisors = Array.from({ length: Math.min(heads.value, mostTried) }, (_, index) => index + 1).filter(
          (count) => heads.value % count === 0,
        );
        const nearest = [
          divisors.findLast((count) => count < kv.value),
          divisors.find((count) => count > kv.value),
        ].filter((count) => count !== undefined);
        report(
          path,
          `${kv.value} key/value heads cannot be shared evenly by ${heads.value} query heads. ${heads.key} must be a multiple of ${kv.key}.`,
          {
            part,
            related: [relatedField(document, [...part.path, heads.key], `${heads.key} is ${heads.value}`)],
            fixes: nearest.map((count) => ({
              title: `Change ${kv.key} to ${count}`,
              changes: replaceValue(document, path, String(count)),
              preferred: false,
            })),
          },
        );
      });
    }
  },
};

export const kvHeadsExceedHeads: Rule = {
  code: 'kv-heads-exceed-heads',
  title: 'There are more key/value heads than query heads',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      eachKvPair(part, (heads, kv) => {
        if (kv.value <= heads.value) return;
        const path = [...part.path, kv.key];
        report(
          path,
          `${kv.value} key/value heads are more than the ${heads.value} query heads. Some keys would never be read; ${kv.key} is at most ${heads.key}.`,
          {
            part,
            related: [relatedField(document, [...part.path, heads.key], `${heads.key} is ${heads.value}`)],
            fixes: [
              {
                title: `Change ${kv.key} to ${heads.value}`,
                changes: replaceValue(document, path, String(heads.value)),
                preferred: true,
              },
            ],
          },
        );
      });
    }
  },
};

const countKeys = [
  ...namesOf('num_attention_heads'),
  ...namesOf('num_key_value_heads'),
  ...namesOf('hidden_size'),
  'head_dim',
];

export const sizeNotPositive: Rule = {
  code: 'size-not-positive',
  title: 'A size or a count is not a positive whole number',
  severity: 'error',
  kinds: ['config'],
  check({ parts }, report) {
    for (const part of parts) {
      if (part.role !== 'text') continue;
      for (const key of countKeys) {
        const value = part.value[key];
        if (typeof value !== 'number' || (Number.isInteger(value) && value > 0)) continue;
        // Hybrids without attention layers write 0 heads.
        if (value === 0 && part.familiarity !== 'known') continue;
        report([...part.path, key], countSentence(key, value), { part });
      }
    }
  },
};

export const projectionWidthDiffers: Rule = {
  code: 'projection-width-differs',
  title: 'Heads times head width is not the hidden size (allowed, worth knowing)',
  severity: 'information',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      if (isLatent(part.value) || part.modelType === 'mamba2') continue;
      const hidden = numberField(part.value, namesOf('hidden_size'));
      const heads = numberField(part.value, namesOf('num_attention_heads'));
      const width = numberField(part.value, ['head_dim', 'kv_channels', 'd_kv']);
      if (hidden === undefined || heads === undefined || width === undefined) continue;
      const projected = heads.value * width.value;
      if (projected === hidden.value || !(projected > 0)) continue;
      report(
        [...part.path, width.key],
        `Attention is ${projected} wide, the hidden size is ${hidden.value}: ${heads.value} heads × ${width.value}. The query projection maps ${hidden.value} to ${projected}, the output projection back.`,
        {
          part,
          related: [
            relatedField(document, [...part.path, heads.key], `${heads.key} is ${heads.value}`),
            relatedField(document, [...part.path, hidden.key], `${hidden.key} is ${hidden.value}`),
          ],
        },
      );
    }
  },
};

const partialNames = ['partial_rotary_factor', 'rotary_pct', 'rope_pct'] as const;

/** Dimensions of a head that rotary embedding turns, where the file makes it sure. */
export const rotaryWidth = (part: ConfigPart): { readonly value: number; readonly formula: string } | undefined => {
  if (isLatent(part.value)) {
    const rope = numberField(part.value, ['qk_rope_head_dim']);
    return rope === undefined ? undefined : { value: rope.value, formula: 'qk_rope_head_dim' };
  }
  const explicit = numberField(part.value, ['rotary_dim']);
  if (explicit !== undefined) return { value: explicit.value, formula: 'rotary_dim' };
  const head = headWidth(part);
  if (head === undefined) return undefined;
  if (numberField(part.value, ['head_dim']) === undefined && headWidthByClass.has(part.modelType ?? ''))
    return undefined;
  const parameters = part.value['rope_parameters'];
  const partial =
    numberField(part.value, partialNames) ??
    (typeof parameters === 'object' && parameters !== null && !Array.isArray(parameters)
      ? numberField(parameters as ConfigPart['value'], ['partial_rotary_factor'])
      : undefined);
  // Families whose class turns a part of the head by default: absent, the width is not known from the file.
  if (
    partial === undefined &&
    /^(phi|gpt_neox|stablelm|persimmon|glm4?|glm4_moe|glm4v.*|nemotron|qwen3_5.*|qwen3_next|chatglm|minimax.*)$/.test(
      part.modelType ?? '',
    )
  ) {
    return undefined;
  }
  return {
    value: Math.floor(head.value * (partial?.value ?? 1)),
    formula: partial === undefined ? head.formula : `${head.formula} × ${partial.key}`,
  };
};

export const rotaryWidthOdd: Rule = {
  code: 'rotary-width-odd',
  title: 'Rotary embedding turns pairs of dimensions, and the width is odd',
  severity: 'error',
  kinds: ['config'],
  check({ parts }, report) {
    for (const part of parts) {
      const turns = ['rope_theta', 'rope_scaling', 'rope_parameters', 'rotary_dim', 'rotary_pct', 'qk_rope_head_dim'];
      if (part.role !== 'text' || !turns.some((key) => part.value[key] !== undefined && part.value[key] !== null))
        continue;
      if (part.value['rope_parameters'] !== undefined && part.value['global_head_dim'] !== undefined) continue;
      const width = rotaryWidth(part);
      if (width === undefined || width.value % 2 === 0) continue;
      const key = ['qk_rope_head_dim', 'rotary_dim', 'head_dim', ...namesOf('num_attention_heads')].find(
        (name) => typeof part.value[name] === 'number',
      );
      report(
        [...part.path, key ?? ''],
        `Rotary embedding turns ${width.value} dimensions, an odd number. It turns them in pairs; ${width.formula} must be even.`,
        { part },
      );
    }
  },
};

/** Linear attention has no score matrix; `attn` of flash-linear-attention adds layers that have one. */
const keepsNoScores = ({ modelType, value }: ConfigPart): boolean =>
  scorelessTypes.has(modelType ?? '') && !isObject(value['attn']);

export const headWidthNotFused: Rule = {
  code: 'head-width-not-fused',
  title: 'Fused attention kernels do not serve this head width',
  severity: 'information',
  kinds: ['config'],
  check({ parts }, report) {
    for (const part of parts) {
      if (isLatent(part.value) || keepsNoScores(part)) continue;
      const key = ['head_dim', 'global_head_dim', 'kv_channels', 'd_kv', ...namesOf('num_attention_heads')].find(
        (name) => typeof part.value[name] === 'number',
      );
      const widths = [headWidth(part)?.value, numberField(part.value, ['global_head_dim'])?.value];
      const bad = widths.find((width) => width !== undefined && width > 0 && (width > 256 || width % 8 !== 0));
      if (bad === undefined || key === undefined) continue;
      const place = bad === part.value['global_head_dim'] ? 'global_head_dim' : key;
      report(
        [...part.path, place],
        `Heads of ${bad} are outside what fused kernels serve (multiples of 8 up to 256). Attention falls back to separate matrix products, which keep the whole score matrix in memory.`,
        { part },
      );
    }
  },
};
