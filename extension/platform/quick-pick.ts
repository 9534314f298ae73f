/** VS Code's list over what must be looked for first: it opens at once and says so, and closes where nothing was found. */
import * as vscode from 'vscode';

interface Asked {
  readonly title: string;
  readonly placeHolder: string;
  /** Said while the items are on their way, as a sentence without its end. */
  readonly reading: string;
  readonly matchOnDescription?: boolean;
}

/** `undefined` when the person cancels. Fails as `items` does; what they find later is dropped. */
export async function pickAmong<Item extends vscode.QuickPickItem>(
  items: Promise<readonly Item[]>,
  { title, placeHolder, reading, matchOnDescription = false }: Asked,
): Promise<Item | undefined> {
  const list = vscode.window.createQuickPick<Item>();
  const closed = new Promise<Item | undefined>((resolve) => {
    list.onDidAccept(() => {
      const [chosen] = list.selectedItems;
      if (chosen !== undefined) resolve(chosen);
    });
    list.onDidHide(() => resolve(undefined));
  });
  Object.assign(list, { title, placeholder: `${reading}…`, matchOnDescription, busy: true });
  list.show();
  const filled = items.then((found) => {
    if (found.length === 0) return undefined;
    Object.assign(list, { items: found, placeholder: placeHolder, busy: false });
    return closed;
  });
  try {
    return await Promise.race([closed, filled]);
  } finally {
    list.dispose();
  }
}
