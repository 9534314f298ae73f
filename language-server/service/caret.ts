import { findNodeAtOffset, getLocation } from 'jsonc-parser';
import type { JsonPath } from '../../models/formats/model-description';
import type { JsonDocument, Span } from './json-document';

export interface Completion {
  readonly label: string;
  readonly kind: 'key' | 'value' | 'snippet';
  readonly detail?: string;
  readonly documentation?: string;
  /** Replaces `span`; of a snippet with `$1` places. */
  readonly text: string;
  readonly span: Span;
}

/** Where something is about to be written. */
export interface Caret {
  readonly path: JsonPath;
  readonly atKey: boolean;
  /** The string that the caret is in, else its place. */
  readonly word: Span;
  /** At a key: the other keys of the object. */
  readonly present: ReadonlySet<unknown>;
  /** At a key: in `"key": value` the value stays as it is. */
  readonly hasValue: boolean;
}

export const caretAt = (document: JsonDocument, offset: number): Caret => {
  const location = getLocation(document.text, offset);
  const node = document.root === undefined ? undefined : findNodeAtOffset(document.root, offset, true);
  const string = node?.type === 'string' ? node : undefined;
  const path = location.path as JsonPath;
  const object = location.isAtPropertyKey ? document.node(path.slice(0, -1)) : undefined;
  const present = new Set(object?.children?.map((pair) => pair.children?.[0]?.value as unknown));
  if (string !== undefined) present.delete(string.value);
  return {
    path,
    atKey: location.isAtPropertyKey,
    word: string === undefined ? { offset, length: 0 } : { offset: string.offset, length: string.length },
    present,
    hasValue: string?.parent?.type === 'property' && string.parent.children?.[1] !== undefined,
  };
};
