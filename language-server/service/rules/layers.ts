import type { TextChange } from '../finding';
import { namesOf } from '../../../models/formats/config/config-reader';
import { numberField } from '../../../models/formats/config/json-values';
import { isLatent } from '../head-width';
import type { JsonObject } from '../../../models/formats/config/config-reader';
import { isOneSlip, nearestName } from '../../../protocol/wire/nearest-name';
import { relatedField, replaceValue } from '../places';
import { mostOfOneRule } from './rule';
import type { Rule } from './rule';

export const windowWithoutEffect: Rule = {
  code: 'window-without-effect',
  title: 'sliding_window is given and has no effect',
  severity: 'information',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      const window = numberField(part.value, ['sliding_window']);
      if (window === undefined) continue;
      const path = [...part.path, 'sliding_window'];
      if (part.value['use_sliding_window'] === false) {
        report(
          path,
          `The window of ${window.value} is switched off by use_sliding_window. Every layer reads all earlier tokens.`,
          {
            part,
            related: [relatedField(document, [...part.path, 'use_sliding_window'], 'use_sliding_window is false')],
          },
        );
        continue;
      }
      const types = part.value['layer_types'];
      if (Array.isArray(types) && types.length > 0 && types.every((type) => type === 'full_attention')) {
        report(path, `The window of ${window.value} is not used: every entry of layer_types is full_attention.`, {
          part,
          related: [relatedField(document, [...part.path, 'layer_types'], 'every layer is full_attention')],
        });
        continue;
      }
      const context = numberField(part.value, namesOf('max_position_embeddings'));
      if (context !== undefined && window.value >= context.value) {
        report(
          path,
          `The window of ${window.value} is no shorter than the context of ${context.value}. No token ever leaves it.`,
          {
            part,
            related: [relatedField(document, [...part.path, context.key], `${context.key} is ${context.value}`)],
          },
        );
      }
    }
  },
};

/** transformers 4.57 and 5.x ALLOWED_LAYER_TYPES, and what published configs write besides. */
export const layerTypeNames = [
  'full_attention',
  'sliding_attention',
  'chunked_attention',
  'linear_attention',
  'conv',
  'mamba',
  'attention',
  'sparse',
  'dense',
  'hybrid',
  'moe',
  'compressed_sparse_attention',
  'heavily_compressed_attention',
  'global_attention',
  'local_attention',
  'mamba2',
  'deepseek_sparse_attention',
  'indexed_attention',
  'qwen_sparse_attention',
  'minimax_m3_sparse',
  'hybrid_sliding',
] as const;

export const layerTypeUnknown: Rule = {
  code: 'layer-type-unknown',
  title: 'layer_types has an unknown name',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    let told = 0;
    for (const part of parts) {
      const types = part.value['layer_types'];
      if (!Array.isArray(types)) continue;
      const places = new Map<string, number[]>();
      (types as readonly unknown[]).forEach((type, index) => {
        if (typeof type !== 'string' || (layerTypeNames as readonly string[]).includes(type)) return;
        const known = places.get(type);
        if (known === undefined) places.set(type, [index]);
        else known.push(index);
      });
      for (const [type, indices] of places) {
        // Beyond so many names nobody reads a guess, and a hundred thousand guesses take seconds.
        told += 1;
        const near = told > mostOfOneRule ? undefined : nearestName(type, layerTypeNames, 4);
        const change = (index: number): readonly TextChange[] =>
          replaceValue(document, [...part.path, 'layer_types', index], JSON.stringify(near));
        report(
          [...part.path, 'layer_types', indices[0] ?? 0],
          `"${type}" is not a kind of layer${near === undefined ? '.' : `; did you mean "${near}"?`} Known types include ${layerTypeNames.slice(0, 6).join(', ')}.`,
          {
            part,
            ...(near === undefined ? { severity: part.familiarity === 'known' ? 'warning' : 'information' } : {}),
            fixes:
              near === undefined
                ? []
                : [
                    {
                      title: indices.length > 1 ? `Change all ${indices.length} to "${near}"` : `Change to "${near}"`,
                      changes: indices.flatMap(change),
                      preferred: true,
                      certain: isOneSlip(type, near),
                    },
                  ],
          },
        );
      }
    }
  },
};

