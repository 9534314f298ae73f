/** Activation is a table of contents: it registers, and starts nothing before it is needed. */
import { readFileSync } from 'node:fs';
import * as vscode from 'vscode';
import type { Demos } from '../protocol/analysis/next-start';
import { agents } from './agents/agents';
import { analysisCommands, paletteCommands } from './commands/analysis-commands';
import { benchmarkCommands } from './commands/benchmark-commands';
import { deviceCommands } from './commands/device-commands';
import { headsCommands } from './commands/heads-commands';
import { liveCommands } from './commands/live-commands';
import { lookCommands } from './commands/look-commands';
import { modelCommands } from './commands/model-commands';
import { planCommands } from './commands/plan-commands';
import { registerCommands } from './commands/register';
import { resultCommands } from './commands/result-commands';
import { serverCommands } from './commands/server-commands';
import { captureCommands } from './commands/capture-commands';
import { sweepCommands } from './commands/sweep-commands';
import { showModelCommands } from './commands/show-model-commands';
import { exampleCommands, welcomeToExample } from './first-start';
import { FileChecks } from './own/file-checks';
import { KnownFiles } from './own/known-files';
import { ownCommands } from './own/new-file';
import { OwnFiles } from './own/own-files';
import { filesNamed, placeOf } from './own/place';
import { ownKinds } from './own/own-kinds';
import { runOwnFile } from './own/run-own-file';
import { workspaceHistory } from './history/workspace-history';
import { workbenchPanels, demosOf, runShown, type WorkbenchPanels } from './panels/workbench/workbench';
import { pathsOf } from './panels/workbench/default-setup';
import { AnalysisCatalogue } from './platform/analysis-catalogue';
import { whyNoneOpened } from './platform/local-path';
import { AskView } from './views/ask-view';
import { ModelIndex } from './models/model-index';
import { modelName } from './models/model-names';
import { realFolder } from './models/real-folder';
import { kernelsPanels } from './panels/kernels/kernels';
import { ownSeries } from './panels/kernels/own-series';
import { LiveView } from './panels/live-view';
import { ModelPanels } from './panels/model/model-panels';
import { FileEditor } from './panels/file-editor';
import { moduleFiles } from './panels/module/module-files';
import { circuitFiles } from './panels/circuit/circuit-files';
import { planFiles } from './panels/plan/plan-files';
import { SweepPanels } from './panels/sweep/sweep-panels';
import { createCompute } from './platform/create-compute';
import { GraphTabs } from './platform/graph-tabs';
import { KernelCatalogue } from './platform/kernel-catalogue';
import { Language } from './platform/language';
import { createLog, showFailure } from './platform/log';
import { ResultLibrary } from './results/result-library';
import { demoRows, ModelsView } from './views/models-view';
import { StatusBar } from './views/status-bar';

export function activate(context: vscode.ExtensionContext): void {
  const began = performance.now();
  const log = createLog();
  context.subscriptions.push(log);
  try {
    register(context, log);
    log.info(
      `Headscope ${String(process.env['HEADSCOPE_VERSION'])} active in ${(performance.now() - began).toFixed(1)} ms.`,
    );
  } catch (error) {
    // VS Code shows nothing when an activation fails.
    const reason = error instanceof Error ? error.message : String(error);
    showFailure(log, `Headscope could not start: ${reason}. Reload the window; if it stays, report it with the log.`);
    throw error;
  }
}

