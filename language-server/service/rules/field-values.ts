import { describe } from '../../../models/formats/config/config-reader';
import type { JsonPath, JsonValue } from '../../../models/formats/model-description';
import type { ConfigPart } from '../parts';
import { typeOfField, withoutQuotes } from '../field-types';
import type { Fix } from '../finding';
import { attentionKeys } from '../key-names';
import { fileKinds } from '../file-kind';
import { deepestNesting, isObject, mostEntries } from '../json-document';
import type { JsonDocument, Unread } from '../json-document';
import { replaceValue } from '../places';
import type { Report, Rule, RuleContext } from './rule';

/** The innermost part that a path leads into. */
const partOf = (parts: readonly ConfigPart[], path: JsonPath): ConfigPart | undefined =>
  parts
    .filter((one) => one.path.length < path.length && one.path.every((key, index) => path[index] === key))
    .reduce<ConfigPart | undefined>(
      (best, one) => (best === undefined || one.path.length > best.path.length ? one : best),
      undefined,
    );

const unquoted = (document: JsonDocument, path: JsonPath, value: JsonValue | undefined): readonly Fix[] => {
  const key = path.findLast((step) => typeof step === 'string');
  const text = typeof key === 'string' ? withoutQuotes(key, value) : undefined;
  if (text === undefined) return [];
  return [{ title: `Change to ${text}`, changes: replaceValue(document, path, text), preferred: true }];
};

/** Objects of settings inside of a part, and the forms of rotary embedding, whose fields have the types of `typeOfField` too. */
const settings = /^(quantization_config|rope_scaling|rope_parameters)$/;

/** Numbers, ids and booleans between quotes, in objects that hold fields of a model. */
const checkQuoted = ({ document, kind, parts }: RuleContext, told: ReadonlySet<string>, report: Report): void => {
  const look = (path: JsonPath, key: string, value: JsonValue | undefined, part: ConfigPart | undefined): void => {
    const fixes = unquoted(document, path, value);
    if (fixes.length === 0 || value === undefined || told.has(path.join('.'))) return;
    const isBoolean = typeOfField(key) === 'boolean';
    const why = isBoolean
      ? 'Loaders take any text for true, even "false".'
      : 'Loaders do not turn a text into a number.';
    report(path, `${key} should be ${isBoolean ? 'true or false' : 'a number'}, and is ${describe(value)}. ${why}`, {
      part,
      fixes,
    });
  };
  const visit = (holder: JsonValue | undefined, at: JsonPath, part: ConfigPart | undefined): void => {
    if (!isObject(holder)) return;
    for (const [key, value] of Object.entries(holder)) {
      const path = [...at, key];
      if (typeof value === 'string') look(path, key, value, part);
      else if (Array.isArray(value)) {
        if (typeOfField(key) !== 'number') continue;
        (value as readonly JsonValue[]).forEach((item, index) => look([...path, index], key, item, part));
      } else if (settings.test(key)) visit(value, path, part);
    }
  };
  if (kind !== 'config') visit(document.value, [], undefined);
  for (const part of parts) visit(part.value, part.path, part);
};

export const fieldValue: Rule = {
  code: 'field-value',
  title: 'A field has a value of the wrong kind or out of range',
  severity: 'error',
  kinds: ['config', 'generation', 'preprocessor', 'processor', 'tokenizer', 'adapter'],
  check(context, report) {
    const { document, description, parts } = context;
    const told = new Set<string>();
    for (const { path, code, message } of description?.problems ?? []) {
      if (code !== 'wrong-type' && code !== 'out-of-range') continue;
      const node = document.node(path);
      if (node === undefined || path.length === 0 || node.type === 'null') continue;
      const key = path.findLast((step) => typeof step === 'string');
      const fixes = unquoted(document, path, node.value as JsonValue | undefined);
      // Fields beside these take lists and texts in some family or other, and pixel sizes may be pairs.
      const isSure = typeof key === 'string' && attentionKeys.has(key) && !/^(image|patch)_size$/.test(key);
      told.add(path.join('.'));
      report(path, message, {
        part: partOf(parts, path),
        fixes,
        ...(isSure || fixes.length > 0 ? {} : { severity: 'information' as const }),
      });
    }
    checkQuoted(context, told, report);
  },
};

export const fileNotRead: Rule = {
  code: 'file-not-read',
  title: 'The file cannot be read, or is too deep or too long',
  severity: 'error',
  kinds: fileKinds,
  check({ document }, report) {
    if (document.unread === undefined) return;
    const said: Readonly<Record<Unread, string>> = {
      'too-deep': `The file nests deeper than ${deepestNesting} levels and is not read. Model files have some ten levels.`,
      'too-long': `The file has ${document.text.length} characters and is not read. Model files are far shorter.`,
      'too-many': `The file has more than ${mostEntries} entries and is not read. Model files have far fewer.`,
    };
    report({ offset: 0, length: 1 }, said[document.unread]);
  },
};
