/** Documents that are checked apart from model files: when they stand still, each by findings of its own kind. */
import type { Connection, Diagnostic, Range } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import type { Span } from '../service/json-document';

/** Milliseconds without a further change before a document is checked. */
const debounce = 50;

export abstract class OwnDocuments {
  private readonly timers = new Map<string, NodeJS.Timeout>();

  constructor(
    private readonly connection: Connection,
    protected readonly documents: { get(uri: string): TextDocument | undefined },
  ) {}

  abstract has(uri: string): boolean;
  protected abstract diagnosticsOf(document: TextDocument): Diagnostic[];

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
    const { version } = document;
    void this.connection.sendDiagnostics({ uri, diagnostics: this.diagnosticsOf(document), version });
  }
}

export const rangeOf = (document: TextDocument, { offset, length }: Span): Range => ({
  start: document.positionAt(offset),
  end: document.positionAt(offset + length),
});
