import {
  classFitsType,
  isDraft,
  knownModelTypes,
  otherModelTypes,
  typeOfClass,
} from '../../../models/formats/families/shared/class-names';
import { isOneSlip, nearestName, plainLetters } from '../../../protocol/wire/nearest-name';
import { changeName, relatedField, renameKey } from '../places';
import { attentionKeys, otherKnownKeys } from '../key-names';
import { classesOf, confirmed, releaseIn, typeByLetters } from './model-types';
import type { Rule } from './rule';
import { own } from '../own';

/** Names torch has, as `torch_dtype` and `dtype` give them (with or without `torch.`), and what loaders accept besides. */
export const dtypeNames = [
  'float32',
  'float16',
  'bfloat16',
  'float64',
  'float8_e4m3fn',
  'float8_e5m2',
  'int8',
  'uint8',
  'int4',
  'uint4',
  'float',
  'half',
  'double',
  'auto',
  'float4_e2m1fn_x2',
  'float8_e4m3fnuz',
  'float8_e5m2fnuz',
  'float8_e8m0fnu',
  'int16',
  'int32',
  'int64',
] as const;

const dtypeShorthand: Readonly<Record<string, string>> = {
  fp16: 'float16',
  f16: 'float16',
  fp32: 'float32',
  f32: 'float32',
  bf16: 'bfloat16',
  fp64: 'float64',
  bfloat: 'bfloat16',
};

/** The dtype that a short or misspelt name stands for. */
export const dtypeMeantBy = (name: string): string | undefined =>
  own(dtypeShorthand, name.toLowerCase()) ?? nearestName(name.toLowerCase(), dtypeNames.slice(0, 4), 3);

/** A shorthand and a single slip have one reading. */
export const isCertainDtype = (name: string, near: string): boolean =>
  own(dtypeShorthand, name.toLowerCase()) !== undefined || isOneSlip(name, near);

export const dtypeUnknown: Rule = {
  code: 'dtype-unknown',
  title: 'The dtype has a name that torch does not know',
  severity: 'error',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      for (const key of ['torch_dtype', 'dtype'] as const) {
        const value = part.value[key];
        if (typeof value !== 'string') continue;
        const name = value.replace(/^torch\./, '');
        if ((dtypeNames as readonly string[]).includes(name)) continue;
        const near = dtypeMeantBy(name);
        const path = [...part.path, key];
        report(
          path,
          `"${value}" is not a dtype that torch knows${near === undefined ? '.' : `; did you mean "${near}"?`} Usual are bfloat16, float16 and float32.`,
          {
            part,
            fixes: near === undefined ? [] : [changeName(document, path, near, isCertainDtype(name, near))],
          },
        );
      }
    }
  },
};

export const dtypeKeyDeprecated: Rule = {
  code: 'dtype-key-deprecated',
  title: 'torch_dtype is the old name of dtype',
  severity: 'hint',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      if (part.value['torch_dtype'] === undefined || part.value['dtype'] !== undefined) continue;
      report(
        { keyOf: [...part.path, 'torch_dtype'] },
        '"torch_dtype" is called "dtype" since transformers 4.56. Both are read; older versions read torch_dtype only.',
        {
          part,
          deprecated: true,
          fixes: [
            {
              title: 'Rename the key to "dtype"',
              changes: renameKey(document, [...part.path, 'torch_dtype'], 'dtype'),
              preferred: true,
            },
          ],
        },
      );
    }
  },
};

export const dtypesDisagree: Rule = {
  code: 'dtypes-disagree',
  title: 'dtype and torch_dtype are both there and differ',
  severity: 'warning',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      const { dtype, torch_dtype: old } = part.value;
      if (typeof dtype !== 'string' || typeof old !== 'string' || dtype === old.replace(/^torch\./, '')) continue;
      report(
        [...part.path, 'torch_dtype'],
        `torch_dtype "${old}" contradicts dtype "${dtype}". New loaders read dtype, old ones torch_dtype.`,
        {
          part,
          related: [relatedField(document, [...part.path, 'dtype'], `dtype is "${dtype}"`)],
        },
      );
    }
  },
};

/** Families that name their tensors alike, so that a class of one reads the weights of the other. */
const twins: readonly (readonly string[])[] = [
  ['roberta', 'xlm-roberta', 'camembert'],
  ['bart', 'mbart', 'pegasus'],
  ['vit', 'deit'],
  ['gemma3', 'gemma3_text'],
];
const sameLayout = (one: string, other: string): boolean =>
  twins.some((group) => group.includes(one) && group.includes(other));

