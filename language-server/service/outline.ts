import type { Node } from 'jsonc-parser';
import type { Range } from './json-document';
import type { ModelFile } from './model-file';

export interface OutlineEntry {
  readonly name: string;
  readonly detail: string;
  readonly kind: 'object' | 'list' | 'number' | 'text' | 'flag' | 'null';
  readonly range: Range;
  readonly keyRange: Range;
  readonly children: readonly OutlineEntry[];
}

const mostChildren = 2000;
const kinds = {
  object: 'object',
  array: 'list',
  number: 'number',
  string: 'text',
  boolean: 'flag',
  null: 'null',
} as const;

/** The file as an outline: one entry a key, lists by their length. */
export const outline = (file: ModelFile): readonly OutlineEntry[] => {
  if (file.kind === undefined) return [];
  const { document } = file;
  const entries = (node: Node | undefined, depth: number): readonly OutlineEntry[] =>
    node?.type !== 'object' || depth > 6
      ? []
      : (node.children ?? []).slice(0, mostChildren).flatMap((pair) => {
          const [key, value] = pair.children ?? [];
          if (key === undefined) return [];
          const type = value?.type;
          const detail =
            value === undefined
              ? ''
              : type === 'array'
                ? `${value.children?.length ?? 0} entries`
                : type === 'object'
                  ? ''
                  : String(value.value).slice(0, 60);
          return [
            {
              // An outline entry must have a name.
              name: String(key.value) === '' ? '""' : String(key.value),
              detail,
              kind: type === undefined || type === 'property' ? ('null' as const) : kinds[type],
              range: document.rangeOf(pair),
              keyRange: document.rangeOf(key),
              children: entries(value, depth + 1),
            },
          ];
        });
  return entries(document.root, 0);
};
