/** A prompt of the result on the screen, as the model that read it is asked about it further. */
import type { AnalysisResult } from '../../../protocol/analysis/schema';
import { setupOfAnalysis } from '../../../protocol/panels/workbench';
import { defined } from '../../platform/defined';
import type { HeadSubject } from '../head-attention';
import { Sentence } from '../questions';
import type { AskingPage } from './asking-page';
import { pathsOf } from './default-setup';

/**
 * The result on the screen, for a question that has its turn later, when another tab may be in front. Where there is none, the
 * question has that for its answer: the page waits for one.
 */
export function askedNow(
  page: AskingPage,
  opened: (result: AnalysisResult) => readonly string[],
): () => { readonly result: AnalysisResult; readonly refused: string | undefined } {
  const result = page.shown();
  const refused = result && page.refusalOfShown(opened(result));
  return () => {
    if (result === undefined) throw new Sentence('There is no result to look into. Run an analysis first.');
    return { result, refused };
  };
}

/** `at`: the place of the prompt in the result. The answer comes once the model is known to be the same. */
export function promptOfShown(page: AskingPage, at = 0): () => Promise<HeadSubject> {
  const asked = askedNow(page, (result) => [
    ...pathsOf({ ...setupOfAnalysis(result), input: { kind: 'none' } }, page.services),
    ...result.prompts.flatMap(({ image }) => image?.path ?? []),
  ]);
  return async () => {
    const { result, refused } = asked();
    const { model, prompts, interventions } = result;
    const prompt = prompts[at];
    if (prompt === undefined) throw new Sentence('The analysis read no prompt whose attention could be shown.');
    if (refused !== undefined) throw new Sentence(refused);
    const where = await page.whereOf(result);
    await page.requireSameModel(model, 'Run the analysis again.', where);
    const image = prompt.image?.path;
    const source = prompt.source?.ids;
    return { ...where, folder: model.folder, ...defined({ image, source }), ids: prompt.ids, interventions };
  };
}
