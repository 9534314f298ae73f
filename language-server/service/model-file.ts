import { describeModel } from '../../models/formats/describe-model';
import type { ModelDescription } from '../../models/formats/model-description';
import { configParts } from './config-parts';
import type { ConfigPart } from './config-parts';
import { fileKind } from './file-kind';
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
  const kind = fileKind(uri, document.value);
  const isConfig = kind === 'config';
  return {
    document,
    kind,
    parts: isConfig ? configParts(document.value) : [],
    description: isConfig ? describeModel(document.value) : undefined,
  };
};
