import * as vscode from 'vscode';
import { chooseModel } from '../models/choose-model';
import type { ModelIndex } from '../models/model-index';
import type { ModelPanels } from '../panels/model/model-panels';
import { uriOf, urisOf } from './arguments';
import type { Handlers } from './register';

type ShowCommand = 'headscope.showModel' | 'headscope.compareModels';

export function showModelCommands(models: ModelIndex, panels: ModelPanels): Pick<Handlers, ShowCommand> {
  /** The config in the editor, when there is one. */
  const active = async (): Promise<vscode.Uri | undefined> => {
    const uri = vscode.window.activeTextEditor?.document.uri;
    return uri?.path.endsWith('.json') === true && (await models.describe(uri)) !== null ? uri : undefined;
  };
  return {
    'headscope.showModel': async (argument) => {
      const uri = uriOf(argument) ?? (await active()) ?? (await chooseModel(models, 'Show a Model'));
      if (uri !== undefined) await panels.open([uri]);
    },
    'headscope.compareModels': async (clicked, selected) => {
      const named = urisOf(clicked, selected);
      if (named.length > 2) throw new Error('Two models are compared at a time. Select two.');
      const editor = named.length === 0 ? await active() : undefined;
      await panels.compare(editor === undefined ? named : [editor]);
    },
  };
}
