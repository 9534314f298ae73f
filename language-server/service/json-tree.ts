import { visit } from 'jsonc-parser';
import type { Node, NodeType } from 'jsonc-parser';

/**
 * Objects whose entries nobody asks for. Image classifiers write up to a megabyte of class names into their config, and
 * three nodes an entry made the server slow and large (2026-11, 31,000 labels: 69 ms a keystroke, 179 MB).
 */
const closedObjects: ReadonlySet<unknown> = new Set(['id2label', 'label2id']);

/** A node while it grows. */
type Open = { -readonly [Key in keyof Node]: Node[Key] } & { children: Node[] };

const typeOf = (value: unknown): NodeType => {
  if (value === null) return 'null';
  const type = typeof value;
  return type === 'boolean' || type === 'number' ? type : 'string';
};

/** The tree of a text, as `parseTree` of jsonc-parser makes it, but for the entries of closed objects. */
export const readTree = (text: string): Node | undefined => {
  const top: Open = { type: 'array', offset: -1, length: -1, children: [] };
  let parent = top;
  const up = (): void => {
    parent = (parent.parent ?? top) as Open;
  };
  const add = (node: Node): void => {
    parent.children.push(node);
  };
  const begin = (type: NodeType, offset: number): void => {
    const node: Open = { type, offset, length: -1, parent, children: [] };
    add(node);
    parent = node;
  };
  const endProperty = (end: number): void => {
    if (parent.type !== 'property') return;
    parent.length = end - parent.offset;
    up();
  };
  const end = (offset: number, length: number): void => {
    endProperty(offset + length);
    parent.length = offset + length - parent.offset;
    up();
    endProperty(offset + length);
  };
  visit(
    text,
    {
      onObjectBegin: (offset) => {
        const isClosed = parent.type === 'property' && closedObjects.has(parent.children[0]?.value);
        begin('object', offset);
        return !isClosed;
      },
      onObjectProperty: (name, offset, length) => {
        begin('property', offset);
        add({ type: 'string', value: name, offset, length, parent });
      },
      onObjectEnd: end,
      onArrayBegin: (offset) => begin('array', offset),
      onArrayEnd: end,
      onLiteralValue: (value: unknown, offset, length) => {
        add({ type: typeOf(value), offset, length, parent, value });
        endProperty(offset + length);
      },
      onSeparator: (separator, offset) => {
        if (parent.type !== 'property') return;
        if (separator === ':') parent.colonOffset = offset;
        else if (separator === ',') endProperty(offset);
      },
    },
    { allowTrailingComma: true, disallowComments: false, allowEmptyContent: true },
  );
  const root = top.children[0] as Open | undefined;
  delete root?.parent;
  return root;
};
