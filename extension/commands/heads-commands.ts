import type { AnalysisResult } from '../../protocol/analysis/schema';
import { headsOfAnalysis } from '../../protocol/compute/heads-of-analysis';
import { headsAnalysis } from '../../protocol/results/labelled-heads';
import { saveLabels } from '../panels/workbench/intervention-dialogs';
import type { WorkbenchPanels } from '../panels/workbench/workbench';
import { chooseResult } from '../results/choose-result';
import type { ResultLibrary } from '../results/result-library';
import { uriOf, urisOf } from './arguments';
import type { Handlers } from './register';
import { compareFiles, type ResultParts } from './result-commands';

type HeadsCommand = 'headscope.cancelHeads' | 'headscope.compareHeads' | 'headscope.exportHeadLabels';

export function headsCommands(workbench: WorkbenchPanels, results: ResultParts): Pick<Handlers, HeadsCommand> {
  return {
    'headscope.cancelHeads': () => workbench.run.cancel(),
    'headscope.compareHeads': (clicked, selected) => compareFiles(results, urisOf(clicked, selected), ofHeads),
    'headscope.exportHeadLabels': (argument) => exportLabels(workbench, results.library, argument),
  };
}

/** Results of heads, whatever they were saved as. */
const ofHeads = { kind: 'analysis', analysis: headsAnalysis.id } as const;

const isOfHeads = (result: AnalysisResult | undefined): result is AnalysisResult =>
  result?.analysis === ofHeads.analysis && result.prompts.length > 0;

/** Exports the labels of a saved result that is named, of the one on the screen, or of one that the person chooses. */
async function exportLabels(workbench: WorkbenchPanels, library: ResultLibrary, argument: unknown): Promise<void> {
  const uri = uriOf(argument);
  const { result: shown } = workbench;
  if (uri === undefined && isOfHeads(shown)) return saveLabels(headsOfAnalysis(shown));
  const saved =
    uri === undefined
      ? await chooseResult(
          library.listOf(ofHeads.kind),
          'Export the Labels of',
          ({ analysis }) => analysis === ofHeads.analysis,
        )
      : await library.read(uri);
  if (saved === undefined) return;
  if (!saved.content.ok) throw new Error(`The labels of ${saved.name} cannot be exported. ${saved.content.why}`);
  const { result } = saved.content;
  if (!('analysis' in result) || !isOfHeads(result))
    throw new Error(`${saved.name} has no heads. Choose a result of heads.`);
  await saveLabels(headsOfAnalysis(result));
}
