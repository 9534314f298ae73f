/** One run of the analysis `divergence-set`: a step a picture, so that a run that stopped goes on behind the last one. */
import type { DatasetEntry } from '../../../protocol/results/hallucination-schema';
import type { WrittenTruth } from '../../../protocol/inputs/truth';
import type { AnalysisJob, Step } from '../../analysis';
import { measureIn } from '../../shared/divergence/parameters';
import { captionsOf, scoresOf } from '../../shared/captions/picture-set';
import { spanPair } from '../../shared/divergence/span-pair';
import { noneNamed, orReason, readTruthFiles } from '../../shared/captions/truth-files';
import type { ModelRunner } from '../../model-runner/model-runner';
import { reinforcementsIn, type SetParameters } from './parameters';
import type { SetResult } from '../../../protocol/results/caption-set-result';

type SetJob = AnalysisJob<SetParameters>;

export async function* runSet(model: ModelRunner, job: SetJob): AsyncGenerator<Step<SetResult>, SetResult> {
  const { input, parameters, seed, step } = job;
  const { given } = input;
  if (given.kind !== 'image-set') throw new RangeError('a set of pictures is asked for');
  const { measure, positions } = measureIn(model.facts, parameters);
  const reinforcements = reinforcementsIn(model.facts, parameters, seed);
  const { truth, ...lexicon } = await readTruthFiles(model, parameters);
  const { folder, samples, prompt } = given;
  const { files, of } = await model.pictures({ folder, wanted: (name) => truth.has(name), count: samples, seed });
  if (files.length === 0) throw noneNamed(folder, parameters.truth);
  const entries: DatasetEntry[] = [];
  const failures: { readonly name: string; readonly why: string }[] = [];
  const soFar = (): SetResult => ({
    distance: measure.distance,
    outliers: measure.outliers,
    positions,
    k: measure.k,
    entries: [...entries],
    failures: [...failures],
    ...scored(entries, reinforcements, lexicon, truth),
    sample: { count: samples, seed, of },
    total: files.length,
  });
  for (const [done, { name, path, stamp }] of files.entries()) {
    const sentence = `Image ${done + 1} of ${files.length}: ${name}`;
    yield { sentence, done, total: files.length, ...(done === 0 ? {} : { partial: soFar() }) };
    const { objects = [], captions = [] } = truth.get(name) ?? {};
    // What was captioned under another truth, lexicon or picture is another step.
    const key = `picture ${name} ${stamp} ${JSON.stringify([objects, captions, lexicon.lexicon ?? null])}`;
    const outcome = await step(key, () =>
      orReason(async () => {
        const sequence = await model.prompt({ ...prompt, image: path });
        const pair = spanPair(sequence, { kind: 'image' }, positions);
        return captionsOf(
          model,
          { sequence, pair, measure },
          {
            name,
            truth: { truth: objects, references: captions },
            lexicon,
            maxNewTokens: parameters.tokens,
            reinforcements,
          },
        );
      }),
    );
    if ('why' in outcome) failures.push({ name, why: outcome.why });
    else entries.push(outcome.entry);
  }
  return soFar();
}

function scored(
  entries: readonly DatasetEntry[],
  reinforcements: Parameters<typeof scoresOf>[1],
  lexicon: Parameters<typeof scoresOf>[2],
  truth: ReadonlyMap<string, WrittenTruth>,
): Pick<SetResult, 'plain' | 'variants' | 'separation' | 'truthLabels'> {
  const truths = entries.map(({ name }) => truth.get(name)?.objects ?? []);
  return scoresOf(entries, reinforcements, lexicon, truths);
}
