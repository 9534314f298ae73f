/** The editors of saved runs of modules in this window. */
import * as vscode from 'vscode';
import type { ToModulePanel } from '../../../protocol/panels/module';
import type { ModuleResult } from '../../../protocol/results/module-schema';
import { showFailure } from '../../platform/log';
import { Owner } from '../../platform/owner';
import { chooseOther } from '../choose-other';
import { saveExport } from '../exports';
import { FileEditor } from '../file-editor';
import type { ShownFile } from '../panel-types';
import type { PanelParts } from '../panels';
import { WebviewHosts } from '../webview-hosts';
import { ModuleFileHost } from './host';

export class ModuleFiles extends Owner {
  readonly files: FileEditor<'module', ModuleFileHost>;
  private readonly parts: Pick<PanelParts, 'history' | 'library' | 'log'>;
  private readonly hosts: WebviewHosts<ToModulePanel, ModuleFileHost>;

  constructor(parts: Pick<PanelParts, 'extension' | 'history' | 'library' | 'log'>) {
    super();
    this.parts = parts;
    this.hosts = this.own(new WebviewHosts(parts.extension, { panel: 'module', title: 'Run of a module' }));
    this.files = this.own(new FileEditor('module', this));
  }

  attachFile(editor: vscode.WebviewPanel, file: ShownFile<ModuleResult>): ModuleFileHost {
    const { history, library, log } = this.parts;
    const services = {
      chooseOther: (shown: ModuleResult | undefined) =>
        chooseOther({
          kind: 'module',
          library,
          history,
          shown,
          none: 'There is no other run of a module to compare with. Run one in the Kernels panel, by Modules.',
          placeHolder: 'A run of a module',
        }),
      export: saveExport,
      copy: async (text: string) => vscode.env.clipboard.writeText(text),
      report: (sentence: string, details?: string) => showFailure(log, sentence, details),
    };
    return this.hosts.attach(editor, 'file', (send) => new ModuleFileHost(file, services, send));
  }
}
