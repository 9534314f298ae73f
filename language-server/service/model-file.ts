import { describeModel } from '../../models/formats/describe-model';
import type { ModelDescription } from '../../models/formats/model-description';
import { configParts } from './config-parts';
import type { ConfigPart } from './config-parts';
import { fileKind, fileNameOf } from './file-kind';
import { companionNames } from './folder-facts';
import type { FileKind } from './file-kind';
import { JsonDocument } from './json-document';

/** A JSON file of a model folder, read as far as it can be. */
export interface ModelFile {
  readonly document: JsonDocument;
  /** Absent: none of ours. */
  readonly kind: FileKind | undefined;
  /** Of a config; of other kinds empty. */
  readonly parts: readonly ConfigPart[];
  readonly description: ModelDescription | undefined;
}

export const readModelFile = (uri: string, text: string): ModelFile => {
  const document = new JsonDocument(uri, text);
  if (document.unread !== undefined) {
    // Its content says nothing: only where the name promises a model file is there something to tell.
    const isOurs = (companionNames as readonly string[]).includes(fileNameOf(uri));
    return { document, kind: isOurs ? 'config' : undefined, parts: [], description: undefined };
  }
  const kind = fileKind(uri, document.value);
  const isConfig = kind === 'config';
  return {
    document,
    kind,
    parts: isConfig ? configParts(document.value) : [],
    description: isConfig ? describeModel(document.value) : undefined,
  };
};
