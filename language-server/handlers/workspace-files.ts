import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { lastName } from '../../models/formats/adapter/describe-adapter';
import type { OwnFamily } from '../../models/formats/workspace-family';
import { isFormOf } from '../../models/formats/gguf/other-form';
import { otherKind } from '../../models/formats/read-other';
import { noFacts } from '../service/folder-facts';
import type { BaseFact, FolderFacts } from '../service/folder-facts';
import { readModelFile } from '../service/model-file';
import type { ModelFile } from '../service/model-file';
import { containedPath, FolderReader, readText } from '../workspace/folder-reader';
import type { Repositories } from '../workspace/repositories';
import { BaseModels } from '../workspace/other-models';

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
  private readonly bases = new BaseModels();

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
    const file = readModelFile(document.uri, document.getText(), { families });
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
    return text === undefined ? undefined : readModelFile(uri, text, { families: await this.familiesFor(uri) });
  }

  /** The file at an address that a person opened as a model: it is read whatever program it belongs to. */
  async asModel(uri: string): Promise<ModelFile | undefined> {
    const file = await this.at(uri);
    if (file === undefined || file.kind !== undefined) return file;
    return readModelFile(uri, file.document.text, { families: file.families, isAsked: true });
  }

  /** The text at an address, as the editor shows it or from the disk. */
  async textAt(uri: string): Promise<string | undefined> {
    const file = pathOfUri(uri);
    if (file === undefined) return undefined;
    const open = this.documents.all().find((document) => pathOfUri(document.uri) === file);
    return open === undefined ? readText(file).catch(() => undefined) : open.getText();
  }

  async facts(uri: string): Promise<FolderFacts> {
    const file = pathOfUri(uri);
    if (file === undefined) return noFacts;
    const facts = await this.reader.facts(path.dirname(file), path.basename(file));
    const base = otherKind(file) === 'adapter' ? await this.baseOf(file) : undefined;
    return base === undefined ? facts : { ...facts, base };
  }

  /** The configs that are listed as models, in which the base of an adapter is looked for. */
  remember(uris: readonly string[]): void {
    this.bases.remember(uris.flatMap((uri) => pathOfUri(uri) ?? []));
  }

  /** The base model of the adapter whose adapter_config.json this is, where it is listed. */
  async baseOf(adapter: string): Promise<BaseFact | undefined> {
    const config = await this.bases.configOf(adapter);
    if (config === undefined) return undefined;
    const uri = pathToFileURL(config).href;
    const description = (await this.at(uri))?.description;
    return description === undefined ? undefined : { label: lastName(path.dirname(config)), uri, description };
  }

  /** URI of the config beside a GGUF file, if weights lie beside it too and are of the model that the file holds. */
  async checkpointBeside(gguf: string): Promise<string | undefined> {
    const folder = path.dirname(gguf);
    const uri = pathToFileURL(path.join(folder, 'config.json')).href;
    const description = (await this.at(uri))?.description;
    if (description === undefined || !(await isFormOf(gguf, description))) return undefined;
    const { shards } = await this.reader.facts(folder);
    return [...shards.values()].some(({ pointer }) => !pointer) ? uri : undefined;
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
