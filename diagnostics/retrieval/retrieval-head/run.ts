/** The run of the analysis `retrieval-head`: all tests with every head, then all of them without each set of heads. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { meanScores, parseHeadScores } from '../../../protocol/plans/formats/head-scores';
import { refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { Counting } from '../../shared/retrieval/copy-events';
import { headList } from '../../shared/retrieval/head-list';
import { masked, meanOutputs, type MaskMode } from '../../shared/retrieval/masking';
import { gathered, type Gathered, type RunTest } from './summary';
import { headSet, plannedSets, type HeadSet } from './head-sets';
import { needleTests, observedAnswer, plainAnswer, type Answer } from './needle-test';
import type { RetrievalParameters } from './parameters';
import { planningOf } from './plan';
import type { Published, RetrievalHeadResult } from './result';
import { setWords } from './words';
import { counted } from '../../../protocol/wire/number-words';

/** Where there are many tests, not each gives a partial result, since it holds the numbers of all earlier tests. */
const partialResults = 50;

export async function* runRetrievalHead(
  model: ModelRunner,
  { input, parameters, variant, groups, seed, step }: AnalysisJob<RetrievalParameters>,
): AsyncGenerator<Step<RetrievalHeadResult>, RetrievalHeadResult> {
  const { task } = input;
  if (!task) throw new RangeError('the analysis reads a task');
  const { facts } = model;
  const chosen = chosenHeads(model, parameters);
  const planned = plannedSets(facts, { ...parameters, chosen });
  if (!planned.ok) throw refusal(planned.why);
  const { tests, leftOut } = needleTests(task.task, task.samples, parameters.needle);
  const notes =
    leftOut === 0
      ? task.notes
      : [
          ...task.notes,
          `${counted(leftOut, 'prompt has', 'prompts have')} no needle and ${leftOut === 1 ? 'is' : 'are'} left out.`,
        ];
  const planning = planningOf(parameters);
  const published = await publishedScores(model, parameters.published);
  const counting = parameters.counting as Counting;
  const mode = parameters.mode as MaskMode;
  const decoding = { variant, groups, tokens: parameters.tokens };

  const total = tests.length * (1 + planned.sets.length);
  const every = Math.ceil(total / partialResults);
  const run: RunTest[] = [];
  const sets: { set: HeadSet; answers: Answer[] }[] = [];
  const notMasked: string[] = [];
  const known = (): RetrievalHeadResult =>
    gathered({
      blocks: facts.blocks,
      counting,
      needed: parameters.recall,
      mode,
      chosen,
      run,
      masked: sets,
      notMasked,
      published,
      notes,
      planning,
    } satisfies Gathered);
  let done = 0;
  const standing = (sentence: string): Step<RetrievalHeadResult> => ({
    sentence,
    done,
    total,
    ...(done > 0 && done % every === 0 ? { partial: known() } : {}),
  });

  for (const [at, test] of tests.entries()) {
    yield standing(`Test ${at + 1} of ${tests.length}`);
    const found = await step(`test ${at}`, () => observedAnswer(model, test, { ...decoding, counting }));
    run.push({ test, ...found });
    done += 1;
  }
  const { scores } = known();
  for (const one of planned.sets) {
    const set = headSet(one, planned.sets, { scores, chosen, seed });
    if (!set) {
      notMasked.push(one.name);
      done += tests.length;
      continue;
    }
    const sentence = `Without ${setWords(set)}`;
    yield standing(`${sentence}: test 1 of ${tests.length}`);
    const means =
      mode === 'mean'
        ? await step(`${set.name}, mean outputs`, () =>
            meanOutputs(
              model,
              tests.map(({ sample }) => sample.prompt),
              set.heads,
              variant,
            ),
          )
        : undefined;
    const without = masked(variant, set.heads, mode, means);
    const answers: Answer[] = [];
    sets.push({ set, answers });
    for (const [at, test] of tests.entries()) {
      if (at > 0) yield standing(`${sentence}: test ${at + 1} of ${tests.length}`);
      answers.push(
        await step(`${set.name}, test ${at}`, () => plainAnswer(model, test, { ...decoding, variant: without })),
      );
      done += 1;
    }
  }
  return known();
}

function chosenHeads({ facts }: ModelRunner, { chosen }: RetrievalParameters): readonly HeadPlace[] {
  const heads = headList(chosen, facts);
  if (!heads.ok) throw refusal(heads.why);
  return heads.heads;
}

async function publishedScores(
  model: ModelRunner,
  path: string,
): Promise<Pick<Published, 'file' | 'scores'> | undefined> {
  if (path.trim() === '') return undefined;
  const file = path.split(/[\\/]/u).at(-1) ?? path;
  const read = parseHeadScores(await model.textFile(path));
  if (!read.ok) throw refusal(`${file} holds no scores of heads. ${read.why}`);
  const scores = meanScores(read.result, model.facts.blocks);
  if (scores.flat().every(Number.isNaN)) {
    throw refusal(`${file} has scores of none of this model's heads. Its keys are to be layer-head, e.g. 16-19.`);
  }
  return { file, scores };
}
