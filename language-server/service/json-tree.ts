import { createScanner } from 'jsonc-parser';
import type { JSONScanner, Node, NodeType } from 'jsonc-parser';

/**
 * Objects whose entries nobody asks for. Image classifiers write up to a megabyte of class names into their config, and
 * three nodes an entry made the server slow and large (2026-11, 31,000 labels: 69 ms a keystroke, 179 MB).
 */
const closedObjects: ReadonlySet<string> = new Set(['id2label', 'label2id']);

/** `SyntaxKind` and `ScanError` of jsonc-parser 3.3, which are constants of its declarations alone. */
const kinds = {
  openBrace: 1,
  closeBrace: 2,
  openBracket: 3,
  closeBracket: 4,
  comma: 5,
  colon: 6,
  nullWord: 7,
  trueWord: 8,
  falseWord: 9,
  text: 10,
  number: 11,
  unknown: 16,
  end: 17,
} as const;
const unexpectedEndOfString = 2;

/** A node while it grows. */
type Open = { -readonly [Key in keyof Node]: Node[Key] };

export interface Tree {
  readonly root: Node | undefined;
  /** Keys without a value, strings, objects and lists without an end, entries without a comma after them: what is being typed. */
  readonly unfinished: readonly Node[];
}

/**
 * Reads a text token by token. Where something is missing, as little as possible is given up: the library's parser leaves
 * out everything up to the next comma, and so the entry after a half-typed key or value.
 */
class TreeReader {
  private readonly scanner: JSONScanner;
  private token: number;
  readonly unfinished: Node[] = [];

  constructor(private readonly text: string) {
    this.scanner = createScanner(text, true);
    this.token = this.scanner.scan();
  }

  read(): Node | undefined {
    while (this.token !== kinds.end) {
      const node = this.value(undefined, true);
      if (node !== undefined) return node;
      this.next();
    }
    return undefined;
  }

  private next(): void {
    this.token = this.scanner.scan();
  }

  private is(kind: number): boolean {
    return this.token === kind;
  }

  private get offset(): number {
    return this.scanner.getTokenOffset();
  }

  private get end(): number {
    return this.scanner.getTokenOffset() + this.scanner.getTokenLength();
  }

  /** True of a string that a colon follows: in a value's place it is the key of the next entry. */
  private isKey(): boolean {
    if (this.token !== kinds.text) return false;
    let at = this.end;
    while (at < this.text.length && /\s/.test(this.text.charAt(at))) at += 1;
    return this.text[at] === ':';
  }

  /** The value that begins at the present token; undefined, with the token left where it is, when none does. */
  private value(parent: Open | undefined, keep: boolean): Open | undefined {
    switch (this.token) {
      case kinds.openBrace:
        return this.object(parent, keep);
      case kinds.openBracket:
        return this.list(parent, keep);
      case kinds.text:
        return this.literal('string', this.scanner.getTokenValue(), parent);
      case kinds.number:
        return this.literal('number', Number(this.scanner.getTokenValue()), parent);
      case kinds.trueWord:
        return this.literal('boolean', true, parent);
      case kinds.falseWord:
        return this.literal('boolean', false, parent);
      case kinds.nullWord:
        return this.literal('null', null, parent);
      default:
        return undefined;
    }
  }

  private literal(type: NodeType, value: unknown, parent: Open | undefined): Open {
    const node: Open = {
      type,
      offset: this.offset,
      length: this.scanner.getTokenLength(),
      value,
      ...(parent && { parent }),
    };
    if ((this.scanner.getTokenError() as number) === unexpectedEndOfString) this.unfinished.push(node);
    this.next();
    return node;
  }

  private begin(type: NodeType, parent: Open | undefined): Open & { children: Node[] } {
    return { type, offset: this.offset, length: 1, children: [], ...(parent && { parent }) };
  }

  /** Ends an object or a list at its bracket, or, where that is missing, before the token that cannot belong to it. */
  private close(node: Open, bracket: number, last: number): Open {
    if (this.token === bracket) {
      node.length = this.end - node.offset;
      this.next();
    } else {
      node.length = last - node.offset;
      this.unfinished.push(node);
    }
    return node;
  }

  private object(parent: Open | undefined, keep: boolean): Open {
    const node = this.begin('object', parent);
    let last = this.end;
    this.next();
    for (;;) {
      if (this.token === kinds.text) {
        const entry = this.property(node, keep);
        if (keep) node.children.push(entry);
        last = entry.offset + entry.length;
        // A number may continue.
        if (this.token === kinds.text) this.unfinished.push(entry);
        continue;
      }
      if (this.token === kinds.closeBrace || this.token === kinds.end) break;
      if (this.token === kinds.closeBracket && parent?.type === 'array') break;
      if (this.token !== kinds.comma) this.unfinished.push(node);
      last = this.end;
      // A value without a key belongs to nothing.
      if (this.value(undefined, false) === undefined) this.next();
    }
    return this.close(node, kinds.closeBrace, last);
  }

  private property(parent: Open, keep: boolean): Open {
    const node = this.begin('property', parent);
    const key = this.literal('string', this.scanner.getTokenValue(), node);
    node.children.push(key);
    node.length = key.length;
    let value: Open | undefined;
    if (this.token === kinds.colon) {
      node.colonOffset = this.offset;
      node.length = this.end - node.offset;
      this.next();
      // A word that is none of JSON's, half typed or Python's.
      if (this.is(kinds.unknown)) this.next();
      else if (!this.isKey()) value = this.value(node, keep && !closedObjects.has(String(key.value)));
    }
    if (value === undefined) this.unfinished.push(node);
    else {
      node.children.push(value);
      node.length = value.offset + value.length - node.offset;
    }
    return node;
  }

  private list(parent: Open | undefined, keep: boolean): Open {
    const node = this.begin('array', parent);
    let last = this.end;
    this.next();
    for (;;) {
      if (this.token === kinds.closeBracket || this.token === kinds.end) break;
      if (parent?.type === 'property' && (this.token === kinds.closeBrace || this.isKey())) break;
      last = this.end;
      const value = this.value(node, keep);
      if (value === undefined) this.next();
      else {
        last = value.offset + value.length;
        if (keep) node.children.push(value);
      }
    }
    return this.close(node, kinds.closeBracket, last);
  }
}

/** The tree of a text, as `parseTree` of jsonc-parser makes it of a whole one, but for the entries of closed objects. */
export const readTree = (text: string): Tree => {
  const reader = new TreeReader(text);
  const root = reader.read();
  return { root, unfinished: reader.unfinished };
};
