/** Which file a command means: menus pass a Uri, CodeLens and hovers a string, trees an item, the palette nothing. */
import * as vscode from 'vscode';

export function uriOf(argument: unknown): vscode.Uri | undefined {
  if (argument instanceof vscode.Uri) return argument;
  if (typeof argument === 'string' && argument !== '') return vscode.Uri.parse(argument, true);
  if (typeof argument === 'object' && argument !== null) {
    if ('resource' in argument) return uriOf(argument.resource);
    if ('resourceUri' in argument) return uriOf(argument.resourceUri);
  }
  return undefined;
}

/** The items a command of a tree means: the clicked one, or all selected ones when it is among them. */
export function urisOf(clicked: unknown, selected: unknown): readonly vscode.Uri[] {
  const items = Array.isArray(selected) && selected.includes(clicked) ? (selected as readonly unknown[]) : [clicked];
  return items.map(uriOf).filter((uri): uri is vscode.Uri => uri !== undefined);
}
