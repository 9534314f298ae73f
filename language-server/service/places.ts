import type { JsonPath } from '../../models/formats/model-description';
import type { Fix, Related, TextChange } from './finding';
import type { JsonDocument, Span } from './json-document';

const whole = (document: JsonDocument): Span => ({ offset: document.root?.offset ?? 0, length: 1 });

/** The value at a path; where there is none, the nearest object above it. */
export const spanOf = (document: JsonDocument, path: JsonPath): Span => {
  if (path.length === 0) return whole(document);
  const node = document.node(path);
  if (node !== undefined) {
    // A long object or list would underline half the file: its key is enough.
    const isLong = (node.type === 'object' || node.type === 'array') && node.length > 120;
    const key = isLong ? document.key(path) : undefined;
    const found = key ?? node;
    return isLong && key === undefined
      ? { offset: node.offset, length: 1 }
      : { offset: found.offset, length: found.length };
  }
  return spanOf(document, path.slice(0, -1));
};

export const spanOfKey = (document: JsonDocument, path: JsonPath): Span => {
  const key = document.key(path);
  return key === undefined ? spanOf(document, path) : { offset: key.offset, length: key.length };
};

export const relatedField = (document: JsonDocument, path: JsonPath, message: string): Related => ({
  message,
  place: { span: spanOf(document, path) },
});

/** Puts another text in place of the value at a path. */
export const replaceValue = (document: JsonDocument, path: JsonPath, text: string): readonly TextChange[] => {
  const node = document.node(path);
  return node === undefined ? [] : [{ offset: node.offset, length: node.length, text }];
};

/** The one fix of a name that is surely meant otherwise; `certain` where the file leaves no other reading. */
export const changeName = (document: JsonDocument, path: JsonPath, name: string, certain = false): Fix => ({
  title: `Change to "${name}"`,
  changes: replaceValue(document, path, JSON.stringify(name)),
  preferred: true,
  certain,
});

/** Puts a pair before the first one of the file's object, spaced as that one is. */
export const insertFirst = (document: JsonDocument, key: string, text: string): readonly TextChange[] => {
  const { root } = document;
  const first = root?.type === 'object' ? root.children?.[0] : undefined;
  if (root === undefined || first === undefined) return [];
  const space = document.text.slice(root.offset + 1, first.offset);
  return /^\s*$/.test(space)
    ? [{ offset: first.offset, length: 0, text: `${JSON.stringify(key)}: ${text},${space === '' ? ' ' : space}` }]
    : [];
};

export const renameKey = (document: JsonDocument, path: JsonPath, name: string): readonly TextChange[] => {
  const key = document.key(path);
  return key === undefined ? [] : [{ offset: key.offset, length: key.length, text: JSON.stringify(name) }];
};

/** Takes the pair at a path out, with the comma that no longer separates anything and the line break before it. */
export const removeProperty = (document: JsonDocument, path: JsonPath): readonly TextChange[] => {
  const property = document.property(path);
  const siblings = property?.parent?.children;
  if (property === undefined || siblings === undefined) return [];
  const index = siblings.indexOf(property);
  const previous = siblings[index - 1];
  const next = siblings[index + 1];
  const end = property.offset + property.length;
  if (previous !== undefined) {
    const start = previous.offset + previous.length;
    return [{ offset: start, length: end - start, text: '' }];
  }
  const stop = next?.offset ?? end;
  return [{ offset: property.offset, length: stop - property.offset, text: '' }];
};
