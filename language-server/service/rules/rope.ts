import { factorSentence } from '../../../models/formats/config/rope';
import type { JsonPath } from '../../../models/formats/model-description';
import { namesOf } from '../../../models/formats/config/config-reader';
import { numberField } from '../../../models/formats/config/json-values';
import type { JsonObject } from '../../../models/formats/config/config-reader';
import type { ConfigPart } from '../parts';
import { isNumberList, isObject } from '../json-document';
import { isOneSlip, nearestName } from '../../../protocol/wire/nearest-name';
import { own } from '../own';
import { relatedField, renameKey, replaceValue, removeProperty } from '../places';
import { rotaryWidth } from './heads';
import type { Rule } from './rule';

/** One object that gives a form of rotary embedding. */
interface RopeObject {
  readonly part: ConfigPart;
  readonly path: JsonPath;
  readonly value: JsonObject;
  /** The form, under whichever key it stands; undefined when neither is there. */
  readonly form: string | undefined;
  readonly formKey: 'rope_type' | 'type' | undefined;
  readonly holder: 'rope_scaling' | 'rope_parameters';
}

export const ropeObjects = (parts: readonly ConfigPart[]): readonly RopeObject[] =>
  parts.flatMap((part) =>
    (['rope_scaling', 'rope_parameters'] as const).flatMap((holder) => {
      const top = part.value[holder];
      if (!isObject(top)) return [];
      const nested = Object.entries(top).filter(
        (entry): entry is [string, JsonObject] =>
          isObject(entry[1]) && /attention|^main$|^local$|^global$|^compress/.test(entry[0]),
      );
      const objects: [JsonPath, JsonObject][] =
        nested.length > 0
          ? nested.map(([key, value]) => [[...part.path, holder, key], value])
          : [[[...part.path, holder], top]];
      return objects.map(([path, value]) => {
        const formKey =
          typeof value['rope_type'] === 'string' ? 'rope_type' : typeof value['type'] === 'string' ? 'type' : undefined;
        return {
          part,
          path,
          value,
          holder,
          formKey,
          form: formKey === undefined ? undefined : (value[formKey] as string),
        };
      });
    }),
  );

/** Forms and the fields that each cannot do without (transformers 4.57 modeling_rope_utils; mrope of Qwen2-VL). */
const ropeForms: Readonly<Record<string, readonly string[]>> = {
  default: [],
  linear: ['factor'],
  dynamic: ['factor'],
  yarn: ['factor'],
  longrope: ['short_factor', 'long_factor'],
  su: ['short_factor', 'long_factor'],
  llama3: ['factor', 'low_freq_factor', 'high_freq_factor', 'original_max_position_embeddings'],
  mrope: ['mrope_section'],
  proportional: [],
};
/** Forms of remote code and other libraries. */
const foreignForms = new Set([
  'ntk',
  'dynamic_ntk',
  'deepseek_yarn',
  'original',
  'nope',
  'xdrope',
  'deepseek_llama_scaling',
  'yarn_log_multi_scale',
  'finetuned',
  'none',
  'axial',
  'ntk-aware',
  'dynamic-ntk',
]);

export const ropeFormUnknown: Rule = {
  code: 'rope-form-unknown',
  title: 'The form of rope scaling has a name that no loader knows',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const { part, path, form, formKey } of ropeObjects(parts)) {
      if (form === undefined || formKey === undefined || Object.hasOwn(ropeForms, form) || foreignForms.has(form))
        continue;
      const near = nearestName(form.toLowerCase(), Object.keys(ropeForms), 3);
      const place = [...path, formKey];
      report(
        place,
        `"${form}" is not a form of rotary embedding${near === undefined ? '' : `; did you mean "${near}"?`} Choose from ${Object.keys(ropeForms).join(', ')}.`,
        {
          part,
          ...(near === undefined ? { severity: 'warning' as const } : {}),
          fixes:
            near === undefined
              ? []
              : [
                  {
                    title: `Change to "${near}"`,
                    changes: replaceValue(document, place, JSON.stringify(near)),
                    preferred: true,
                    certain: isOneSlip(form, near),
                  },
                ],
        },
      );
    }
  },
};