function register(context: vscode.ExtensionContext, log: vscode.LogOutputChannel): void {
  const own = <T extends vscode.Disposable>(thing: T): T => {
    context.subscriptions.push(thing);
    return thing;
  };

  const ownFiles = new OwnFiles(context.workspaceState);
  const version = String(process.env['HEADSCOPE_VERSION']);
  const known = own(new KnownFiles({ memory: context.workspaceState, version, ownFiles, placeOf, named: filesNamed }));
  const catalogue = new AnalysisCatalogue(context.asAbsolutePath('dist/analyses.json'), known);
  const { compute, detached, launch } = createCompute(context, log, {
    named: { analysis: (id) => catalogue.of(id)?.title, model: modelName },
    workspace: () => (vscode.workspace.workspaceFolders ?? []).map(({ uri }) => realFolder(uri.fsPath)),
    withCode: (request, asks) => known.withCode(request, asks),
  });
  const language = own(new Language(context.asAbsolutePath('dist/language-server.js'), log));
  const models = own(new ModelIndex(language));
  const library = own(new ResultLibrary(context.globalStorageUri));
  const storage = context.storageUri ?? context.globalStorageUri;
  const history = own(
    workspaceHistory({
      storage,
      memory: context.globalState,
      library,
      questionOf: (analysis) => catalogue.of(analysis)?.question,
    }),
  );
  const kernelCatalogue = new KernelCatalogue(context.asAbsolutePath('dist/kernels.json'));
  const parts = {
    extension: context.extensionUri,
    memory: context.workspaceState,
    storage,
    history,
    compute,
    models,
    library,
    log,
  };
  const kernels = own(kernelsPanels(parts, kernelCatalogue));
  const types = () => readFileSync(context.asAbsolutePath('dist/headscope.d.ts'), 'utf8');
  const kinds = ownKinds({ compute, known, kept: (kernel) => ownSeries(kernels, compute, kernel) });
  const gone = (file: string) => known.forget(file);
  const checks = own(new FileChecks({ kinds, ownFiles, types, log, gone }));
  /** Read from disk when a panel or a command first asks: activation reads none of them. */
  let foundDemos: Demos | undefined;
  const demos = () => (foundDemos ??= demosOf(parts));
  const workbench: WorkbenchPanels = own(workbenchPanels(parts, { catalogue, known }, demos, detached));
  own(known.onChange(() => workbench.refresh()));
  const editors = {
    benchmark: kernels.files,
    heads: own(new FileEditor('heads', workbench)),
    hallucination: own(new FileEditor('hallucination', workbench)),
    analysis: workbench.files,
    module: own(moduleFiles(parts)),
    plan: own(planFiles(parts)),
    circuit: own(
      circuitFiles(parts, {
        run: (setup) => runShown(workbench, setup),
        refusal: (setup) => whyNoneOpened(pathsOf(setup, { catalogue: catalogue.list, tasks: catalogue.tasks })),
      }),
    ),
  };
  const commandLine = () => ({ ...launch(), module: context.asAbsolutePath('dist/cli.js') });
  own(new SweepPanels({ extension: context.extensionUri, library, log, editors, launch: commandLine }));
  own(agents(commandLine));
  const modelPanels = own(new ModelPanels({ extension: context.extensionUri, models, language, compute, log }));
  const live = own(new LiveView({ model: modelPanels, kernels, workbench }, context.workspaceState));
  own(new GraphTabs(language, (config) => modelPanels.followIfModel(config)));

  const titles = () => new Map(kernelCatalogue.mechanisms.map(({ id, title }) => [id, title]));
  own(new ModelsView(models, { history, library, titles }, demoRows(context.extensionUri))).onSelect((uri) =>
    modelPanels.select(uri),
  );
  own(new AskView(catalogue, library));
  own(new StatusBar(compute));

  own(
    registerCommands(
      {
        ...benchmarkCommands(kernels, models),
        ...lookCommands({ workbench, models, demos }),
        ...headsCommands(workbench, { library, history, editors }),
        ...analysisCommands(workbench, catalogue, models, demos),
        ...planCommands({ models, library, compute, workbench, catalogue, demos }),
        ...serverCommands(compute, language, log),
        ...modelCommands(models),
        ...showModelCommands(models, modelPanels),
        ...liveCommands(live),
        ...deviceCommands(compute),
        ...resultCommands({ library, history, editors }),
        ...sweepCommands({ workbench, catalogue }),
        ...captureCommands(workbench),
        ...runOwnFile({ checks, ownFiles, workbench, catalogue, demos }),
        ...ownCommands({
          catalogue: kernelCatalogue,
          ownFiles,
          types,
          copies: context.asAbsolutePath('dist/mechanism-copies.json'),
        }),
        ...exampleCommands(context),
      },
      paletteCommands(workbench, catalogue, demos, context.extension.packageJSON),
      log,
    ),
  );

  welcomeToExample(context).catch((error: unknown) => log.warn(`The example could not be shown: ${String(error)}`));
}
