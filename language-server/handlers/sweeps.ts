/** Sweeps in the editor. They are YAML, model files are not. */
import type { CodeAction, CompletionItem, Diagnostic, Hover, Position, Range } from 'vscode-languageserver/node';
import { CodeActionKind, CompletionItemKind, DiagnosticSeverity } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { sweepCompletions, sweepFindings, sweepHover } from '../service/sweeps/sweep-service';
import { toMarkup } from './markup';
import { OwnDocuments, rangeOf } from './own-documents';
import { isSweep } from '../../protocol/sweeps/sweep-name';
import { formatted } from '../../protocol/language/markdown';

const code = 'sweep';

export class Sweeps extends OwnDocuments {
  has(uri: string): boolean {
    return isSweep(uri);
  }

  completions(uri: string, position: Position): CompletionItem[] {
    const document = this.documents.get(uri);
    if (!document) return [];
    return sweepCompletions(document.getText(), document.offsetAt(position)).map(
      ({ label, kind, detail, documentation, text, span }, index) => ({
        label,
        kind: kind === 'key' ? CompletionItemKind.Property : CompletionItemKind.Value,
        ...(detail === undefined ? {} : { detail }),
        ...(documentation === undefined ? {} : { documentation }),
        sortText: String(index).padStart(4, '0'),
        textEdit: { range: rangeOf(document, span), newText: text },
      }),
    );
  }

  hover(uri: string, position: Position): Hover | null {
    const document = this.documents.get(uri);
    const found = document && sweepHover(document.getText(), document.offsetAt(position));
    if (!document || !found) return null;
    return { contents: toMarkup(formatted`${found.text}`), range: rangeOf(document, found.span) };
  }

  /** Replaces a misspelt name by the one that was meant. */
  actions(uri: string, range: Range): CodeAction[] {
    const document = this.documents.get(uri);
    if (!document) return [];
    const [from, to] = [document.offsetAt(range.start), document.offsetAt(range.end)];
    return sweepFindings(document.getText())
      .filter((fault) => fault.meant !== undefined && fault.from <= to && fault.to >= from)
      .map((fault): CodeAction => {
        const { meant = '' } = fault;
        const span = { offset: fault.from, length: fault.to - fault.from };
        return {
          title: `Replace with ${meant}`,
          kind: CodeActionKind.QuickFix,
          isPreferred: true,
          diagnostics: [diagnosticOf(document, fault)],
          edit: { changes: { [uri]: [{ range: rangeOf(document, span), newText: meant }] } },
        };
      });
  }

  protected diagnosticsOf(document: TextDocument): Diagnostic[] {
    return sweepFindings(document.getText()).map((fault) => diagnosticOf(document, fault));
  }
}

const diagnosticOf = (
  document: TextDocument,
  { from, to, message, path }: { from: number; to: number; message: string; path: readonly (string | number)[] },
): Diagnostic => ({
  range: rangeOf(document, { offset: from, length: to - from }),
  // An entry of exclude that excludes nothing is only a warning in the editor.
  severity: path[0] === 'exclude' ? DiagnosticSeverity.Warning : DiagnosticSeverity.Error,
  code,
  source: 'headscope',
  message,
});
