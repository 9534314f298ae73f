/** Descriptions of captured tensors in the editor. They are JSON, and no model file. */
import { DiagnosticSeverity, type Connection, type Diagnostic } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { isCapture } from '../../protocol/wire/capture-name';
import { captureFindings } from '../service/captures';

/** Milliseconds without a further change before a document is checked. */
const debounce = 50;

export class Captures {
  private readonly timers = new Map<string, NodeJS.Timeout>();

  constructor(
    private readonly connection: Connection,
    private readonly documents: { get(uri: string): TextDocument | undefined },
  ) {}

  has(uri: string): boolean {
    return isCapture(uri);
  }

  changed(uri: string): void {
    clearTimeout(this.timers.get(uri));
    this.timers.set(
      uri,
      setTimeout(() => this.publish(uri), debounce),
    );
  }

  closed(uri: string): void {
    clearTimeout(this.timers.get(uri));
    this.timers.delete(uri);
    void this.connection.sendDiagnostics({ uri, diagnostics: [] });
  }

  private publish(uri: string): void {
    this.timers.delete(uri);
    const document = this.documents.get(uri);
    if (!document) return;
    const diagnostics = captureFindings(document.getText()).map(
      ({ message, span: { offset, length } }): Diagnostic => ({
        range: { start: document.positionAt(offset), end: document.positionAt(offset + length) },
        severity: DiagnosticSeverity.Error,
        code: 'capture',
        source: 'headscope',
        message,
      }),
    );
    void this.connection.sendDiagnostics({ uri, diagnostics, version: document.version });
  }
}
