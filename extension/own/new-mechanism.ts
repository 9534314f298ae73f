/** New files of a person's own: from a template, or a mechanism of the catalogue to change. */
import { existsSync } from 'node:fs';
import * as vscode from 'vscode';
import { kernelEnding } from '../../protocol/inputs/kernel-file';
import { askWhere } from '../panels/exports';
import { Sentence } from '../panels/questions';
import { readBuilt } from '../platform/built-file';
import type { KernelCatalogue } from '../platform/kernel-catalogue';
import type { Handlers } from '../commands/register';
import { mechanismTemplate } from './mechanism-template';
import type { OwnFiles } from './own-files';
import { layTypes, referenceLine } from './types-folder';

export interface NewMechanismParts {
  readonly catalogue: KernelCatalogue;
  readonly ownFiles: OwnFiles;
  /** The text of headscope.d.ts. */
  readonly types: () => string;
  /** What the build wrote of the catalogue: the text of each mechanism, or why there is none. */
  readonly copies: string;
}

interface Copy {
  readonly file: string;
  readonly text?: string;
  readonly why?: string;
}

type OwnCommand = 'headscope.newMechanism' | 'headscope.copyMechanism' | 'headscope.runOwnFiles';

export const ownCommands = (parts: NewMechanismParts): Pick<Handlers, OwnCommand> => ({
  'headscope.newMechanism': () => written('my-mechanism', 'New Mechanism', mechanismTemplate, parts),
  'headscope.copyMechanism': async () => {
    const copies = readBuilt<Readonly<Record<string, Copy>>>(parts.copies);
    const items = parts.catalogue.mechanisms.map(({ id, title, summary }) => {
      const { why } = copies[id] ?? { why: 'Its source is not part of this version.' };
      return { id, label: title, description: id, detail: why === undefined ? summary : `It cannot be copied: ${why}` };
    });
    const asked = { title: 'Copy Mechanism to the Workspace', placeHolder: 'A mechanism', matchOnDescription: true };
    const chosen = await vscode.window.showQuickPick(items, asked);
    if (chosen === undefined) return;
    const { text, file } = copies[chosen.id] ?? {};
    if (text === undefined) throw new Sentence(`${chosen.label} cannot be copied. Choose another mechanism.`);
    await written(`my-${chosen.id}`, asked.title, `// A copy of ${file} in Headscope.\n${text}`, parts);
  },
  'headscope.runOwnFiles': () => parts.ownFiles.change(),
});

/** Asks where; a file that is there stays. */
async function written(name: string, title: string, text: string, { types }: NewMechanismParts): Promise<void> {
  if (!vscode.workspace.workspaceFolders?.some(({ uri }) => uri.scheme === 'file')) {
    throw new Sentence('A mechanism is kept in a folder of the workspace. Open a folder first.');
  }
  // The dialog adds what it takes for the ending, and knows the last part alone.
  const endings = ['ts'];
  const chosen = await askWhere({ name: `${name}${kernelEnding}`, type: 'Headscope mechanism', endings, title });
  if (chosen === undefined) return;
  const target = chosen.path.endsWith(kernelEnding)
    ? chosen
    : chosen.with({ path: `${chosen.path.replace(/\.ts$/u, '')}${kernelEnding}` });
  const root = vscode.workspace.getWorkspaceFolder(target)?.uri.fsPath;
  if (root === undefined) {
    throw new Sentence('Headscope runs files of the workspace alone. Choose a place in a folder that is open.');
  }
  if (existsSync(target.fsPath)) {
    throw new Sentence(`${vscode.workspace.asRelativePath(target)} exists already. Choose another name.`);
  }
  await layTypes(root, types());
  const content = referenceLine(target.fsPath, root) + text;
  await vscode.workspace.fs.writeFile(target, new TextEncoder().encode(content));
  await vscode.window.showTextDocument(target);
}
