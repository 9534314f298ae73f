/** Takes an analysis or a task of the workspace to the workbench, where a model is chosen and it is run. */
import * as vscode from 'vscode';
import type { Demos } from '../../protocol/analysis/next-start';
import { analysisEnding, ownAnalysisName } from '../../protocol/inputs/own-file';
import { openAnalysis } from '../commands/analysis-commands';
import { uriOf } from '../commands/arguments';
import type { Handlers } from '../commands/register';
import { setupFor } from '../panels/workbench/default-setup';
import type { WorkbenchPanels } from '../panels/workbench/workbench';
import { Sentence } from '../panels/questions';
import type { AnalysisCatalogue } from '../platform/analysis-catalogue';
import type { FileChecks } from './file-checks';
import { placeOf } from './place';
import type { OwnFiles } from './own-files';

interface RunOwnFileParts {
  readonly checks: Pick<FileChecks, 'check'>;
  readonly ownFiles: Pick<OwnFiles, 'answer'>;
  readonly workbench: WorkbenchPanels;
  readonly catalogue: AnalysisCatalogue;
  readonly demos: () => Demos;
}

/** Reads a task, and fits every model that has a language head. */
const usualForTasks = 'activation-patching';
const samples = 32;

export const runOwnFile = (parts: RunOwnFileParts): Pick<Handlers, 'headscope.runOwnFile'> => ({
  'headscope.runOwnFile': async (target) => {
    const uri = uriOf(target) ?? vscode.window.activeTextEditor?.document.uri;
    const place = uri?.scheme === 'file' ? placeOf(uri.fsPath) : undefined;
    if (uri === undefined || place === undefined) {
      throw new Sentence('Headscope runs files of the workspace alone. Open the folder of the file first.');
    }
    const open = vscode.workspace.textDocuments.find((one) => one.uri.toString() === uri.toString());
    if (open?.isDirty) await open.save();
    const found = await parts.checks.check(uri);
    if (found === undefined) {
      if (parts.ownFiles.answer !== false) return;
      throw new Sentence(
        'Files of this workspace are not run, as you have chosen. "Run Own Files When They Are Saved…" in the title menu changes it.',
      );
    }
    if (found.kept === undefined) {
      const name = vscode.workspace.asRelativePath(uri);
      throw new Sentence(`${name} has a fault, which Problems shows at its line. Correct it, and run it again.`);
    }
    await (uri.path.endsWith(analysisEnding) ? openOwn(parts, place.file) : openTask(parts, place.file));
  },
});

async function openOwn({ workbench, catalogue, demos }: RunOwnFileParts, file: string): Promise<void> {
  const analysis = catalogue.of(ownAnalysisName(file));
  if (analysis !== undefined) await openAnalysis(workbench, catalogue, demos, analysis, undefined);
}

/** With the analysis in the form, where it reads a task. */
async function openTask({ workbench, catalogue, demos }: RunOwnFileParts, task: string): Promise<void> {
  const { plan } = workbench;
  const from = catalogue.of(plan.analysis);
  const analysis = from?.inputs.includes('task') ? from : catalogue.of(usualForTasks);
  if (analysis === undefined) return;
  const setup = setupFor(analysis, plan, demos(), { from, tasks: catalogue.tasks });
  await workbench.open({ plan: { ...setup, input: { kind: 'task', task, samples } } });
}
