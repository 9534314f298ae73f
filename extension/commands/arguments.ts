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
  const uris = (items: readonly unknown[]): readonly vscode.Uri[] =>
    items.map(uriOf).filter((uri): uri is vscode.Uri => uri !== undefined);
  const [one] = uris([clicked]);
  // By address: the explorer hands over the clicked file and the selected ones as different objects.
  const all = Array.isArray(selected) ? uris(selected as readonly unknown[]) : [];
  return all.some((uri) => uri.toString() === one?.toString()) ? all : uris([clicked]);
}
