import type { ModelIndex } from '../models/model-index';
import { saveLabels } from '../panels/workbench/intervention-dialogs';
import type { HeadsPanels } from '../panels/heads/heads';
import { defined } from '../platform/defined';
import { chooseResult } from '../results/choose-result';
import type { ResultLibrary } from '../results/result-library';
import { uriOf, urisOf } from './arguments';
import { headLinkOf } from './head-link';
import { modelFolder } from './model-folder';
import type { Handlers } from './register';
import { compareFiles, type ResultParts } from './result-commands';

type HeadsCommand =
  'headscope.showHeads' | 'headscope.cancelHeads' | 'headscope.compareHeads' | 'headscope.exportHeadLabels';

export function headsCommands(
  heads: HeadsPanels,
  models: ModelIndex,
  results: ResultParts,
): Pick<Handlers, HeadsCommand> {
  return {
    'headscope.showHeads': (target, link) => showHeads(heads, models, target, link),
    'headscope.cancelHeads': () => heads.run.cancel(),
    'headscope.compareHeads': (clicked, selected) => compareFiles(results, urisOf(clicked, selected), 'heads'),
    'headscope.exportHeadLabels': (argument) => exportLabels(heads, results.library, argument),
  };
}

/** Shows the panel for a config, a folder, or what it showed last; `link` names a prompt and a head. */
async function showHeads(heads: HeadsPanels, models: ModelIndex, target: unknown, link: unknown): Promise<void> {
  const { prompt: text, select } = headLinkOf(link);
  const folder = await folderOf(models, target);
  const before = heads.plan;
  const another = folder !== undefined && folder !== before.folder;
  // Heads of another model are other heads.
  const ofModel = another ? { folder, interventions: [] } : {};
  const prompt = text === undefined ? undefined : ({ kind: 'text', text } as const);
  const changes = another || prompt !== undefined;
  await heads.open({ plan: changes ? { ...before, ...ofModel, ...defined({ prompt }) } : undefined, select });
}

/** The folder whose heads are meant; undefined from the palette: the panel keeps its model. */
async function folderOf(models: ModelIndex, target: unknown): Promise<string | undefined> {
  const named = uriOf(target)?.with({ fragment: '' });
  if (named === undefined) return undefined;
  if (named.scheme !== 'file')
    throw new Error(
      `${named.toString()} is not on this machine, and weights are read from local files. Open a model from a local folder.`,
    );
  return modelFolder(models, named);
}

/** Exports the labels of a saved result that is named, of the one on the screen, or of one that the person chooses. */
async function exportLabels(heads: HeadsPanels, library: ResultLibrary, argument: unknown): Promise<void> {
  const uri = uriOf(argument);
  if (uri === undefined && heads.result !== undefined) return saveLabels(heads.result.result);
  const saved =
    uri === undefined ? await chooseResult(library.listOf('heads'), 'Export the Labels of') : await library.read(uri);
  if (saved === undefined) return;
  if (saved.kind !== 'heads') throw new Error(`${saved.name} has no heads. Choose a result of heads.`);
  if (!saved.content.ok) throw new Error(`The labels of ${saved.name} cannot be exported. ${saved.content.why}`);
  await saveLabels(saved.content.result.result);
}