export const ropeFieldMissing: Rule = {
  code: 'rope-field-missing',
  title: 'A form of rope scaling lacks a field that it needs',
  severity: 'error',
  kinds: ['config'],
  check({ parts }, report) {
    for (const { part, path, value, form, formKey, holder } of ropeObjects(parts)) {
      if (form === undefined) {
        const others = Object.keys(value).filter((key) =>
          ['factor', 'short_factor', 'low_freq_factor', 'beta_fast'].includes(key),
        );
        if (holder === 'rope_scaling' && others.length > 0) {
          report(
            { keyOf: path },
            `${holder} has ${others.join(', ')} but no rope_type, so loaders reject or ignore it. Add "rope_type".`,
            { part },
          );
        }
        continue;
      }
      const absent = (own(ropeForms, form) ?? []).filter((key) => {
        if (value[key] !== undefined && value[key] !== null) return false;
        if (key === 'factor' && value['alpha'] !== undefined) return false;
        // Remote code and transformers itself read the original length from beside the object too.
        return !(key === 'original_max_position_embeddings' && typeof part.value[key] === 'number');
      });
      if (absent.length === 0 || formKey === undefined) continue;
      report(
        [...path, formKey],
        `"${form}" rope scaling lacks ${absent.join(', ')}. It needs ${(own(ropeForms, form) ?? []).join(', ')}.`,
        { part },
      );
    }
  },
};

const isRange = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

export const ropeFieldContradicts: Rule = {
  code: 'rope-field-contradicts',
  title: 'Fields of rope scaling contradict each other or are out of range',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const { part, path, value, form } of ropeObjects(parts)) {
      const { rope_type: ropeType, type, factor } = value;
      const pair = new Set([ropeType, type]);
      const sameThing = (pair.has('mrope') && pair.has('default')) || (pair.has('su') && pair.has('longrope'));
      if (typeof ropeType === 'string' && typeof type === 'string' && ropeType !== type && !sameThing) {
        report(
          [...path, 'type'],
          `type "${type}" contradicts rope_type "${ropeType}". Loaders read rope_type; remove type.`,
          {
            part,
            severity: 'warning',
            related: [relatedField(document, [...path, 'rope_type'], `rope_type is "${ropeType}"`)],
            fixes: [{ title: 'Remove "type"', changes: removeProperty(document, [...path, 'type']), preferred: true }],
          },
        );
      }
      if (factor !== undefined && factor !== null && form !== 'default' && (!isRange(factor) || factor <= 0)) {
        report([...path, 'factor'], factorSentence(factor), { part });
      } else if (isRange(factor) && factor < 1 && form !== 'default') {
        report(
          [...path, 'factor'],
          `factor ${factor} shortens the reach instead of stretching it. A factor is 1 or more.`,
          { part, severity: 'warning' },
        );
      }
      const { low_freq_factor: low, high_freq_factor: high, beta_fast: fast, beta_slow: slow } = value;
      if (form === 'llama3' && isRange(low) && isRange(high) && low > high) {
        report(
          [...path, 'low_freq_factor'],
          `low_freq_factor ${low} is above high_freq_factor ${high}. The band between them would be empty; exchange the two.`,
          {
            part,
            related: [relatedField(document, [...path, 'high_freq_factor'], `high_freq_factor is ${high}`)],
            fixes: [
              {
                title: 'Exchange the two values',
                changes: [
                  ...replaceValue(document, [...path, 'low_freq_factor'], String(high)),
                  ...replaceValue(document, [...path, 'high_freq_factor'], String(low)),
                ],
                preferred: true,
              },
            ],
          },
        );
      }
      if (form === 'yarn' && isRange(fast) && isRange(slow) && fast < slow) {
        report(
          [...path, 'beta_fast'],
          `beta_fast ${fast} is below beta_slow ${slow}. beta_fast bounds the fast rotations and is the larger one.`,
          {
            part,
            related: [relatedField(document, [...path, 'beta_slow'], `beta_slow is ${slow}`)],
          },
        );
      }
    }
  },
};

