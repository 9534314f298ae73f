/** CHAIR of captions of one picture, with what must stand beside it. */
import { CaptionJudge } from '../../shared/captions/caption';
import { chairScores } from '../../shared/captions/chair';
import { readTruthFiles } from '../../shared/captions/truth-files';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import type { ImbalancedParameters } from './parameters';
import type { CaptionFigures } from './result';

export type FiguresOf = (text: string) => CaptionFigures;

/** Undefined where no truth is given. */
export async function captionJudge(
  model: ModelRunner,
  { image }: Prompt,
  parameters: Pick<ImbalancedParameters, 'truth' | 'lexicon'>,
): Promise<FiguresOf | undefined> {
  if (parameters.truth === '') return undefined;
  const { truth, lexicon } = await readTruthFiles(model, parameters);
  const found = truth.get(image?.name ?? '');
  if (!found) {
    throw refusal(
      `${parameters.truth} does not name ${image?.name ?? 'the picture'}. Its keys are file names, e.g. "scene-000.png".`,
    );
  }
  const { objects = [], captions = [] } = found;
  const judge = new CaptionJudge({ truth: objects, references: captions, ...(lexicon ? { lexicon } : {}) });
  return (text) => {
    const judged = judge.judged(text);
    const { mentions, hallucinated, chairI, recall, f1 } = chairScores([judged]);
    return {
      length: judged.words,
      mentions,
      hallucinated,
      chairI: chairI ?? Number.NaN,
      recall: recall ?? Number.NaN,
      f1: f1 ?? Number.NaN,
    };
  };
}
