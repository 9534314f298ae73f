/** The walkthrough, and what the example workspace shows when it is opened for the first time. */
import * as vscode from 'vscode';
import { container, exampleIsOpen, exampleMarker } from '../protocol/contributions/views';
import { walkthrough } from '../protocol/contributions/walkthrough';
import type { Handlers } from './commands/register';

const seenKey = 'example.seen';
const faulty = 'faulty/config.json';

async function openWalkthrough(context: vscode.ExtensionContext, toSide: boolean): Promise<void> {
  await vscode.commands.executeCommand(
    'workbench.action.openWalkthrough',
    `${context.extension.id}#${walkthrough.id}`,
    toSide,
  );
}

export function exampleCommands(
  context: vscode.ExtensionContext,
): Pick<Handlers, 'headscope.openWalkthrough' | 'headscope.openExample'> {
  return {
    'headscope.openWalkthrough': () => openWalkthrough(context, false),
    'headscope.openExample': () => openExample(context),
  };
}

/** A copy in the storage of the extension: what a person changes there survives an update. */
async function openExample(context: vscode.ExtensionContext): Promise<void> {
  const source = vscode.Uri.joinPath(context.extensionUri, 'examples', 'workspace');
  const target = vscode.Uri.joinPath(context.globalStorageUri, 'example-workspace');
  try {
    await vscode.workspace.fs.stat(vscode.Uri.joinPath(target, exampleMarker));
  } catch {
    await vscode.workspace.fs.copy(source, target, { overwrite: true });
  }
  const forceNewWindow = vscode.workspace.workspaceFolders !== undefined;
  await vscode.commands.executeCommand('vscode.openFolder', target, { forceNewWindow });
}

/** Once per person and place: the view container, a config with two faults beside the walkthrough. */
export async function welcomeToExample(context: vscode.ExtensionContext): Promise<void> {
  const folder = vscode.workspace.workspaceFolders?.[0];
  if (folder === undefined) return;
  try {
    await vscode.workspace.fs.stat(vscode.Uri.joinPath(folder.uri, exampleMarker));
  } catch {
    return;
  }
  await vscode.commands.executeCommand('setContext', exampleIsOpen, true);
  if (context.workspaceState.get(seenKey) === true) return;
  await context.workspaceState.update(seenKey, true);
  await vscode.commands.executeCommand(`workbench.view.extension.${container.id}`);
  await vscode.window.showTextDocument(vscode.Uri.joinPath(folder.uri, faulty), {
    viewColumn: vscode.ViewColumn.One,
    preview: false,
  });
  await openWalkthrough(context, true);
}
