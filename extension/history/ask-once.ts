/** Whether results are kept in the workspace is asked once, when there are some: they hold prompts, which are private. */
import * as vscode from 'vscode';
import { showInformation } from '../platform/notify';
import { updateSetting } from '../platform/settings';
import type { History } from './history';

const askedKey = 'history.asked';
/** Results of runs that a person has started, before it is asked. */
const enough = 5;
const yes = 'In the Workspace';
const no = 'Outside of It';

export async function askOnce(history: History, memory: vscode.Memento): Promise<void> {
  const hasFolder = vscode.workspace.workspaceFolders?.some(({ uri }) => uri.scheme === 'file') === true;
  if (!hasFolder || !vscode.workspace.isTrusted || memory.get(askedKey) === true || isSet()) return;
  const asked = (await history.list()).filter(({ byItself }) => !byItself);
  if (asked.length < enough || memory.get(askedKey) === true) return;
  await memory.update(askedKey, true);
  const answer = await showInformation(
    'Headscope keeps every result with its prompt. Keep them in the workspace (.headscope/history, which git leaves out) or outside of it?',
    yes,
    no,
  );
  if (answer === undefined) return;
  const place = answer === yes ? 'workspace' : 'storage';
  await updateSetting('headscope.history.saveIn', place, vscode.ConfigurationTarget.Global);
}

function isSet(): boolean {
  const found = vscode.workspace.getConfiguration('headscope').inspect('history.saveIn');
  return found?.globalValue !== undefined || found?.workspaceValue !== undefined;
}
