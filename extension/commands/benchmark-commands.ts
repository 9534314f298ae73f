import * as vscode from 'vscode';
import { activeConfig, chooseModel } from '../models/choose-model';
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
      const named =
        uriOf(argument) ??
        (await activeConfig(models)) ??
        (await chooseModel(models, 'Benchmark the Attention of', 'attention'));
      if (named === undefined) return;
      // A part of a model is named by the fragment: config.json#text_config.
      const uri = named.with({ fragment: '' });
      const part = named.fragment === '' ? '' : `#${named.fragment}`;
      const choices = await models.shapes(uri);
      const choice = mainChoice(choices, `${uri.toString()}${part}`);
      if (choice === undefined) {
        throw new Error(
          `${vscode.workspace.asRelativePath(uri)} describes no attention to benchmark. Open the config.json of a transformer, or type the shape in the panel.`,
        );
      }
      const host = await kernels.open();
      await host.showShape(choice.uri);
    },
    'headscope.cancelBenchmark': () => kernels.run.cancel(),
  };
}
