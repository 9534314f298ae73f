/** The editors of cache plans in this window. */
import * as vscode from 'vscode';
import type { ToPlanPanel } from '../../../protocol/panels/plan';
import type { Plan } from '../../../protocol/plans/plan-file';
import { showFailure } from '../../platform/log';
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
import { PlanFileHost, type PlanFileServices } from './host';
import { writePlan } from './dialogs';

export class PlanFiles extends Owner {
  readonly files: FileEditor<'plan', PlanFileHost>;
  private readonly parts: Pick<PanelParts, 'library' | 'log'>;
  private readonly hosts: WebviewHosts<ToPlanPanel, PlanFileHost>;

  constructor(parts: Pick<PanelParts, 'extension' | 'library' | 'log'>) {
    super();
    this.parts = parts;
    this.hosts = this.own(new WebviewHosts(parts.extension, { panel: 'plan', title: 'Cache plan' }));
    this.files = this.own(new FileEditor('plan', this));
  }

  attachFile(editor: vscode.WebviewPanel, file: DocumentFile<Plan>): PlanFileHost {
    const { library, log } = this.parts;
    const run = async (command: string, ...args: readonly unknown[]): Promise<void> => {
      await vscode.commands.executeCommand(command, ...args);
    };
    const services: PlanFileServices = {
      mayRun,
      now: () => new Date().toISOString(),
      headscope: String(process.env['HEADSCOPE_VERSION']),
      undo: () => run('undo'),
      redo: () => run('redo'),
      openText: (uri) => run('vscode.openWith', vscode.Uri.parse(uri, true), 'default'),
      showHeads: (uri) => run('headscope.showHeadsWithPlan', uri),
      evaluate: (uri) => run('headscope.evaluatePlan', uri),
      write: writePlan,
      chooseOther: (uri) => chooseOther(library, uri),
      export: saveExport,
      copy: async (text) => vscode.env.clipboard.writeText(text),
      report: (sentence, details) => showFailure(log, sentence, details),
    };
    return this.hosts.attach(editor, 'file', (send) => new PlanFileHost(file, services, send));
  }
}

async function chooseOther(library: ResultLibrary, uri: string): Promise<ComparedOf<'plan'> | undefined> {
  const files = await library.listOf('plan');
  const chosen = await chooseResult(files, 'Compare with', (other) => other.uri.toString() !== uri);
  return chosen?.kind === 'plan' ? { name: chosen.name, plan: chosen.content.result } : undefined;
}
