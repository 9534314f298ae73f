import path from 'node:path';
import type { Connection } from 'vscode-languageserver/node';
import { graphFindings } from '../service/graph-findings';
import { pageOf } from '../service/rules/catalogue';
import { folderOfGraph, graphName } from '../workspace/folder-reader';
import { toReport } from '../workspace/repositories';
import { severityNumber, start } from './diagnostics';
import type { FileSettings } from './settings';
import type { WorkspaceFiles } from './workspace-files';
import { pathOfUri } from './workspace-files';

/** The config that carries the findings about a graph, while it is open: one fault is reported in one place. */
const carrier = 'config.json';

/** Reports on .onnx files that an editor shows in tabs, on their own addresses. */
export class Graphs {
  private shown: readonly string[] = [];
  /** The newest check of each file; an older one that ends later is dropped. */
  private readonly turns = new Map<string, number>();
  private turn = 0;

  constructor(
    private readonly connection: Connection,
    private readonly files: WorkspaceFiles,
    private readonly settings: (uri: string) => Promise<FileSettings>,
  ) {}

  /** The tabs are these now. */
  show(uris: readonly string[]): void {
    const gone = this.shown.filter((uri) => !uris.includes(uri));
    this.shown = [...uris];
    for (const uri of gone) {
      this.turns.delete(uri);
      this.send(uri, []);
    }
    this.refresh();
  }

  /** Something changed: files on disk, settings, or the config beside a graph was opened or closed. */
  refresh(folder?: string): void {
    for (const uri of this.shown) {
      const file = pathOfUri(uri);
      if (file !== undefined && (folder === undefined || folderOfGraph(file) === folder)) void this.check(uri, file);
    }
  }

  private async check(uri: string, file: string): Promise<void> {
    this.turn += 1;
    const turn = this.turn;
    this.turns.set(uri, turn);
    try {
      const folder = folderOfGraph(file);
      const [facts, { checks, repository }] = await Promise.all([this.files.factsOfFolder(folder), this.settings(uri)]);
      const graph = facts.graphs?.get(graphName(file));
      const isTold = this.files.isOpen(path.join(folder, carrier));
      if (this.turns.get(uri) !== turn) return;
      const findings = graph === undefined || isTold ? [] : graphFindings(graph, facts, checks);
      this.send(uri, toReport(findings, file, undefined, repository));
    } catch (error) {
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.connection.console.error(`The check of ${uri} failed. ${reason}`);
    }
  }

  private send(uri: string, findings: ReturnType<typeof graphFindings>): void {
    void this.connection.sendDiagnostics({
      uri,
      diagnostics: findings.map(({ code, severity, message }) => ({
        range: start,
        severity: severityNumber[severity],
        code,
        codeDescription: { href: pageOf(code) },
        source: 'headscope',
        message,
      })),
    });
  }
}
