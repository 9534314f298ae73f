import {
  classFitsType,
  isOwnClass,
  knownModelTypes,
  otherModelTypes,
  typeOfClass,
} from '../../../models/formats/families/shared/class-names';
import type { JsonObject } from '../../../models/formats/config/config-reader';
import { isObject } from '../json-document';
import { plainLetters } from '../../../protocol/wire/nearest-name';
import { changeName, insertFirst, relatedField } from '../places';
import type { Rule } from './rule';

/** Names of models whose type is another one: each line is a release, with the type that its files say. */
const releases: readonly (readonly [name: RegExp, type: string])[] = [
  [/^(meta[-_ ]?)?(code[-_ ]?)?llama[-_ ]?v?[123]([._]\d)?$/, 'llama'],
  [/^(codellama|tinyllama|vicuna|smollm|smollm[-_ ]?2|falcon[-_ ]?3)$/, 'llama'],
  [/^mistral[-_ ]?(v?0[._]\d|nemo)$/, 'mistral'],
  [/^qwen[-_ ]?(1[._]5|2|2[._]5)$/, 'qwen2'],
  [/^qwen[-_ ]?(1[._]5|2|2[._]5)[-_ ]?moe$/, 'qwen2_moe'],
  [/^phi[-_ ]?(1|1[._]5|2)$/, 'phi'],
  [/^phi[-_ ]?(3|3[._]5|4)([-_ ]?(mini|medium))?$/, 'phi3'],
  [/^gemma[-_ ]?1([._]1)?$/, 'gemma'],
  [/^deepseek[-_ ]?v2[._]5$/, 'deepseek_v2'],
  [/^deepseek[-_ ]?(v3[._]1|r1)$/, 'deepseek_v3'],
  [/^deberta[-_ ]?v[23]$/, 'deberta-v2'],
  [/^flan[-_ ]?t5$/, 't5'],
];

/** A size, a date or a use at the end of a model's name: `-7b`, `-8x22b`, `-instruct`, `-base-uncased`, `-v0.3`, `-4k`. */
const ending =
  /[-_ ](\d+([._]\d+)?(x\d+)?[bmke]|a\d+b|v\d+([._]\d+)?|base|large|small|medium|mini|tiny|nano|xl|xxl|instruct|chat|it|hf|uncased|cased)$/;

/** Types that end like a model's name, and are types. */
const endsAlike: ReadonlySet<string> = new Set(['xlm-roberta-xl', 'mobilebert-uncased', 'gpt-sw3', 'glm-130b']);

let byLetters: ReadonlyMap<string, string> | undefined;
/** The type that has the same letters and digits: `Qwen3` and `gpt-oss` are spellings of types. */
export const typeByLetters = (name: string): string | undefined => {
  byLetters ??= new Map([...knownModelTypes].map((type) => [plainLetters(type), type]));
  return byLetters.get(plainLetters(name));
};

/** The type of the model that a name means: `llama-3.1-8b` and `Llama3` are llama. Undefined for a type, however spelt. */
const typeOfRelease = (name: string): string | undefined => {
  if (otherModelTypes.has(name) || endsAlike.has(name) || typeByLetters(name) !== undefined || name.length > 60)
    return undefined;
  let rest = name.toLowerCase().trim();
  for (;;) {
    const found = releases.find(([pattern]) => pattern.test(rest))?.[1] ?? typeByLetters(rest);
    if (found !== undefined) return knownModelTypes.has(found) ? found : undefined;
    const shorter = rest.replace(ending, '');
    if (shorter === rest) return undefined;
    rest = shorter;
  }
};

export const classesOf = ({ architectures }: JsonObject): readonly string[] =>
  Array.isArray(architectures)
    ? (architectures as readonly unknown[]).filter((name): name is string => typeof name === 'string')
    : [];

/**
 * The type that goes with a class. Families with a type for the text alone have one class for it (`…ForCausalLM`) and
 * others for text and images.
 */
const typeByClass = (architecture: string): string | undefined => {
  const found = typeOfClass(architecture);
  if (found === undefined) return undefined;
  const text = [`${found.type}_text`, `${found.type}_text_model`].find((type) => knownModelTypes.has(type));
  return text !== undefined && architecture.slice(found.stem.length) === 'ForCausalLM' ? text : found.type;
};

/** A type that was guessed from a name, as the classes of the file allow it: undefined where they are of another one. */
export const confirmed = (type: string | undefined, root: JsonObject): string | undefined => {
  const classes = classesOf(root);
  if (type === undefined || classes.length === 0) return type;
  // A class of its own shows a type of its own: llama_tiny of LlamaTinyForCausalLM.
  const fitting = classes.find((name) => classFitsType(name, type) && !isOwnClass(name, type, false));
  if (fitting === undefined) return undefined;
  const byClass = typeByClass(fitting);
  return byClass?.startsWith(`${type}_text`) === true ? byClass : type;
};

/** The type that the name of a release in model_type means; remote code names its type as it likes. */
export const releaseIn = (root: JsonObject): string | undefined => {
  const modelType = root['model_type'];
  if (typeof modelType !== 'string' || modelType === '' || root['auto_map'] !== undefined) return undefined;
  return confirmed(typeOfRelease(modelType), root);
};

export const modelTypeRelease: Rule = {
  code: 'model-type-release',
  title: 'model_type is the name of a model, and not of a type',
  severity: 'warning',
  kinds: ['config'],
  check({ document, parts }, report) {
    const root = parts[0];
    const type = root === undefined ? undefined : releaseIn(root.value);
    if (root === undefined || type === undefined) return;
    report(
      ['model_type'],
      `${JSON.stringify(root.value['model_type'])} is the name of a model; its type is "${type}". Loaders choose the class by model_type and refuse a name that they do not know.`,
      {
        // The class says so too.
        fixes: [changeName(document, ['model_type'], type, classesOf(root.value).length > 0)],
      },
    );
  },
};

export const modelTypeMissing: Rule = {
  code: 'model-type-missing',
  title: 'model_type is missing, and architectures says which it is',
  severity: 'information',
  kinds: ['config'],
  check({ document, parts }, report) {
    const root = parts[0];
    if (root === undefined || isObject(root.value['auto_map']) || root.value['_class_name'] !== undefined) return;
    const written = root.value['model_type'];
    if (written !== undefined && written !== null && written !== '') return;
    const [first] = classesOf(root.value);
    const type = first === undefined ? undefined : typeByClass(first);
    if (first === undefined || type === undefined) return;
    const text = JSON.stringify(type);
    report(
      { keyOf: ['architectures'] },
      `There is no model_type. ${first} is a class of ${type}; loaders that choose by model_type do not know what the file is.`,
      {
        related: [relatedField(document, ['architectures', 0], `the class is ${first}`)],
        fixes: [
          written === undefined
            ? {
                title: `Add "model_type": ${text}`,
                changes: insertFirst(document, 'model_type', text),
                preferred: true,
              }
            : changeName(document, ['model_type'], type),
        ],
      },
    );
  },
};
