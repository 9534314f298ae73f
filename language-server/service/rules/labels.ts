import type { JsonPath } from '../../../models/formats/model-description';
import type { JsonObject } from '../../../models/formats/config/config-reader';
import type { ConfigPart } from '../parts';
import { isObject } from '../json-document';
import { own } from '../own';
import { relatedField, renameKey, replaceValue } from '../places';
import type { ReportOptions, Rule, RuleContext } from './rule';

/** What transformers calls labels that nobody named. */
const isFiller = (label: string): boolean => /^LABEL_\d+$/.test(label);
/** Above this many, a fix would fill the screen. */
const mostRewritten = 200;

/**
 * Classes that have no use for labels: what they carry of them is left over (gogamza/kobart names two and counts three, and
 * writes texts).
 */
const hasNoLabels = ({ architectures }: JsonObject): boolean =>
  Array.isArray(architectures) &&
  architectures.length > 0 &&
  (architectures as readonly unknown[]).every(
    (name) =>
      typeof name === 'string' && /(ForConditionalGeneration|ForCausalLM|LMHeadModel|ForMaskedLM|Model)$/.test(name),
  );

/** An id as a key of JSON or a value of `label2id`, which training scripts write as text too. */
const asId = (value: unknown): number | undefined => {
  const id = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof id === 'number' && Number.isInteger(id) ? id : undefined;
};

interface Labels {
  readonly names: JsonObject;
  readonly ids: JsonObject;
}

interface Difference {
  readonly told: string;
  /** Both objects have the id, under two spellings: microsoft/resnet-50 shortened the names of 27 birds in one of them. */
  readonly isSpelling: boolean;
}

/**
 * The first place where one object is not the other turned round; a spelling only where there is nothing else. Of ids that
 * share a name (ImageNet has two cranes) `label2id` can hold one only, and any of them is right.
 */
const difference = ({ names, ids }: Labels): Difference | undefined => {
  const labelOf = new Map<number, string>();
  for (const [name, value] of Object.entries(ids)) {
    const id = asId(value);
    if (id !== undefined) labelOf.set(id, name);
  }
  let spelling: Difference | undefined;
  for (const [key, name] of Object.entries(names)) {
    if (typeof name !== 'string') continue;
    const id = asId(own(ids, name));
    if (id !== undefined) {
      if (own(names, String(id)) === name) continue;
      return {
        told: `id2label calls ${key} "${short(name)}", and label2id gives that label the id ${id}.`,
        isSpelling: false,
      };
    }
    const other = labelOf.get(Number(key));
    if (other === undefined || own(names, key) === other)
      return {
        told: `id2label calls ${key} "${short(name)}", and label2id has neither this label nor this id.`,
        isSpelling: false,
      };
    spelling ??= {
      told: `id2label calls ${key} "${short(name)}", and label2id calls it "${short(other)}".`,
      isSpelling: true,
    };
  }
  const surplus = [...labelOf].find(([id]) => typeof own(names, String(id)) !== 'string');
  if (surplus === undefined) return spelling;
  const [id, name] = surplus;
  return { told: `label2id gives "${short(name)}" the id ${id}, and id2label has no such id.`, isSpelling: false };
};

const short = (label: string): string => (label.length > 40 ? `${label.slice(0, 40)}…` : label);

/** `label2id` as it follows from `id2label`, indented by two spaces a level. */
const turnedRound = (names: JsonObject, path: JsonPath): string => {
  const ids = Object.entries(names).flatMap(([id, name]) =>
    typeof name === 'string' ? [[name, Number(id)] as const] : [],
  );
  const margin = '  '.repeat(path.length);
  return JSON.stringify(Object.fromEntries(ids), undefined, 2).replace(/\n/g, `\n${margin}`);
};

export const labelsContradict: Rule = {
  code: 'labels-contradict',
  title: 'id2label, label2id and num_labels do not fit together',
  severity: 'warning',
  kinds: ['config'],
  check(context, report) {
    for (const part of context.parts) {
      const { id2label: names, label2id: ids, num_labels: count } = part.value;
      const least = hasNoLabels(part.value) ? { severity: 'information' as const } : {};
      if (names === undefined && isObject(ids) && Object.keys(ids).length > 0 && !Object.keys(ids).every(isFiller)) {
        report(
          { keyOf: [...part.path, 'label2id'] },
          'label2id stands without id2label. transformers then names the labels LABEL_0, LABEL_1 and so on, in both; write id2label too.',
          { part, ...least },
        );
      }
      if (!isObject(names)) continue;
      const keys = Object.keys(names);
      // Labels are kept only where the text is whole JSON.
      if (keys.length === 0) continue;
      const at = [...part.path, 'id2label'];
      const odd = keys.find((key) => asId(key) === undefined);
      if (odd !== undefined) {
        const isExchanged = asId(names[odd]) !== undefined;
        const label2id = [...part.path, 'label2id'];
        report(
          { keyOf: at },
          `id2label has the key "${short(odd)}", and its keys must be whole numbers.${isExchanged ? ' It is label2id that leads from label to id.' : ''} Loaders stop at any other key.`,
          {
            part,
            severity: 'error',
            fixes:
              isExchanged && isObject(ids) && Object.keys(ids).every((key) => asId(key) !== undefined)
                ? [
                    {
                      title: 'Exchange the two keys',
                      changes: [
                        ...renameKey(context.document, at, 'label2id'),
                        ...renameKey(context.document, label2id, 'id2label'),
                      ],
                      preferred: true,
                    },
                  ]
                : [],
          },
        );
        continue;
      }
      if (isObject(ids)) compare(context, part, { names, ids }, least, report);
      if (typeof count === 'number' && Number.isInteger(count) && count !== keys.length) {
        const place = [...part.path, 'num_labels'];
        report(
          place,
          `num_labels is ${count}, and id2label names ${keys.length}. transformers takes the number from id2label, so the classifier has ${keys.length} outputs.`,
          {
            part,
            ...least,
            related: [relatedField(context.document, at, `id2label names ${keys.length}`)],
            fixes: [
              {
                title: `Change to ${keys.length}`,
                changes: replaceValue(context.document, place, String(keys.length)),
                preferred: false,
              },
            ],
          },
        );
      }
    }
  },
};

const compare = (
  { document }: RuleContext,
  part: ConfigPart,
  labels: Labels,
  least: Pick<ReportOptions, 'severity'>,
  report: Parameters<Rule['check']>[1],
): void => {
  const found = difference(labels);
  if (found === undefined) return;
  const path = [...part.path, 'label2id'];
  const named = Object.values(labels.names).filter((name) => typeof name === 'string');
  // A script that names the classes in one direction alone leaves the other as transformers fills it.
  const isLeft = Object.keys(labels.ids).every(isFiller) && !named.some(isFiller);
  const options: ReportOptions = {
    part,
    ...least,
    related: [relatedField(document, [...part.path, 'id2label'], `id2label names ${named.length}`)],
    fixes:
      named.length > mostRewritten
        ? []
        : [
            {
              title: 'Write label2id as it follows from id2label',
              changes: replaceValue(document, path, turnedRound(labels.names, path)),
              preferred: isLeft,
            },
          ],
  };
  if (isLeft) {
    report(
      { keyOf: path },
      'label2id has the names that transformers fills in, and id2label has others. Whoever looks a label up by its name does not find it.',
      { ...options, severity: 'information' },
    );
    return;
  }
  report(
    { keyOf: path },
    `${found.told} What the model predicts and what it is trained on would have different names.`,
    found.isSpelling ? { ...options, severity: 'information' } : options,
  );
};
