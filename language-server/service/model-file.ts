import { describeModel } from '../../models/formats/describe-model';
import type { OwnFamily } from '../../models/formats/workspace-family';
import type { ModelDescription } from '../../models/formats/model-description';
import { partsOf } from './parts';
import type { ConfigPart } from './parts';
import { decode } from './decode';
import { fileKind, kindByName } from './file-kind';
import type { FileKind } from './file-kind';
import { JsonDocument } from './json-document';
import { syntaxFault } from './json-syntax';
import type { SyntaxFault } from './json-syntax';
import { namesTransformers } from './other-programs';

/** A JSON file of a model folder, read as far as it can be. */
export interface ModelFile {
  readonly document: JsonDocument;
  /** Absent: none of ours. */
  readonly kind: FileKind | undefined;
  /** Parts of a config; files of other kinds have none. */
  readonly parts: readonly ConfigPart[];
  readonly description: ModelDescription | undefined;
  /** What makes the file no JSON. Absent too where the editor reports it. */
  readonly fault?: SyntaxFault;
  /** Families that the repository describes, by which it was read. */
  readonly families: readonly OwnFamily[];
}

/** True of a text without a value, or of an object in which no key has one: someone begins to write. */
const isBlank = ({ root }: JsonDocument): boolean =>
  root === undefined ||
  (root.type === 'object' && (root.children ?? []).every(({ children }) => (children?.length ?? 0) < 2));

/** Own `families`; `isAsked`: a person named the file, so that it is read whatever program it belongs to. */
export interface HowToRead {
  readonly families?: readonly OwnFamily[];
  readonly isAsked?: boolean;
}

export const readModelFile = (
  uri: string,
  text: string,
  { families = [], isAsked = false }: HowToRead = {},
): ModelFile => {
  const document = new JsonDocument(uri, text);
  // Its content says nothing: only where the name promises a model file is there something to report.
  if (document.unread !== undefined || isBlank(document))
    return { document, kind: kindByName(uri), parts: [], description: undefined, families };
  const kind = fileKind(uri, document.value, isAsked);
  const isConfig = kind === 'config';
  const description = isConfig ? describeModel(document.value, families) : undefined;
  return {
    document,
    kind,
    parts: isConfig ? partsOf(document.value, description, families) : [],
    description,
    families,
  };
};

/**
 * What a file that is no JSON was meant to be, by its name. A `config.json` from which keys can be read but none of
 * transformers is another program's, which may well allow the comments in it.
 */
const brokenKind = (uri: string, text: string, { root }: JsonDocument): FileKind | undefined => {
  const kind = kindByName(uri);
  const hasKeys = root?.type === 'object' && (root.children?.length ?? 0) > 0;
  return kind === 'config' && hasKeys && !namesTransformers(text) ? undefined : kind;
};

/** A file as a loader reads it, with what makes it no JSON. What of it can be read is checked all the same. */
export const readStrictly = (uri: string, bytes: Buffer, how: HowToRead = {}): ModelFile => {
  const { text, fault: undecoded } = decode(bytes);
  const file = readModelFile(uri, text, how);
  // What is too large to be parsed is reported by its size or depth alone.
  const fault = undecoded ?? (file.document.unread === undefined ? syntaxFault(text) : undefined);
  if (fault === undefined) return file;
  const kind = file.kind ?? (undecoded === undefined ? brokenKind(uri, text, file.document) : kindByName(uri));
  return { ...file, kind, fault };
};
