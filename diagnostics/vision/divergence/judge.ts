/** By what the words of a caption are judged: the objects that are given, or the row of the picture in a file. */
import type { DivergenceResult } from '../../../protocol/results/divergence-result';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import { CaptionJudge, type Judging } from '../../shared/captions/caption';
import { readTruthFiles } from '../../shared/captions/truth-files';
import type { DivergenceParameters } from './parameters';

export interface Judge {
  readonly judge: CaptionJudge;
  /** As the result says it. */
  readonly said: Pick<DivergenceResult, 'truth' | 'references' | 'truthLabels'>;
}

type Given = Pick<DivergenceParameters, 'objects' | 'truth' | 'lexicon'>;

export async function judgeOf(
  model: Pick<ModelRunner, 'textFile'>,
  { objects, truth: path, lexicon }: Given,
  { image }: Pick<Prompt, 'image'>,
): Promise<Judge> {
  const given = objects
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (path !== '' && !image) {
    throw refusal('A truth file says what pictures hold, and the prompt has none. Leave it out, or give the objects.');
  }
  const files = await readTruthFiles(model, { truth: path, lexicon });
  const row = image && files.truth.get(image.name);
  if (path !== '' && !row) {
    throw refusal(`${path} does not name ${image?.name ?? ''}. Add what it holds, or give the objects themselves.`);
  }
  const truth = given.length > 0 ? given : row?.objects;
  const references = row && row.captions.length > 0 ? { references: row.captions } : {};
  return judged({ ...(truth ? { truth, ...references } : {}), ...(files.lexicon ? { lexicon: files.lexicon } : {}) });
}

/** By what a result says, and the lexicon as it is on the disk. */
export async function judgeAgain(
  model: Pick<ModelRunner, 'textFile'>,
  { lexicon: path }: Given,
  { truth, references }: DivergenceResult,
): Promise<CaptionJudge> {
  const { lexicon } = await readTruthFiles(model, { truth: '', lexicon: path });
  return judged({
    ...(truth ? { truth } : {}),
    ...(references ? { references } : {}),
    ...(lexicon ? { lexicon } : {}),
  }).judge;
}

function judged(judging: Judging): Judge {
  const judge = new CaptionJudge(judging);
  const { truth, references } = judging;
  return {
    judge,
    said: {
      ...(truth ? { truth, ...(references ? { references } : {}) } : {}),
      ...(judge.labels ? { truthLabels: judge.labels } : {}),
    },
  };
}
