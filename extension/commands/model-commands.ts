import * as vscode from 'vscode';
import type { ModelIndex } from '../models/model-index';
import { setting, updateSetting } from '../platform/settings';
import { uriOf } from './arguments';
import type { Handlers } from './register';

type ModelCommand = 'headscope.models.refresh' | 'headscope.models.addFolder' | 'headscope.models.openFolder';

export function modelCommands(models: ModelIndex): Pick<Handlers, ModelCommand> {
  return {
    'headscope.models.refresh': () => models.refresh(),
    'headscope.models.addFolder': async (offered) => {
      // A row that offers the models of another program names that program.
      const own = typeof offered === 'string' ? [vscode.Uri.file(offered)] : undefined;
      const chosen =
        own ??
        (await vscode.window.showOpenDialog({
          canSelectFolders: true,
          canSelectFiles: false,
          canSelectMany: true,
          openLabel: 'Look for Models Here',
          title: 'Folders of Models',
        }));
      if (chosen === undefined) return;
      const folders = [...new Set([...setting('headscope.models.folders'), ...chosen.map((uri) => uri.fsPath)])];
      await updateSetting('headscope.models.folders', folders, vscode.ConfigurationTarget.Global);
    },
    'headscope.models.openFolder': async (argument) => {
      const uri = uriOf(argument);
      if (uri === undefined) return;
      const run = vscode.commands.executeCommand;
      if (vscode.workspace.getWorkspaceFolder(uri) !== undefined) await run('revealInExplorer', uri);
      else if (vscode.env.remoteName === undefined) await run('revealFileInOS', uri);
      // The person's desktop has no folder of a remote machine to show.
      else await run('vscode.openFolder', vscode.Uri.joinPath(uri, '..'), { forceNewWindow: true });
    },
  };
}
