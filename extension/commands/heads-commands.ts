import { saveLabels } from '../panels/workbench/intervention-dialogs';
import type { HeadsPanels } from '../panels/heads/heads';
import { chooseResult } from '../results/choose-result';
import type { ResultLibrary } from '../results/result-library';
import { uriOf, urisOf } from './arguments';
import type { Handlers } from './register';
import { compareFiles, type ResultParts } from './result-commands';

type HeadsCommand = 'headscope.cancelHeads' | 'headscope.compareHeads' | 'headscope.exportHeadLabels';

export function headsCommands(heads: HeadsPanels, results: ResultParts): Pick<Handlers, HeadsCommand> {
  return {
    'headscope.cancelHeads': () => heads.run.cancel(),
    'headscope.compareHeads': (clicked, selected) => compareFiles(results, urisOf(clicked, selected), 'heads'),
    'headscope.exportHeadLabels': (argument) => exportLabels(heads, results.library, argument),
  };
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
