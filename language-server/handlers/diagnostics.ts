import type { Connection, Diagnostic } from 'vscode-languageserver/node';
import { DiagnosticSeverity, DiagnosticTag } from 'vscode-languageserver/node';
import type { TextDocument } from 'vscode-languageserver-textdocument';
import { checkFile, heldBack } from '../service/check';
import type { Finding, Severity } from '../service/finding';
import type { FolderFacts } from '../service/folder-facts';
import { siblingUri } from '../service/links';
import type { ModelFile } from '../service/model-file';
import { pageOf } from '../service/rules/catalogue';
import { toReport } from '../workspace/repositories';
import type { FileSettings } from './settings';
import type { WorkspaceFiles } from './workspace-files';
import { folderOfUri, pathOfUri } from './workspace-files';

/** Milliseconds without a further change before a document is checked: a paste comes as one change, typing as many. */
const debounce = 8;

export const severityNumber: Readonly<Record<Severity, DiagnosticSeverity>> = {
  error: DiagnosticSeverity.Error,
  warning: DiagnosticSeverity.Warning,
  information: DiagnosticSeverity.Information,
  hint: DiagnosticSeverity.Hint,
};

/** The place of what has none. */
export const start = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };

export const toDiagnostic = (file: ModelFile, finding: Finding): Diagnostic => ({
  range: file.document.rangeOf(finding.span),
  severity: severityNumber[finding.severity],
  code: finding.code,
  codeDescription: { href: pageOf(finding.code) },
  source: 'headscope',
  message: finding.message,
  ...(finding.deprecated ? { tags: [DiagnosticTag.Deprecated] } : {}),
  relatedInformation: finding.related.map(({ message, place }) => ({
    message,
    location:
      'span' in place
        ? { uri: file.document.uri, range: file.document.rangeOf(place.span) }
        : { uri: siblingUri(file.document.uri, place.file), range: start },
  })),
});

interface Checked {
  readonly file: ModelFile;
  readonly facts: FolderFacts;
  readonly findings: readonly Finding[];
}

/** Checks open documents when they or the files beside them change, and sends what is still about the present text. */
export class Diagnostics {
  private readonly timers = new Map<string, NodeJS.Timeout>();
  /** Findings of open documents when their text was last whole. */
  private readonly whole = new Map<string, readonly Finding[]>();

  constructor(
    private readonly connection: Connection,
    private readonly documents: { get(uri: string): TextDocument | undefined; all(): TextDocument[] },
    private readonly files: WorkspaceFiles,
    private readonly settings: (uri: string) => Promise<FileSettings>,
  ) {}

  /** A document was opened or changed: it and its open neighbours are checked once typing rests. */
  changed(uri: string): void {
    const folder = folderOfUri(uri);
    this.schedule(uri);
    for (const other of this.neighbours(folder)) if (other !== uri) this.schedule(other);
  }

  /** Files of a folder changed on disk. */
  folderChanged(folder: string): void {
    this.files.forget(folder);
    for (const uri of this.neighbours(folder)) this.schedule(uri);
  }

  settingsChanged(): void {
    for (const { uri } of this.documents.all()) this.schedule(uri);
  }

  closed(uri: string): void {
    clearTimeout(this.timers.get(uri));
    this.timers.delete(uri);
    this.whole.delete(uri);
    this.send(uri, []);
    const folder = folderOfUri(uri);
    if (folder !== undefined) this.folderChanged(folder);
  }

  /** The findings of a document as it is now; undefined when it is closed. */
  async check(uri: string): Promise<Checked | undefined> {
    const document = this.documents.get(uri);
    if (document === undefined) return undefined;
    const file = await this.files.open(document);
    if (file.kind === undefined) return { file, facts: await this.files.facts(uri), findings: [] };
    const [facts, { checks, repository }] = await Promise.all([this.files.facts(uri), this.settings(uri)]);
    const findings = toReport(checkFile(file, facts, checks), pathOfUri(uri), file.document, repository);
    if (file.document.unfinished.length > 0) return { file, facts, findings: heldBack(findings, this.whole.get(uri)) };
    this.whole.set(uri, findings);
    return { file, facts, findings };
  }

  private neighbours(folder: string | undefined): readonly string[] {
    if (folder === undefined) return [];
    return this.documents
      .all()
      .map(({ uri }) => uri)
      .filter((uri) => folderOfUri(uri) === folder);
  }

  private schedule(uri: string): void {
    clearTimeout(this.timers.get(uri));
    this.timers.set(
      uri,
      setTimeout(() => {
        this.timers.delete(uri);
        void this.publish(uri);
      }, debounce),
    );
  }

  private async publish(uri: string): Promise<void> {
    const version = this.documents.get(uri)?.version;
    if (version === undefined) return;
    try {
      const checked = await this.check(uri);
      // Typing went on, or the document was closed, while files were read: a newer check is on its way.
      if (checked === undefined || this.documents.get(uri)?.version !== version) return;
      this.send(
        uri,
        checked.findings.map((finding) => toDiagnostic(checked.file, finding)),
        version,
      );
    } catch (error) {
      this.send(uri, []);
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.connection.console.error(`The check of ${uri} failed, and its findings were cleared. ${reason}`);
    }
  }

  private send(uri: string, diagnostics: Diagnostic[], version?: number): void {
    void this.connection.sendDiagnostics({ uri, diagnostics, ...(version === undefined ? {} : { version }) });
  }
}
