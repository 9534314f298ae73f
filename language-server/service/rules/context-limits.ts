import { reachOf } from '../context-reach';
import { numberField } from '../../../models/formats/config/json-values';
import { isObject } from '../json-document';
import { relatedField, replaceValue } from '../places';
import { ropeObjects } from './rope';
import type { Rule } from './rule';

/** Types with a table of trained positions: a text beyond it stops the run (transformers 4.57). */
const tabled =
  /^(albert|bart|bert|biogpt|blip_text_model|camembert|clip|clip_text_model|distilbert|electra|gpt2|gpt_bigcode|gpt_neo|layoutlmv3|longformer|mbart|mpnet|opt|roberta|siglip_text_model|xlm-roberta|xlm-roberta-xl)$/;

export const tokenizerLonger: Rule = {
  code: 'tokenizer-longer-than-context',
  title: 'The tokenizer lets longer texts through than the model has positions',
  severity: 'warning',
  kinds: ['tokenizer'],
  check({ document, configParts }, report) {
    const value = document.value;
    const reach = reachOf(configParts);
    if (!isObject(value) || reach === undefined) return;
    const allowed = value['model_max_length'];
    const { part, key, positions, reserved, longest } = reach;
    // "No limit" is written as 1e30.
    if (typeof allowed !== 'number' || allowed > 1e12 || allowed <= longest) return;
    const absolute = part.value['position_embedding_type'] ?? 'absolute';
    const related = [{ message: `${key} is ${positions}`, place: { file: 'config.json', key } }];
    if (!tabled.test(part.modelType ?? '') || absolute !== 'absolute') {
      report(
        ['model_max_length'],
        `model_max_length is ${allowed}, and ${key} of config.json is ${positions}. Texts between the two are not cut, and the model was not made for them.`,
        { part, severity: 'information', related },
      );
      return;
    }
    const kept = reserved === 0 ? '' : `, ${reserved} of them kept for padding`;
    report(
      ['model_max_length'],
      `model_max_length is ${allowed}, and the table of the model has ${positions} positions${kept}. A text of more than ${longest} tokens stops the run.`,
      {
        part,
        related,
        fixes: [
          {
            title: `Change to ${longest}`,
            changes: replaceValue(document, ['model_max_length'], String(longest)),
            preferred: true,
          },
        ],
      },
    );
  },
};

/** Lengths that differ by less are roundings (MiniCPM-V 4 writes 32786 for 32768). */
const rounding = 1.02;

export const ropeReachDiffers: Rule = {
  code: 'rope-reach-differs',
  title: 'Factor and original length of YaRN lead to another length than the config gives',
  severity: 'warning',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const { part, path, value, form } of ropeObjects(parts)) {
      // The factors of llama3 and longrope are no quotients of lengths; linear and dynamic name no original length.
      if (form !== 'yarn') continue;
      const factor = numberField(value, ['factor'])?.value;
      const original = (
        numberField(value, ['original_max_position_embeddings']) ??
        numberField(part.value, ['original_max_position_embeddings'])
      )?.value;
      const longest = numberField(part.value, ['max_position_embeddings']);
      if (factor === undefined || original === undefined || longest === undefined) continue;
      if (!(factor >= 1) || !(original > 0) || original > longest.value) continue;
      const reach = Math.round(factor * original);
      if (Math.max(reach, longest.value) <= rounding * Math.min(reach, longest.value)) continue;
      const place = [...part.path, longest.key];
      const quotient = Number((longest.value / original).toPrecision(6));
      const isBeyond = longest.value > reach;
      report(
        [...path, 'factor'],
        `factor ${factor} stretches the original ${original} positions to ${reach}, and ${longest.key} is ${longest.value}. ` +
          (isBeyond
            ? 'Positions beyond the stretched length were not made for any use.'
            : 'Loaders that stop at the smaller of the two use only a part of what is stretched.'),
        {
          part,
          // Files that switch YaRN on by hand, as the Qwen cards advise, keep the length of the model.
          severity: isBeyond ? 'warning' : 'information',
          related: [relatedField(document, place, `${longest.key} is ${longest.value}`)],
          fixes: [
            {
              title: `Change ${longest.key} to ${reach}`,
              changes: replaceValue(document, place, String(reach)),
              preferred: false,
            },
            ...(quotient > 1
              ? [
                  {
                    title: `Change factor to ${quotient}`,
                    changes: replaceValue(document, [...path, 'factor'], String(quotient)),
                    preferred: false,
                  },
                ]
              : []),
          ],
        },
      );
    }
  },
};
