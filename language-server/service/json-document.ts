import { getNodePath, getNodeValue } from 'jsonc-parser';
import type { Node } from 'jsonc-parser';
import type { JsonPath, JsonValue } from '../../models/formats/model-description';
import { readTree } from './json-tree';

export interface Position {
  /** From 0. */
  readonly line: number;
  /** UTF-16 code units from the start of the line, from 0, as LSP counts. */
  readonly character: number;
}

export interface Range {
  readonly start: Position;
  readonly end: Position;
}

/** A piece of the text, in UTF-16 code units. */
export interface Span {
  readonly offset: number;
  readonly length: number;
}

/**
 * Brackets open at once. Hugging Face files stay under 12; the parser is recursive and would end the process on a file
 * made of brackets alone.
 */
export const deepestNesting = 200;

/** Code units of a document that is looked at; the index file of a 1-trillion-parameter model has about 10 million. */
export const longestText = 32 * 1024 * 1024;

/** Entries of objects and lists; an index of the largest models has 150,000. Each takes some 300 bytes in the tree. */
export const mostEntries = 500_000;

export type Unread = 'too-deep' | 'too-long' | 'too-many';

/** Why a text is too much to be parsed: its length, or brackets and commas outside strings. */
export const unreadable = (text: string): Unread | undefined => {
  if (text.length > longestText) return 'too-long';
  let depth = 0;
  let entries = 0;
  let inString = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (inString) {
      if (code === 92) index += 1;
      else if (code === 34 || code === 10) inString = false;
    } else if (code === 34) inString = true;
    else if (code === 44) entries += 1;
    else if (code === 123 || code === 91) {
      depth += 1;
      entries += 1;
      if (depth > deepestNesting) return 'too-deep';
    } else if (code === 125 || code === 93) depth -= 1;
  }
  return entries > mostEntries ? 'too-many' : undefined;
};

/** Objects with fewer keys than this are searched one by one. */
const fewKeys = 16;

/** A JSON text as a tree with positions. Parsing never fails: what cannot be read is missing from the tree. */
export class JsonDocument {
  readonly root: Node | undefined;
  /** Entries that lack a value or an end: the text is being typed, and what is absent of them may yet come. */
  readonly unfinished: readonly Node[];
  /** The reason why the text was not parsed at all. */
  readonly unread: Unread | undefined;
  /** Pairs of large objects by key: a rule that asks for each of 100,000 keys would search 100,000 times. */
  private readonly pairs = new WeakMap<Node, ReadonlyMap<unknown, Node>>();
  private lineStarts: number[] | undefined;
  private plainValue: JsonValue | undefined;

  constructor(
    readonly uri: string,
    readonly text: string,
  ) {
    this.unread = unreadable(text);
    const tree = this.unread === undefined ? readTree(text) : undefined;
    this.root = tree?.root;
    this.unfinished = tree?.unfinished ?? [];
  }

  /** The plain value; of a key written twice the last one, as JSON.parse has it. */
  get value(): JsonValue | undefined {
    this.plainValue ??= this.root === undefined ? undefined : this.readValue(this.root);
    return this.plainValue;
  }

  private readValue(root: Node): JsonValue {
    try {
      // Several times faster than walking the tree, and most texts are whole most of the time.
      return JSON.parse(this.text) as JsonValue;
    } catch {
      return getNodeValue(root) as JsonValue;
    }
  }

  /** The value at a path; of a key written twice the last one, as in `value`. */
  node(path: JsonPath): Node | undefined {
    let node = this.root;
    for (const step of path) {
      const children = node?.children ?? [];
      if (typeof step === 'number') node = node?.type === 'array' ? children[step] : undefined;
      else if (node?.type !== 'object') node = undefined;
      else node = this.pairOf(node, step)?.children?.[1];
    }
    return node;
  }

  /** The last pair with a key. A key that has no value yet stands for nothing. */
  private pairOf(object: Node, key: string): Node | undefined {
    const pairs = object.children ?? [];
    const holds = (pair: Node): boolean => (pair.children?.length ?? 0) > 1;
    if (pairs.length <= fewKeys) return pairs.findLast((pair) => pair.children?.[0]?.value === key && holds(pair));
    let known = this.pairs.get(object);
    if (known === undefined) {
      known = new Map(pairs.filter(holds).map((pair) => [pair.children?.[0]?.value as unknown, pair]));
      this.pairs.set(object, known);
    }
    return known.get(key);
  }

  /** The `"key": value` pair at a path that ends in a key. */
  property(path: JsonPath): Node | undefined {
    const parent = this.node(path)?.parent;
    return parent?.type === 'property' ? parent : undefined;
  }

  /** The key at a path, quotes included. */
  key(path: JsonPath): Node | undefined {
    return this.property(path)?.children?.[0];
  }

  pathOf(node: Node): JsonPath {
    return getNodePath(node);
  }

  get starts(): readonly number[] {
    if (this.lineStarts === undefined) {
      this.lineStarts = [0];
      for (let index = this.text.indexOf('\n'); index !== -1; index = this.text.indexOf('\n', index + 1)) {
        this.lineStarts.push(index + 1);
      }
    }
    return this.lineStarts;
  }

  positionAt(offset: number): Position {
    const starts = this.starts;
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low, character: offset - (starts[low] ?? 0) };
  }

  offsetAt(position: Position): number {
    const start = this.starts[position.line];
    if (start === undefined) return this.text.length;
    const next = this.starts[position.line + 1] ?? this.text.length;
    return Math.min(start + position.character, next);
  }

  rangeOf(span: Span): Range {
    return { start: this.positionAt(span.offset), end: this.positionAt(span.offset + span.length) };
  }
}

export const isObject = (value: JsonValue | undefined): value is { readonly [key: string]: JsonValue | undefined } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isNumberList = (value: JsonValue | undefined): value is readonly number[] =>
  Array.isArray(value) && (value as readonly JsonValue[]).every((item) => typeof item === 'number');
