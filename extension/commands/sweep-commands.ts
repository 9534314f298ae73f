import { existsSync } from 'node:fs';
import * as vscode from 'vscode';
import { sweepEditor, sweepSuffix } from '../../protocol/contributions/views';
import { isSweep } from '../../protocol/sweeps/sweep-name';
import { askWhere } from '../panels/exports';
import { Sentence } from '../panels/questions';
import { sweepOf } from '../panels/sweep/new-sweep';
import type { WorkbenchPanels } from '../panels/workbench/workbench';
import type { AnalysisCatalogue } from '../platform/analysis-catalogue';
import { askWhich } from '../platform/notify';
import { pickAmong } from '../platform/quick-pick';
import { setting } from '../platform/settings';
import { fileStem } from '../results/result-words';
import { uriOf } from './arguments';
import type { Handlers } from './register';

type SweepCommand = 'headscope.openSweep' | 'headscope.newSweep';

interface SweepCommandParts {
  readonly workbench: Pick<WorkbenchPanels, 'plan'>;
  readonly catalogue: AnalysisCatalogue;
}

export const sweepCommands = ({ workbench, catalogue }: SweepCommandParts): Pick<Handlers, SweepCommand> => ({
  'headscope.openSweep': async (argument) => {
    const open = vscode.window.activeTextEditor?.document.uri;
    const uri = uriOf(argument) ?? (open && isSweep(open.path) ? open : await chosenSweep());
    if (uri !== undefined) await vscode.commands.executeCommand('vscode.openWith', uri, sweepEditor.viewType);
  },
  'headscope.newSweep': async () => {
    const setup = workbench.plan;
    const analysis = catalogue.of(setup.analysis);
    if (analysis === undefined) throw new Sentence('This version of Headscope does not have that analysis.');
    const usual = {
      device: setting('headscope.compute.device'),
      weights: setting('headscope.compute.weights'),
    };
    const text = sweepOf(setup, analysis, usual);
    if (!text.ok) throw new Sentence(text.why);
    await keep(text.result, analysis.id);
  },
});

/** In a new document, or in a file where the person says. A file that is there stays. */
async function keep(content: string, name: string): Promise<void> {
  const [save, untitled] = ['Save As…', 'Untitled Document'];
  const choice = await askWhich(
    'Where is the new sweep kept?',
    'Its results lie in a folder beside its file.',
    save,
    untitled,
  );
  if (choice === undefined) return;
  if (choice === untitled) {
    const document = await vscode.workspace.openTextDocument({ language: 'yaml', content });
    await vscode.window.showTextDocument(document);
    return;
  }
  const target = await askWhere({
    name: `${fileStem(name)}${sweepSuffix}`,
    type: 'Headscope sweep',
    endings: [sweepSuffix.slice(1), 'yaml'],
    title: 'New Sweep',
  });
  if (target === undefined) return;
  const file = isSweep(target.path)
    ? target
    : target.with({ path: `${target.path.replace(/\.ya?ml$/u, '')}${sweepSuffix}` });
  if (existsSync(file.fsPath))
    throw new Sentence(`${vscode.workspace.asRelativePath(file)} exists already. Choose another name.`);
  await vscode.workspace.fs.writeFile(file, new TextEncoder().encode(content));
  await vscode.window.showTextDocument(file);
}

async function chosenSweep(): Promise<vscode.Uri | undefined> {
  const files = vscode.workspace.findFiles('**/*.headscope-sweep.{yaml,yml}', '**/node_modules/**', 1000);
  const choices = Promise.resolve(files).then((found) => {
    if (found.length === 0)
      throw new Sentence('No folder that is open has a sweep. Make one with New Sweep from This Run in the workbench.');
    return found.map((uri) => ({ label: vscode.workspace.asRelativePath(uri), uri }));
  });
  const asked = { title: 'Open Sweep', placeHolder: 'A sweep', reading: 'Looking for sweeps' };
  return (await pickAmong(choices, asked))?.uri;
}
