import { activeModel, chooseModel } from '../models/choose-model';
import type { ModelIndex } from '../models/model-index';
import type { ModelPanels } from '../panels/model/model-panels';
import { uriOf, urisOf } from './arguments';
import type { Handlers } from './register';

type ShowCommand = 'headscope.showModel' | 'headscope.compareModels';

export function showModelCommands(models: ModelIndex, panels: ModelPanels): Pick<Handlers, ShowCommand> {
  return {
    'headscope.showModel': async (argument) => {
      const uri = uriOf(argument) ?? (await activeModel(models)) ?? (await chooseModel(models, 'Show a Model', 'all'));
      if (uri !== undefined) await panels.open([uri]);
    },
    'headscope.compareModels': async (clicked, selected) => {
      const named = urisOf(clicked, selected);
      if (named.length > 2) throw new Error('Two models are compared at a time. Select two.');
      const editor = named.length === 0 ? await activeModel(models) : undefined;
      await panels.compare(editor === undefined ? named : [editor]);
    },
  };
}
