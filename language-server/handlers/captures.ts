/** Descriptions of captured tensors in the editor. They are JSON, and no model file. */
import { DiagnosticSeverity, type Diagnostic } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { isCapture } from '../../protocol/wire/capture-name';
import { captureFindings } from '../service/captures';
import { OwnDocuments, rangeOf } from './own-documents';

export class Captures extends OwnDocuments {
  has(uri: string): boolean {
    return isCapture(uri);
  }

  protected diagnosticsOf(document: TextDocument): Diagnostic[] {
    return captureFindings(document.getText()).map(({ message, span }) => ({
      range: rangeOf(document, span),
      severity: DiagnosticSeverity.Error,
      code: 'capture',
      source: 'headscope',
      message,
    }));
  }
}
