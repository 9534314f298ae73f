/** One run of the analysis `divergence-set`: a step a picture, so that a run that stopped goes on behind the last one. */
import type { AnalysisJob, Step } from '../../analysis';
import { captionedSet, type PictureOutcome, type SetSoFar } from '../../shared/captions/captioned-set';
import { scoresOf } from '../../shared/captions/picture-set';
import { noneNamed, readTruthFiles } from '../../shared/captions/truth-files';
import { partOf } from '../../shared/parts';
import { measureIn } from '../../shared/divergence/parameters';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { SetResult } from '../../../protocol/results/caption-set-result';
import { reinforcementsIn, type SetParameters } from './parameters';

type SetJob = AnalysisJob<SetParameters>;

export async function* runSet(model: ModelRunner, job: SetJob): AsyncGenerator<Step<SetResult>, SetResult> {
  const { input, parameters, interventions = [], seed, step } = job;
  const { given } = input;
  if (given.kind !== 'image-set') throw new RangeError('a set of pictures is asked for');
  const { measure, positions } = measureIn(model.facts, parameters);
  const reinforcements = reinforcementsIn(model.facts, parameters, seed);
  const { truth, ...lexicon } = await readTruthFiles(model, parameters);
  const { folder, samples, prompt } = given;
  const drawn = { folder, wanted: (name: string) => truth.has(name), seed };
  const { files: all, of } = await model.pictures({ ...drawn, count: parameters.first > 0 ? Infinity : samples });
  const files = parameters.first > 0 ? all.slice(0, parameters.first) : all;
  if (files.length === 0) throw noneNamed(folder, parameters.truth);
  const pictures = partOf(files, job.part).map((file) => ({
    ...file,
    truth: truth.get(file.name) ?? { objects: [], captions: [] },
  }));
  const result = ({ entries, failures, parity, chatPrompt }: SetSoFar): SetResult => {
    const truths = entries.map(({ name }) => truth.get(name)?.objects ?? []);
    return {
      distance: measure.distance,
      outliers: measure.outliers,
      positions,
      k: measure.k,
      entries,
      failures,
      ...scoresOf(entries, reinforcements, lexicon, truths),
      sample: { count: samples, seed, of },
      total: pictures.length,
      ...(parity ? { parity } : {}),
      ...(chatPrompt ? { chatPrompt } : {}),
    };
  };
  const run = captionedSet(
    model,
    {
      pictures,
      prompt,
      measure,
      positions,
      lexicon,
      maxNewTokens: parameters.tokens,
      reinforcements,
      interventions,
    },
    // What was captioned under another truth, lexicon or picture is another step.
    ({ name, stamp, truth: { objects, captions } }, act): Promise<PictureOutcome> =>
      step(`picture ${name} ${stamp} ${JSON.stringify([objects, captions, lexicon.lexicon ?? null])}`, act),
  );
  for (;;) {
    const next = await run.next();
    if (next.done) return result(next.value);
    const { soFar, ...where } = next.value;
    yield { ...where, partial: result(soFar) };
  }
}
