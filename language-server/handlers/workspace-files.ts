import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { OwnFamily } from '../../models/formats/families/own-family-schema';
import { noFacts } from '../service/folder-facts';
import type { FolderFacts } from '../service/folder-facts';
import { readModelFile } from '../service/model-file';
import type { ModelFile } from '../service/model-file';
import { containedPath, FolderReader, readText } from '../workspace/folder-reader';
import type { Repositories } from '../workspace/repositories';

/** The path of a `file:` address; other schemes have no folder that could be read. */
export const pathOfUri = (uri: string): string | undefined => {
  try {
    return uri.startsWith('file:') ? fileURLToPath(uri) : undefined;
  } catch {
    return undefined;
  }
};

export const folderOfUri = (uri: string): string | undefined => {
  const file = pathOfUri(uri);
  return file === undefined ? undefined : path.dirname(file);
};

interface OpenDocuments {
  get(uri: string): TextDocument | undefined;
  all(): TextDocument[];
}

/** Model files as the handlers want them: those open in the editor parsed once a version, others read from disk. */
export class WorkspaceFiles {
  private readonly parsed = new WeakMap<TextDocument, { readonly version: number; readonly file: ModelFile }>();
  private readonly reader: FolderReader;

  constructor(
    private readonly documents: OpenDocuments,
    private readonly repositories: Repositories,
  ) {
    this.reader = new FolderReader((file) =>
      documents
        .all()
        .find(({ uri }) => pathOfUri(uri) === file)
        ?.getText(),
    );
  }

  /** The file of an open document at its present version. */
  async open(document: TextDocument): Promise<ModelFile> {
    const families = await this.familiesFor(document.uri);
    const known = this.parsed.get(document);
    if (known?.version === document.version && isDeepStrictEqual(known.file.families, families)) return known.file;
    const file = readModelFile(document.uri, document.getText(), families);
    this.parsed.set(document, { version: document.version, file });
    return file;
  }

  /** Families that the repository of a file describes. */
  private async familiesFor(uri: string): Promise<readonly OwnFamily[]> {
    const folder = folderOfUri(uri);
    const repository = folder === undefined ? undefined : await this.repositories.forFolder(folder);
    return repository?.settings.families ?? [];
  }

  /** The file at an address, open or not; undefined when it cannot be read or is no plain file of its folder. */
  async at(uri: string): Promise<ModelFile | undefined> {
    const document = this.documents.get(uri);
    if (document !== undefined) return this.open(document);
    const file = pathOfUri(uri);
    if (file === undefined) return undefined;
    const source = await containedPath(path.dirname(file), path.basename(file));
    if (source === undefined) return undefined;
    const text = await readText(source).catch(() => undefined);
    return text === undefined ? undefined : readModelFile(uri, text, await this.familiesFor(uri));
  }

  async facts(uri: string): Promise<FolderFacts> {
    const folder = folderOfUri(uri);
    return folder === undefined ? noFacts : this.reader.facts(folder, path.basename(pathOfUri(uri) ?? ''));
  }

  factsOfFolder(folder: string): Promise<FolderFacts> {
    return this.reader.facts(folder);
  }

  /** True of a file that an editor holds as a text document. */
  isOpen(file: string): boolean {
    return this.documents.all().some(({ uri }) => pathOfUri(uri) === file);
  }

  forget(folder: string): void {
    this.reader.forget(folder);
  }
}
