/** The editors of circuits in this window. */
import * as vscode from 'vscode';
import type { AnalysisSetup } from '../../../protocol/analysis/schema';
import type { Circuit } from '../../../protocol/circuits/circuit-file';
import type { ToCircuitPanel } from '../../../protocol/panels/circuit';
import { showFailure } from '../../platform/log';
import { showInformation } from '../../platform/notify';
import { Owner } from '../../platform/owner';
import { mayRun } from '../../platform/trust';
import { chooseResult } from '../../results/choose-result';
import type { ComparedOf } from '../../results/result-kinds';
import type { ResultLibrary } from '../../results/result-library';
import { saveExport } from '../exports';
import { FileEditor } from '../file-editor';
import type { DocumentFile } from '../panel-types';
import type { PanelParts } from '../panels';
import { WebviewHosts } from '../webview-hosts';
import { chooseRun } from './dialogs';
import { CircuitFileHost, type CircuitFileServices } from './host';

export class CircuitFiles extends Owner {
  readonly files: FileEditor<'circuit', CircuitFileHost>;
  private readonly hosts: WebviewHosts<ToCircuitPanel, CircuitFileHost>;

  constructor(
    private readonly parts: Pick<PanelParts, 'extension' | 'library' | 'history' | 'log'>,
    /** Shows a request in the workbench and runs it. */
    private readonly run: (setup: AnalysisSetup) => Promise<void>,
  ) {
    super();
    this.hosts = this.own(new WebviewHosts(parts.extension, { panel: 'circuit', title: 'Circuit' }));
    this.files = this.own(new FileEditor('circuit', this));
  }

  attachFile(editor: vscode.WebviewPanel, file: DocumentFile<Circuit>): CircuitFileHost {
    const { library, log } = this.parts;
    const run = async (command: string, ...args: readonly unknown[]): Promise<void> => {
      await vscode.commands.executeCommand(command, ...args);
    };
    const services: CircuitFileServices = {
      mayRun,
      undo: () => run('undo'),
      redo: () => run('redo'),
      openText: (uri) => run('vscode.openWith', vscode.Uri.parse(uri, true), 'default'),
      runAgain: ({ origin }) => this.run(origin.setup),
      chooseRun: (circuit) => chooseRun(this.parts, circuit),
      say: (sentence) => void showInformation(sentence),
      chooseOther: (uri) => chooseOther(library, uri),
      export: saveExport,
      copy: async (text) => vscode.env.clipboard.writeText(text),
      report: (sentence, details) => showFailure(log, sentence, details),
    };
    return this.hosts.attach(editor, 'file', (send) => new CircuitFileHost(file, services, send));
  }
}

async function chooseOther(library: ResultLibrary, uri: string): Promise<ComparedOf<'circuit'> | undefined> {
  const files = await library.listOf('circuit');
  const chosen = await chooseResult(files, 'Compare with', (other) => other.uri.toString() !== uri);
  return chosen?.kind === 'circuit' ? { name: chosen.name, circuit: chosen.content.result } : undefined;
}
