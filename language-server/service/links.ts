import type { FolderFacts } from './folder-facts';
import type { Range } from './json-document';
import type { ModelFile } from './model-file';

export interface FileLink {
  readonly range: Range;
  /** Name of a file of the same folder. */
  readonly file: string;
  /** Address of a file elsewhere: the base model of an adapter. */
  readonly uri?: string;
}

/** Address of a file beside another. */
export const siblingUri = (uri: string, name: string): string =>
  `${uri.slice(0, uri.lastIndexOf('/') + 1)}${encodeURIComponent(name)}`;

const mostLinks = 5000;

/** Texts that name a file of the folder (shards of an index, graphs, processor and tokenizer files), or the base of an adapter. */
export const fileLinks = (file: ModelFile, facts: FolderFacts): readonly FileLink[] => {
  if (file.kind === undefined) return [];
  const links: FileLink[] = [];
  const { document } = file;
  const visit = (node: (typeof document)['root']): void => {
    if (node === undefined || links.length >= mostLinks) return;
    if (node.type === 'string' && node.parent?.type === 'property' && node.parent.children?.[0] === node) return;
    const key = node.parent?.type === 'property' ? (node.parent.children?.[0]?.value as unknown) : undefined;
    const base = file.kind === 'adapter' && key === 'base_model_name_or_path' ? facts.base : undefined;
    if (node.type === 'string') {
      const range = document.rangeOf({ offset: node.offset + 1, length: Math.max(0, node.length - 2) });
      const name = node.value as unknown;
      if (typeof name === 'string' && /\.[a-z_]+$/.test(name) && facts.files.has(name)) {
        links.push({ range, file: name });
      } else if (base !== undefined) links.push({ range, file: base.label, uri: base.uri });
    }
    node.children?.forEach(visit);
  };
  visit(document.root);
  return links;
};
