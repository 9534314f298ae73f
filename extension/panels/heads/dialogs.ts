/** What the Heads panel asks a person through VS Code's own dialogs. */
import * as vscode from 'vscode';
import { showError } from '../../platform/notify';
import { interventionSuffix } from '../../../protocol/contributions/views';
import type { HeadGain, HeadsResult, ModelSummary } from '../../../protocol/results/heads';
import { headLabelsFile } from '../../../protocol/results/head-labels';
import { realFolder } from '../../models/real-folder';
import { interventionText, parseIntervention } from '../../results/intervention-file';
import { headsDescription } from '../../results/heads-words';
import type { RecentHeads } from '../../results/recent-runs';
import type { ResultLibrary } from '../../results/result-library';
import { fileStem } from '../../results/result-words';
import { chooseOther, type OtherResult } from '../choose-other';
import { startingFolder, written } from '../exports';
import type { NamedHeads } from './world';

export async function browseModel(): Promise<string | undefined> {
  const chosen = await vscode.window.showOpenDialog({
    canSelectFolders: true,
    canSelectFiles: false,
    openLabel: 'Show Its Heads',
    title: 'Folder of a Model (config.json with its .safetensors)',
  });
  const folder = chosen?.[0]?.fsPath;
  return folder === undefined ? undefined : realFolder(folder);
}

export async function saveLabels(result: HeadsResult): Promise<void> {
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(startingFolder(), 'heads.json'),
    filters: { JSON: ['json'] },
    title: 'Export Labels of the Heads',
  });
  if (target !== undefined) await written(target, `${JSON.stringify(headLabelsFile(result), undefined, 2)}\n`);
}

export async function saveIntervention(model: ModelSummary, gains: readonly HeadGain[]): Promise<void> {
  const target = await vscode.window.showSaveDialog({
    defaultUri: vscode.Uri.joinPath(startingFolder(), `${fileStem(model.name)}${interventionSuffix}`),
    filters: { 'Headscope intervention': ['headscope-intervention.json', 'json'] },
    title: 'Save Intervention',
  });
  if (target !== undefined) await written(target, interventionText(model, gains));
}

/** `model` bounds the heads that the file may name. */
export async function loadIntervention(model: ModelSummary | undefined): Promise<readonly HeadGain[] | undefined> {
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
    await showError(`${file.path.split('/').at(-1) ?? 'The file'} cannot be loaded${fits}. ${parsed.why}`);
    return undefined;
  }
  return parsed.result;
}

/** Another result to compare with: one that was saved, or one of the last runs. */
export async function chooseHeads(
  library: ResultLibrary,
  recent: RecentHeads,
  shown: HeadsResult | undefined,
): Promise<NamedHeads | undefined> {
  const other = (result: HeadsResult, name: string): OtherResult<NamedHeads> => ({
    named: { name, result },
    name,
    description: headsDescription(result),
    created: result.created,
  });
  return chooseOther({
    saved: (await library.heads()).flatMap(({ name, content }) =>
      content.ok ? [other(content.result.result, name)] : [],
    ),
    runs: (await recent.list()).map(({ name, saved: { result } }) => other(result, name)),
    but: shown?.created,
    none: 'There is no other result to compare with. Run another prompt, another model, or the same with a head changed.',
    placeHolder: 'A result of heads',
  });
}
