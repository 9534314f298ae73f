/** What is asked about cache plans through VS Code's own dialogs. */
import { dirname } from 'node:path';
import * as vscode from 'vscode';
import { planSuffix } from '../../../protocol/contributions/views';
import { planFormat, planFormats } from '../../../protocol/plans/formats/formats';
import type { ImportTarget, PlanFormat } from '../../../protocol/plans/formats/format';
import { parsePlan, planText, type Plan } from '../../../protocol/plans/plan-file';
import { resultKinds } from '../../results/result-kinds';
import { fileStem } from '../../results/result-words';
import { askWhere, saveFile } from '../exports';
import { Sentence } from '../questions';

const readText = async (uri: vscode.Uri): Promise<string> =>
  new TextDecoder().decode(await vscode.workspace.fs.readFile(uri));

const nameOf = (uri: vscode.Uri): string => uri.path.split('/').at(-1) ?? 'The file';

/** The plan of a file, as the editor holds it where it is open and not yet saved. */
export async function readPlan(uri: vscode.Uri): Promise<Plan> {
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  const read = parsePlan(open?.getText() ?? (await readText(uri)));
  if (read.ok) return read.result;
  throw new Sentence(`${nameOf(uri)} cannot be read as a cache plan. ${read.why}`);
}

/** Asks where to, beside the model first, writes the plan and opens it in its editor. */
export async function savePlan(plan: Plan, modelFolder: string | undefined): Promise<void> {
  const target = await askWhere(
    {
      name: `${fileStem(`${plan.model.name} ${plan.title}`).replaceAll(' ', '-')}${planSuffix}`,
      type: 'Headscope cache plan',
      endings: [planSuffix.slice(1), 'json'],
      title: 'Save Plan',
    },
    modelFolder === undefined ? undefined : vscode.Uri.file(modelFolder),
  );
  if (target === undefined) return;
  await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(planText(plan)));
  await vscode.commands.executeCommand('vscode.openWith', target, resultKinds.plan.viewType);
}

/** Writes a plan in another form, where the person wants it. */
export async function writePlan(plan: Plan, id: string): Promise<void> {
  const format = planFormat(id);
  const written = format?.export?.(plan);
  if (format === undefined || written === undefined) throw new Sentence(`A plan cannot be written as "${id}".`);
  if (!written.ok) throw new Sentence(`The plan cannot be written as ${format.title}. ${written.why}`);
  const { title, extension } = format;
  const name = `${fileStem(plan.title === '' ? plan.model.name : plan.title)}${extension}`;
  await saveFile({ name, type: title, endings: [extension.replace(/^\./, '')], title: 'Export' }, written.result);
}

/** A plan out of a file of another form; undefined when the person cancels. */
export async function importPlan(
  target: Omit<ImportTarget, 'title' | 'note'>,
): Promise<{ readonly plan: Plan; readonly folder: string } | undefined> {
  const known = planFormats.filter((format) => format.import !== undefined);
  const choice = await vscode.window.showQuickPick(
    known.map((format) => ({ label: format.title, description: format.extension, format })),
    { title: 'Import a Cache Plan', placeHolder: 'What the file is' },
  );
  if (choice === undefined) return undefined;
  const file = await chooseFile(choice.format);
  if (file === undefined) return undefined;
  const name = nameOf(file);
  const title = name.replace(/\.[^.]+$/, '');
  const read = choice.format.import?.(await readText(file), { ...target, title, note: name });
  if (read?.ok !== true) throw new Sentence(`${name} cannot be imported. ${read?.why ?? ''}`);
  return { plan: read.result, folder: dirname(file.fsPath) };
}

async function chooseFile({ title, extension }: PlanFormat): Promise<vscode.Uri | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({
      filters: { [title]: [extension.replace(/^\./, '')] },
      openLabel: 'Import',
      title: 'Import a Cache Plan',
    })) ?? [];
  return file;
}
