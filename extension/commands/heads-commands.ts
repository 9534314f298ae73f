import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import type { HeadsPlan } from '../../protocol/panels/heads';
import { whyNoHeads } from '../models/model-choices';
import type { ModelIndex } from '../models/model-index';
import { realFolder } from '../models/real-folder';
import { saveLabels } from '../panels/heads/dialogs';
import type { Heads } from '../panels/heads/heads';
import type { HeadsFileEditor } from '../panels/file-editor';
import { chooseResult } from '../results/choose-result';
import type { ResultLibrary } from '../results/result-library';
import { uriOf, urisOf } from './arguments';
import { headLinkOf } from './head-link';
import type { Handlers } from './register';
import { compareFiles } from './result-commands';

type HeadsCommand =
  'headscope.showHeads' | 'headscope.cancelHeads' | 'headscope.compareHeads' | 'headscope.exportHeadLabels';

export function headsCommands(
  heads: Heads,
  models: ModelIndex,
  library: ResultLibrary,
  editor: HeadsFileEditor,
): Pick<Handlers, HeadsCommand> {
  return {
    'headscope.showHeads': (target, link) => showHeads(heads, models, target, link),
    'headscope.cancelHeads': () => heads.run.cancel(),
    'headscope.compareHeads': async (clicked, selected) =>
      compareFiles(await library.heads(), urisOf(clicked, selected), {
        heads: (one, other) => editor.compare(one, other),
      }),
    'headscope.exportHeadLabels': (argument) => exportLabels(heads, library, argument),
  };
}

/** Of a config, of a folder, or of what the panel showed last; `link` names a prompt and a head. */
async function showHeads(heads: Heads, models: ModelIndex, target: unknown, link: unknown): Promise<void> {
  const { prompt, select } = headLinkOf(link);
  const folder = await folderOf(models, target);
  const before = heads.plan;
  const another = folder !== undefined && folder !== before.folder;
  const plan: HeadsPlan | undefined =
    another || prompt !== undefined
      ? {
          ...before,
          ...(folder === undefined ? {} : { folder }),
          // Heads of another model are other heads.
          ...(another ? { gains: [] } : {}),
          ...(prompt === undefined ? {} : { prompt: { kind: 'text', text: prompt } }),
        }
      : undefined;
  await heads.open({
    ...(plan === undefined ? {} : { plan }),
    ...(select === undefined ? {} : { select }),
  });
}

/** The folder whose heads are meant; undefined from the palette: the panel keeps its model. */
async function folderOf(models: ModelIndex, target: unknown): Promise<string | undefined> {
  const named = uriOf(target)?.with({ fragment: '' });
  if (named === undefined) return undefined;
  if (named.scheme !== 'file')
    throw new Error(`The weights of a model are read by path; ${named.toString()} has none.`);
  const isFile = named.path.endsWith('.json');
  const config = isFile ? named : vscode.Uri.joinPath(named, 'config.json');
  const why = whyNoHeads(await models.describe(config), basename(dirname(config.fsPath)));
  if (why !== undefined) throw new Error(why);
  return realFolder(dirname(config.fsPath));
}

/** Of a saved result that is named, of the one on the screen, or of one that the person chooses. */
async function exportLabels(heads: Heads, library: ResultLibrary, argument: unknown): Promise<void> {
  const uri = uriOf(argument);
  if (uri === undefined && heads.shown !== undefined) return saveLabels(heads.shown.result);
  const saved =
    uri === undefined ? await chooseResult(await library.heads(), 'Export the Labels of') : await library.read(uri);
  if (saved === undefined) return;
  if (saved.kind !== 'heads')
    throw new Error(`${saved.name} is a benchmark: it has no heads. Choose a result of heads.`);
  if (!saved.content.ok) throw new Error(`The labels of ${saved.name} cannot be exported. ${saved.content.why}`);
  await saveLabels(saved.content.result.result);
}
