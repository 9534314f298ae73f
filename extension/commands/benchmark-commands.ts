import * as vscode from 'vscode';
import type { ModelIndex } from '../models/model-index';
import { mainChoice } from '../models/shape-choices';
import type { KernelsPanels } from '../panels/kernels/kernels';
import { uriOf } from './arguments';
import type { Handlers } from './register';

type BenchmarkCommand = 'headscope.benchmarkKernels' | 'headscope.benchmarkConfig' | 'headscope.cancelBenchmark';

export function benchmarkCommands(kernels: KernelsPanels, models: ModelIndex): Pick<Handlers, BenchmarkCommand> {
  return {
    'headscope.benchmarkKernels': () => kernels.open().then(() => undefined),
    'headscope.benchmarkConfig': async (argument) => {
      const named = uriOf(argument) ?? (await chosenConfig(models));
      if (named === undefined) return;
      // A part of a model is named by the fragment: config.json#text_config.
      const uri = named.with({ fragment: '' });
      const part = named.fragment === '' ? '' : `#${named.fragment}`;
      const choices = await models.shapes(uri);
      const choice = mainChoice(choices, `${uri.toString()}${part}`);
      if (choice === undefined) {
        throw new Error(
          `${vscode.workspace.asRelativePath(uri)} describes no attention that could be taken over. Open the config.json of a transformer, or type the shape in the panel.`,
        );
      }
      const host = await kernels.open();
      await host.showShape(choice.uri);
    },
    'headscope.cancelBenchmark': () => kernels.run.cancel(),
  };
}

/** From the palette: the config in the editor, else one of the models found. */
async function chosenConfig(models: ModelIndex): Promise<vscode.Uri | undefined> {
  const active = vscode.window.activeTextEditor?.document.uri;
  if (active?.path.endsWith('.json') === true && (await models.describe(active)) !== null) return active;
  const { models: found } = await models.find();
  if (found.length === 0)
    throw new Error('No model configuration was found. Open a config.json, or add a folder in the Models view.');
  const choice = await vscode.window.showQuickPick(
    found.map((model) => ({ label: model.label, description: model.sentence, uri: model.uri })),
    { title: 'Benchmark the Attention of', placeHolder: 'A model configuration', matchOnDescription: true },
  );
  return choice?.uri;
}
