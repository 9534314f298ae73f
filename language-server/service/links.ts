import type { FolderFacts } from './folder-facts';
import type { Range } from './json-document';
import type { ModelFile } from './model-file';

export interface FileLink {
  readonly range: Range;
  /** Name of a file of the same folder. */
  readonly file: string;
}

const mostLinks = 5000;

/** Texts of the file that name a file of its folder: shards of an index, graphs, processor and tokenizer files. */
export const fileLinks = (file: ModelFile, facts: FolderFacts): readonly FileLink[] => {
  if (file.kind === undefined) return [];
  const links: FileLink[] = [];
  const { document } = file;
  const visit = (node: (typeof document)['root']): void => {
    if (node === undefined || links.length >= mostLinks) return;
    if (node.type === 'string' && node.parent?.type === 'property' && node.parent.children?.[0] === node) return;
    if (node.type === 'string') {
      const name = node.value as unknown;
      if (typeof name === 'string' && /\.[a-z_]+$/.test(name) && facts.files.has(name)) {
        links.push({
          range: document.rangeOf({ offset: node.offset + 1, length: Math.max(0, node.length - 2) }),
          file: name,
        });
      }
    }
    node.children?.forEach(visit);
  };
  visit(document.root);
  return links;
};