export const ropeFactorLength: Rule = {
  code: 'rope-factor-length',
  title: 'longrope factor lists have the wrong length',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const { part, path, value, form } of ropeObjects(parts)) {
      if (form !== 'longrope' && form !== 'su') continue;
      const width = rotaryWidth(part);
      const { short_factor: short, long_factor: long } = value;
      for (const [key, list] of [
        ['short_factor', short],
        ['long_factor', long],
      ] as const) {
        if (list === undefined || list === null) continue;
        if (!isNumberList(list)) {
          report([...path, key], `${key} must be a list of numbers, one for each pair of rotated dimensions.`, {
            part,
          });
        } else if (width !== undefined && width.value % 2 === 0 && list.length !== width.value / 2) {
          report(
            [...path, key],
            `${key} has ${list.length} factors, and ${width.value / 2} are needed: one per pair of the ${width.value} rotated dimensions (${width.formula}).`,
            { part },
          );
        }
      }
      if (width === undefined && isNumberList(short) && isNumberList(long) && short.length !== long.length) {
        report(
          [...path, 'long_factor'],
          `long_factor has ${long.length} factors and short_factor ${short.length}. Both need one per pair of rotated dimensions.`,
          {
            part,
            related: [relatedField(document, [...path, 'short_factor'], `short_factor has ${short.length}`)],
          },
        );
      }
    }
  },
};

export const ropeSections: Rule = {
  code: 'rope-sections',
  title: 'The mrope sections do not add up to half the rotated width',
  severity: 'error',
  kinds: ['config'],
  check({ parts }, report) {
    for (const { part, path, value } of ropeObjects(parts)) {
      const sections = value['mrope_section'];
      if (sections === undefined || sections === null) continue;
      const place = [...path, 'mrope_section'];
      if (!isNumberList(sections)) {
        report(
          place,
          'mrope_section must be a list of three numbers: pairs of dimensions for time, height and width.',
          { part },
        );
        continue;
      }
      const width = rotaryWidth(part);
      const ownPartial = numberField(value, ['partial_rotary_factor']);
      const head = numberField(part.value, ['head_dim']);
      const rotated =
        ownPartial !== undefined && head !== undefined ? Math.floor(head.value * ownPartial.value) : width?.value;
      const sum = sections.reduce((total, section) => total + section, 0);
      if (rotated !== undefined && rotated % 2 === 0 && sum !== rotated / 2) {
        report(
          place,
          `mrope sections add up to ${sum}, and half the rotated width is ${rotated / 2}. [${sections.join(', ')}] must share out ${rotated / 2} pairs of dimensions.`,
          { part },
        );
      }
    }
  },
};

export const ropeOriginalLength: Rule = {
  code: 'rope-original-length',
  title: 'The original length of rope scaling is above the longest position',
  severity: 'warning',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const { part, path, value } of ropeObjects(parts)) {
      const key = 'original_max_position_embeddings';
      const inside = numberField(value, [key]);
      const beside = numberField(part.value, [key]);
      const original = inside ?? beside;
      const longest = numberField(part.value, namesOf('max_position_embeddings'));
      if (original === undefined || longest === undefined || original.value <= longest.value) continue;
      report(
        inside === undefined ? [...part.path, key] : [...path, key],
        `The original length ${original.value} is above ${longest.key} ${longest.value}. Scaling stretches from the trained length to the longer one; here there is nothing to stretch to.`,
        {
          part,
          // MiniCPM publishes 32786 beside 32768: a slip of the pen, and no sequence is ever that long.
          ...(original.value < longest.value * 1.01 ? { severity: 'information' } : {}),
          related: [relatedField(document, [...part.path, longest.key], `${longest.key} is ${longest.value}`)],
        },
      );
    }
  },
};

export const ropeTypeDeprecated: Rule = {
  code: 'rope-type-deprecated',
  title: 'rope_scaling names its form under "type", the old key',
  severity: 'hint',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const { part, path, value, formKey, form } of ropeObjects(parts)) {
      if (formKey !== 'type' || form === 'mrope' || form === 'su' || value['rope_type'] !== undefined) continue;
      report(
        { keyOf: [...path, 'type'] },
        '"type" is the old name of "rope_type". Both are read; new files write "rope_type".',
        {
          part,
          deprecated: true,
          fixes: [
            {
              title: 'Rename the key to "rope_type"',
              changes: renameKey(document, [...path, 'type'], 'rope_type'),
              preferred: true,
            },
          ],
        },
      );
    }
  },
};