export const architectureContradicts: Rule = {
  code: 'architecture-contradicts-type',
  title: 'The class of architectures belongs to another model type',
  severity: 'warning',
  kinds: ['config'],
  check({ document, parts }, report) {
    const root = parts[0];
    if (root === undefined || isDraft(root.value)) return;
    const { model_type: modelType, architectures } = root.value;
    if (typeof modelType !== 'string' || !knownModelTypes.has(modelType) || !Array.isArray(architectures)) return;
    (architectures as readonly unknown[]).forEach((architecture, index) => {
      if (typeof architecture !== 'string' || classFitsType(architecture, modelType)) return;
      const owner = typeOfClass(architecture);
      if (owner === undefined || owner.type === modelType) return;
      report(
        ['architectures', index],
        `${architecture} is a class of ${owner.type}, and model_type is ${modelType}. Loaders choose by one or the other, and read different layouts.`,
        {
          part: root,
          // A model of one layer is most likely a draft: EAGLE's for Mixtral has a layer of Llama.
          ...(sameLayout(owner.type, modelType) || root.value['num_hidden_layers'] === 1
            ? { severity: 'information' as const }
            : {}),
          related: [relatedField(document, ['model_type'], `model_type is "${modelType}"`)],
        },
      );
    });
  },
};

/** The known type that is one or two letters away, and that the classes of the file belong to where there are some. */
const nearType = (modelType: string, classes: readonly string[]): string | undefined => {
  const near = nearestName(modelType.toLowerCase(), knownModelTypes, 2);
  if (near === undefined || near.length < 5 || modelType.replace(/\D/g, '') !== near.replace(/\D/g, ''))
    return undefined;
  // Without a class that confirms it, a short name takes one edit to become another.
  const isNear = near.length > 6 || nearestName(modelType.toLowerCase(), [near], 1) !== undefined;
  return (classes.length === 0 ? isNear : classes.some((name) => classFitsType(name, near))) ? near : undefined;
};

export const modelTypeMisspelt: Rule = {
  code: 'model-type-misspelt',
  title: 'model_type is one or two letters away from a known type',
  severity: 'warning',
  kinds: ['config'],
  check({ document, parts }, report) {
    const root = parts[0];
    const modelType = root?.value['model_type'];
    if (root === undefined || typeof modelType !== 'string' || modelType === '' || knownModelTypes.has(modelType))
      return;
    // Remote code names its type as it likes.
    if (root.value['auto_map'] !== undefined || otherModelTypes.has(modelType)) return;
    if (releaseIn(root.value) !== undefined) return;
    const spelling = confirmed(typeByLetters(modelType), root.value);
    const classes = classesOf(root.value);
    // A class that starts with the type itself shows that the type is meant: Gemma3nForCausalLM beside gemma3n_text.
    const stem = plainLetters(modelType.replace(/_(text|vision|audio)(_model)?$/, ''));
    if (spelling === undefined && classes.some((name) => plainLetters(name).startsWith(stem))) return;
    const near = spelling ?? nearType(modelType, classes);
    if (near === undefined) return;
    report(
      ['model_type'],
      `"${modelType}" is not a model type that loaders know; did you mean "${near}"? ${classes.length === 0 ? 'They choose the class by it.' : `The class in architectures is one of ${near}.`}`,
      {
        // The letters or the class say so too.
        fixes: [changeName(document, ['model_type'], near, spelling !== undefined || classes.length > 0)],
      },
    );
  },
};

/** Private fields (`_vocab_size` of PaliGemma) and ids of further special tokens are no slips of the pen. */
const isOwnName = (key: string): boolean => key.startsWith('_') || /^[a-z]{2,4}_token_id$/.test(key);

export const keyMisspelt: Rule = {
  code: 'key-misspelt',
  title: 'A key is nearly the name of a field that the model reads',
  severity: 'warning',
  kinds: ['config'],
  check({ document, parts }, report) {
    for (const part of parts) {
      if (part.familiarity === 'foreign') continue;
      for (const key of Object.keys(part.value)) {
        if (key.length < 6 || attentionKeys.has(key) || otherKnownKeys.has(key) || isOwnName(key)) continue;
        const limit = key.length >= 12 ? 2 : 1;
        const near = nearestName(key.toLowerCase(), attentionKeys, limit);
        if (near === undefined || key === `${near}s` || part.value[near] !== undefined) continue;
        const path = [...part.path, key];
        report(
          { keyOf: path },
          `"${key}" is read by no loader; did you mean "${near}"? As it stands the default is used.`,
          {
            part,
            fixes: [
              {
                title: `Rename the key to "${near}"`,
                changes: renameKey(document, path, near),
                preferred: true,
                certain: isOneSlip(key, near),
              },
            ],
          },
        );
      }
    }
  },
};