const latentKeys = ['qk_nope_head_dim', 'qk_rope_head_dim', 'v_head_dim'] as const;

/** Types whose attention is latent always: the class builds its matrices from these fields, and null is no size. */
const latentTypes: ReadonlySet<string> = new Set([
  'deepseek_v2',
  'deepseek_v3',
  'deepseek_v32',
  'glm4_moe_lite',
  'glm_moe_dsa',
  'kimi_k2',
  'longcat_flash',
  'minicpm3',
  'youtu',
]);

/** DeepSeek-OCR and DeepSeek-VL2 have the type of a latent family and ordinary heads. */
const hasPlainHeads = (value: JsonObject): boolean =>
  value['use_mla'] === false || (value['qk_nope_head_dim'] === 0 && value['qk_rope_head_dim'] === 0);

export const latentDims: Rule = {
  code: 'latent-dims',
  title: 'Ranks or widths of multi-head latent attention do not fit together',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      const { value } = part;
      if (latentTypes.has(part.modelType ?? '') && !hasPlainHeads(value)) {
        for (const key of ['kv_lora_rank', ...latentKeys] as const) {
          if (value[key] !== null) continue;
          report(
            [...part.path, key],
            `${key} is null, and ${part.modelType ?? ''} needs a whole number there. Only q_lora_rank may be null.`,
            { part },
          );
        }
      }
      if (!isLatent(value) || typeof value['kv_lora_rank'] !== 'number') continue;
      for (const key of [...latentKeys, 'q_lora_rank'] as const) {
        const width = value[key];
        if (
          typeof width === 'number' &&
          (width < 0 || !Number.isInteger(width) || (width === 0 && key === 'v_head_dim'))
        ) {
          report([...part.path, key], `${key} is ${width}; it must be a whole number above 0.`, { part });
        }
      }
      const nope = numberField(value, ['qk_nope_head_dim']);
      const rope = numberField(value, ['qk_rope_head_dim']);
      const both = numberField(value, ['qk_head_dim']);
      if (nope !== undefined && rope !== undefined && both !== undefined && both.value !== nope.value + rope.value) {
        report(
          [...part.path, 'qk_head_dim'],
          `qk_head_dim ${both.value} is not qk_nope_head_dim + qk_rope_head_dim = ${nope.value + rope.value}.`,
          {
            part,
            related: [
              relatedField(document, [...part.path, 'qk_nope_head_dim'], `qk_nope_head_dim is ${nope.value}`),
              relatedField(document, [...part.path, 'qk_rope_head_dim'], `qk_rope_head_dim is ${rope.value}`),
            ],
            fixes: [
              {
                title: `Change qk_head_dim to ${nope.value + rope.value}`,
                changes: replaceValue(document, [...part.path, 'qk_head_dim'], String(nope.value + rope.value)),
                preferred: true,
                certain: true,
              },
            ],
          },
        );
      }
      const heads = numberField(value, ['num_attention_heads']);
      const vHead = numberField(value, ['v_head_dim']);
      const rank = value['kv_lora_rank'];
      if (
        heads !== undefined &&
        nope !== undefined &&
        vHead !== undefined &&
        rank >= heads.value * (nope.value + vHead.value)
      ) {
        report(
          [...part.path, 'kv_lora_rank'],
          `kv_lora_rank ${rank} is not a compression: the keys and values it stands for are ${heads.value * (nope.value + vHead.value)} wide. It is usually 512.`,
          { part, severity: 'warning' },
        );
      }
      const hidden = numberField(value, ['hidden_size']);
      const queryRank = numberField(value, ['q_lora_rank']);
      if (hidden !== undefined && queryRank !== undefined && queryRank.value > hidden.value) {
        report(
          [...part.path, 'q_lora_rank'],
          `q_lora_rank ${queryRank.value} is above hidden_size ${hidden.value}, so it compresses nothing.`,
          {
            part,
            severity: 'warning',
            related: [relatedField(document, [...part.path, 'hidden_size'], `hidden_size is ${hidden.value}`)],
          },
        );
      }
    }
  },
};
