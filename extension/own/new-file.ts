/** New files of a person's own: from a template, or a mechanism of the catalogue to change. */
import { existsSync } from 'node:fs';
import * as vscode from 'vscode';
import { kernelEnding } from '../../protocol/inputs/kernel-file';
import { analysisEnding, taskEnding } from '../../protocol/inputs/own-file';
import { askWhere } from '../panels/exports';
import { Sentence } from '../panels/questions';
import { readBuilt } from '../platform/built-file';
import type { KernelCatalogue } from '../platform/kernel-catalogue';
import type { Handlers } from '../commands/register';
import type { OwnFiles } from './own-files';
import { analysisTemplate, mechanismTemplate, taskTemplate } from './templates';
import { layTypes, referenceLine } from './types-folder';

export interface NewFileParts {
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

type OwnCommand =
  | 'headscope.newMechanism'
  | 'headscope.newAnalysis'
  | 'headscope.newTask'
  | 'headscope.copyMechanism'
  | 'headscope.runOwnFiles';

interface NewFile {
  readonly stem: string;
  readonly ending: string;
  /** As "mechanism". */
  readonly what: string;
  /** Of the dialog. */
  readonly title: string;
}

const mechanism = { ending: kernelEnding, what: 'mechanism' };

export const ownCommands = (parts: NewFileParts): Pick<Handlers, OwnCommand> => ({
  'headscope.newMechanism': () =>
    written({ ...mechanism, stem: 'my-mechanism', title: 'New Mechanism' }, mechanismTemplate, parts),
  'headscope.newAnalysis': () =>
    written(
      { ending: analysisEnding, what: 'analysis', stem: 'my-analysis', title: 'New Analysis' },
      analysisTemplate,
      parts,
    ),
  'headscope.newTask': () =>
    written({ ending: taskEnding, what: 'task', stem: 'my-task', title: 'New Task' }, taskTemplate, parts),
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
    const copy = { ...mechanism, stem: `my-${chosen.id}`, title: asked.title };
    await written(copy, `// A copy of ${file} in Headscope.\n${text}`, parts);
  },
  'headscope.runOwnFiles': () => parts.ownFiles.change(),
});

/** Asks where; a file that is there stays. */
async function written(
  { stem, ending, what, title }: NewFile,
  text: string,
  { types }: Pick<NewFileParts, 'types'>,
): Promise<void> {
  if (!vscode.workspace.workspaceFolders?.some(({ uri }) => uri.scheme === 'file')) {
    throw new Sentence(`A new ${what} is kept in a folder of the workspace. Open a folder first.`);
  }
  // The dialog adds what it takes for the ending, and knows the last part alone.
  const endings = ['ts'];
  const chosen = await askWhere({ name: `${stem}${ending}`, type: `Headscope ${what}`, endings, title });
  if (chosen === undefined) return;
  const target = chosen.path.endsWith(ending)
    ? chosen
    : chosen.with({ path: `${chosen.path.replace(/\.ts$/u, '')}${ending}` });
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
