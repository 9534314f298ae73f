/** Where labels and changes are saved and loaded, as VS Code's own dialogs ask it. */
import * as vscode from 'vscode';
import { interventionSuffix } from '../../../protocol/contributions/views';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { HeadsResult } from '../../../protocol/results/heads-schema';
import type { ModelSummary } from '../../../protocol/schema/parts';
import { headLabelsFile } from '../../../protocol/results/head-labels';
import { interventionText, parseIntervention } from '../../results/intervention-file';
import { fileStem } from '../../results/result-words';
import { saveFile, type OnWritten } from '../exports';
import { Sentence } from '../questions';

export function saveLabels(result: HeadsResult, onWritten?: OnWritten): Promise<void> {
  const file = { name: 'heads.json', type: 'JSON', endings: ['json'], title: 'Export Labels of the Heads' };
  return saveFile(file, `${JSON.stringify(headLabelsFile(result), undefined, 2)}\n`, onWritten);
}

export function saveIntervention(
  model: ModelSummary,
  interventions: readonly Intervention[],
  onWritten?: OnWritten,
  stem = model.name,
): Promise<void> {
  const name = `${fileStem(stem)}${interventionSuffix}`;
  const endings = ['headscope-intervention.json', 'json'];
  const file = { name, type: 'Headscope intervention', endings, title: 'Save Intervention' };
  return saveFile(file, interventionText(model, interventions), onWritten);
}

/** Half the vectors of a file that the person chooses, at each layer that it has one for: a strength to begin with. */
export async function chooseVector(): Promise<Intervention | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({
      filters: { 'Steering vectors': ['gguf', 'safetensors', 'npy', 'npz', 'json'] },
      openLabel: 'Add',
      title: 'Add a Vector to the Residual Stream',
    })) ?? [];
  if (file === undefined) return undefined;
  return { kind: 'add', layers: ['all'], source: { from: 'file', path: file.fsPath }, strength: 0.5 };
}

/** `model` bounds the heads that the file may name. */
export async function loadIntervention(model: ModelSummary | undefined): Promise<readonly Intervention[] | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({
      filters: { 'Headscope intervention': ['json'] },
      openLabel: 'Load',
      title: 'Load Intervention',
    })) ?? [];
  if (file === undefined) return undefined;
  const parsed = parseIntervention(new TextDecoder().decode(await vscode.workspace.fs.readFile(file)), model);
  if (!parsed.ok) {
    const fits = model === undefined ? '' : ` (${model.name} has ${model.layers} layers of ${model.heads} heads)`;
    throw new Sentence(`${file.path.split('/').at(-1) ?? 'The file'} cannot be loaded${fits}. ${parsed.why}`);
  }
  return parsed.result;
}
