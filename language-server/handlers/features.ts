import type {
  CodeAction,
  CodeLens,
  CompletionItem,
  DocumentLink,
  DocumentSymbol,
  Hover,
  InlayHint,
  TextEdit,
} from 'vscode-languageserver/node';
import {
  CodeActionKind,
  CompletionItemKind,
  InlayHintKind,
  InsertTextFormat,
  SymbolKind,
} from 'vscode-languageserver/node';
import { codeActions } from '../service/code-actions';
import { codeLenses } from '../service/code-lenses';
import { completeAt } from '../service/completion';
import type { Finding, TextChange } from '../service/finding';
import type { FolderFacts } from '../service/folder-facts';
import { hoverAt } from '../service/hover';
import { inlayHints } from '../service/inlay-hints';
import { fileNameOf } from '../service/file-kind';
import { JsonDocument } from '../service/json-document';
import type { Position, Range } from '../service/json-document';
import { fileLinks, siblingUri } from '../service/links';
import type { ModelFile } from '../service/model-file';
import { outline } from '../service/outline';
import type { OutlineEntry } from '../service/outline';
import { silencingChanges } from '../service/silence';
import { toDiagnostic } from './diagnostics';
import { toMarkup } from './markup';

/** The answers of the service in the shapes of LSP. */

export const toHover = (file: ModelFile, facts: FolderFacts, position: Position): Hover | null => {
  const hover = hoverAt(file, file.document.offsetAt(position), facts);
  return hover === undefined ? null : { contents: toMarkup(hover.markdown), range: file.document.rangeOf(hover.span) };
};

const completionKinds = {
  key: CompletionItemKind.Property,
  value: CompletionItemKind.Value,
  snippet: CompletionItemKind.Snippet,
} as const;

export const toCompletions = (file: ModelFile, position: Position): CompletionItem[] =>
  completeAt(file, file.document.offsetAt(position)).map(
    ({ label, kind, detail, documentation, text, span }, index) => ({
      label,
      kind: completionKinds[kind],
      ...(detail === undefined ? {} : { detail }),
      ...(documentation === undefined ? {} : { documentation }),
      // Inside quotes editors compare with the quoted word.
      filterText: JSON.stringify(label),
      sortText: String(index).padStart(4, '0'),
      insertTextFormat: kind === 'snippet' ? InsertTextFormat.Snippet : InsertTextFormat.PlainText,
      textEdit: { range: file.document.rangeOf(span), newText: text },
    }),
  );

export const toInlayHints = (file: ModelFile, range: Range): InlayHint[] =>
  inlayHints(file).flatMap(({ offset, label, tooltip }) => {
    const position = file.document.positionAt(offset);
    if (position.line < range.start.line || position.line > range.end.line) return [];
    return [{ position, label, tooltip, kind: InlayHintKind.Type, paddingLeft: true }];
  });

export const toCodeLenses = (file: ModelFile, facts: FolderFacts): CodeLens[] => {
  const top = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
  return codeLenses(file, facts).map(({ title, command }) => ({
    range: top,
    command: {
      title,
      command: command?.id ?? '',
      ...(command === undefined ? {} : { arguments: [...command.arguments] }),
    },
  }));
};

const symbolKinds = {
  object: SymbolKind.Module,
  list: SymbolKind.Array,
  number: SymbolKind.Number,
  text: SymbolKind.String,
  flag: SymbolKind.Boolean,
  null: SymbolKind.Null,
} as const;

export const toSymbols = (file: ModelFile): DocumentSymbol[] => {
  const symbol = ({ name, detail, kind, range, keyRange, children }: OutlineEntry): DocumentSymbol => ({
    name,
    detail,
    kind: symbolKinds[kind],
    range,
    selectionRange: keyRange,
    children: children.map(symbol),
  });
  return outline(file).map(symbol);
};

export const toLinks = (file: ModelFile, facts: FolderFacts): DocumentLink[] =>
  fileLinks(file, facts).map(({ range, file: name, uri }) => ({
    range,
    target: uri ?? siblingUri(file.document.uri, name),
    // Editors put this into Markdown of their own: it holds no word of the file.
    tooltip: 'Open this file',
  }));

const toEdit = (file: ModelFile, { text, ...span }: TextChange): TextEdit => ({
  range: file.document.rangeOf(span),
  newText: text,
});

export const toCodeActions = (file: ModelFile, findings: readonly Finding[], range: Range): CodeAction[] => {
  const start = file.document.offsetAt(range.start);
  const span = { offset: start, length: file.document.offsetAt(range.end) - start };
  return codeActions(findings, span).map(({ title, findings: about, changes, command, preferred }) => ({
    title,
    kind: CodeActionKind.QuickFix,
    diagnostics: about.map((finding) => toDiagnostic(file, finding)),
    ...(preferred ? { isPreferred: true } : {}),
    ...(changes === undefined
      ? {}
      : { edit: { changes: { [file.document.uri]: changes.map((change) => toEdit(file, change)) } } }),
    ...(command === undefined ? {} : { command: { title, command: command.id, arguments: [...command.arguments] } }),
  }));
};

/** Silence of the rules in a range for everyone who works in the repository: changes of its `.headscope.json`. */
export const toRepositoryActions = (
  file: ModelFile,
  findings: readonly Finding[],
  range: Range,
  { uri, text }: { readonly uri: string; readonly text: string },
): CodeAction[] => {
  const document = new JsonDocument(uri, text);
  const here = toCodeActions(file, findings, range).flatMap(({ diagnostics = [] }) => diagnostics);
  return [...new Set(here.map(({ code }) => String(code)))].flatMap((code) => {
    const changes = silencingChanges(text, code);
    if (changes.length === 0) return [];
    const edits = changes.map(({ text: newText, ...span }) => ({ range: document.rangeOf(span), newText }));
    return [
      {
        title: `Silence ${code} in ${fileNameOf(uri)}`,
        kind: CodeActionKind.QuickFix,
        diagnostics: here.filter((diagnostic) => diagnostic.code === code),
        edit: { changes: { [uri]: edits } },
      },
    ];
  });
};
