import * as vscode from 'vscode';
import type { AnalysisInfo } from '../../protocol/analysis/analysis';
import type { Demos } from '../../protocol/analysis/next-start';
import { analysisOfCommand } from '../../protocol/contributions/commands';
import type { ModelIndex } from '../models/model-index';
import type { WorkbenchPanels } from '../panels/workbench/workbench';
import { setupFor } from '../panels/workbench/default-setup';
import type { AnalysisCatalogue } from '../platform/analysis-catalogue';
import { uriOf } from './arguments';
import { modelFolder } from './model-folder';
import type { FurtherCommand, Handlers } from './register';

type AnalysisCommand =
  | 'headscope.openWorkbench'
  | 'headscope.runAnalysis'
  | 'headscope.cancelAnalysis'
  | 'headscope.cancelHallucination';

export const analysisCommands = (
  panels: WorkbenchPanels,
  catalogue: AnalysisCatalogue,
  models: ModelIndex,
  demos: () => Demos,
): Pick<Handlers, AnalysisCommand> => ({
  'headscope.openWorkbench': async () => void (await panels.open()),
  'headscope.runAnalysis': async (target) => {
    const named = analysisOf(target);
    // Why the model cannot run is said before an analysis is asked for.
    const folder = await folderOf(models, target);
    const analysis = named === undefined ? await chosen(catalogue.list) : catalogue.of(named);
    if (analysis !== undefined) await openAnalysis(panels, catalogue, demos, analysis, folder);
  },
  'headscope.cancelAnalysis': () => panels.run.cancel(),
  'headscope.cancelHallucination': () => panels.run.cancel(),
});

/** One entry of the palette each, as the manifest lists them: VS Code has read it, and activation reads no catalogue. */
export const paletteCommands = (
  panels: WorkbenchPanels,
  catalogue: AnalysisCatalogue,
  demos: () => Demos,
  manifest: unknown,
): readonly FurtherCommand[] =>
  contributed(manifest).flatMap(({ command, title }) => {
    const id = analysisOfCommand(command);
    if (id === undefined) return [];
    const handler = async (): Promise<void> => {
      const analysis = catalogue.of(id);
      if (analysis === undefined) throw new Error(`"${title}" is not in the list of analyses: reinstall Headscope.`);
      await openAnalysis(panels, catalogue, demos, analysis, undefined);
    };
    return [{ id: command, title, needs: 'trust' as const, handler }];
  });

const contributed = (manifest: unknown) =>
  (manifest as { readonly contributes: { readonly commands: readonly { command: string; title: string }[] } })
    .contributes.commands;

/** Shows the form of an analysis, with the model and the input as they stand. */
export async function openAnalysis(
  panels: WorkbenchPanels,
  catalogue: AnalysisCatalogue,
  demos: () => Demos,
  analysis: AnalysisInfo,
  folder: string | undefined,
): Promise<void> {
  const plan = setupFor(analysis, panels.plan, demos(), {
    from: catalogue.of(panels.plan.analysis),
    tasks: catalogue.tasks,
  });
  await panels.open({
    plan: folder === undefined || folder === plan.folder ? plan : { ...plan, folder, interventions: [] },
  });
}

/** Rows of the tree and links name it. */
function analysisOf(target: unknown): string | undefined {
  if (typeof target !== 'object' || target === null || !('analysis' in target)) return undefined;
  return typeof target.analysis === 'string' ? target.analysis : undefined;
}

async function chosen(list: readonly AnalysisInfo[]): Promise<AnalysisInfo | undefined> {
  const choice = await vscode.window.showQuickPick(
    list.map((analysis) => ({
      label: analysis.title,
      description: analysis.group,
      detail: analysis.question,
      analysis,
    })),
    {
      title: 'Run an Analysis',
      placeHolder: 'What do you want to know?',
      matchOnDescription: true,
      matchOnDetail: true,
    },
  );
  return choice?.analysis;
}

/** The model that a config or a row of the Models view names; undefined from elsewhere: the panel keeps its model. */
async function folderOf(models: ModelIndex, target: unknown): Promise<string | undefined> {
  const named = analysisOf(target) === undefined ? uriOf(target)?.with({ fragment: '' }) : undefined;
  if (named === undefined) return undefined;
  if (named.scheme !== 'file')
    throw new Error(
      `${named.toString()} is not on this machine, and weights are read from local files. Open a model from a local folder.`,
    );
  return modelFolder(models, named);
}
