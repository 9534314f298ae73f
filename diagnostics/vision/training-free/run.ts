/** One run of the analysis `training-free`: a step for each method of each picture, so that a run that stopped goes on behind the last one. */
import { questionPlace } from '../../../protocol/results/pope';
import type { PromptInput } from '../../../protocol/inputs/prompt';
import type { PopeSplit } from '../../../protocol/results/pope';
import { CaptionJudge, finderOf } from '../../shared/captions/caption';
import { countLabels } from '../../shared/captions/chair';
import { refusal } from '../../../protocol/wire/failures';
import { popeQuestions, type PopeQuestion } from '../../shared/captions/pope';
import { noneNamed, orReason, readTruthFiles, type TruthFiles } from '../../shared/captions/truth-files';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { plain } from './methods/plain';
import { methodsIn, type TrainingFreeParameters } from './parameters';
import { MethodRun } from './picture';
import type { MethodOutput, PictureEntry, TrainingFreeResult } from './result';
import { judgedOutput, rowsOf } from './rows';

type Job = AnalysisJob<TrainingFreeParameters>;

/** Rows are computed so often while the run goes on: intervals take longer the more pictures there are. */
const partialResults = 20;

export async function* runTrainingFree(
  model: ModelRunner,
  job: Job,
): AsyncGenerator<Step<TrainingFreeResult>, TrainingFreeResult> {
  const { input, parameters, seed, step, interventions = [] } = job;
  const { given } = input;
  if (given.kind !== 'image-set') throw new RangeError('a set of pictures is asked for');
  const { folder, samples, prompt } = given;
  const methods = methodsIn(parameters, interventions);
  const { truth, ...lexicon } = await readTruthFiles(model, parameters);
  const { files, of } = await model.pictures({ folder, wanted: (name) => truth.has(name), count: samples, seed });
  if (files.length === 0) throw noneNamed(folder, parameters.truth);
  const { questions, notAsked } = questionsOf(job, truth, new Set(files.map(({ name }) => name)));
  const runs = methods.map((method) => new MethodRun(model, method, parameters.timed));
  const compared = methods.map(({ id, title, source, ...method }) => ({
    id,
    title,
    source,
    settings: method.settings(parameters, model.facts),
  }));
  const entries: PictureEntry[] = [];
  const leftOut = new Map<string, TrainingFreeResult['leftOut'][number]>();
  const failures: { readonly name: string; readonly why: string }[] = [];
  const soFar = (): TrainingFreeResult => ({
    methods: compared,
    rows: rowsOf(compared, entries, lexicon),
    entries: [...entries],
    failures: [...failures],
    leftOut: [...leftOut.values()],
    truthLabels: countLabels(
      finderOf(lexicon.lexicon),
      entries.map(({ name }) => ({ objects: truth.get(name)?.objects ?? [] })),
    ),
    sample: { count: samples, seed, of },
    total: files.length,
    ...(notAsked === undefined ? {} : { notAsked }),
  });
  const total = files.length * methods.length;
  const often = Math.ceil(files.length / partialResults);
  for (const [at, { name, path, stamp }] of files.entries()) {
    const { objects = [], captions = [] } = truth.get(name) ?? {};
    const judge = new CaptionJudge({ ...lexicon, truth: objects, references: captions });
    const asked = questions.get(name) ?? [];
    const outputs = methods.map((): MethodOutput | null => null);
    const missing: { readonly method: string; readonly why: string }[] = [];
    let unread: string | undefined;
    // Another one begins with each picture, so that no method is always timed behind the same other one.
    for (const [turn, index] of methods.map((_, one) => (one + at) % methods.length).entries()) {
      const { id, title } = methods[index] ?? plain;
      const isNew = turn === 0 && at > 0 && at % often === 0;
      yield {
        sentence: `Image ${at + 1} of ${files.length}, ${name}: ${title}`,
        done: at * methods.length + turn,
        total,
        ...(isNew ? { partial: soFar() } : {}),
      };
      // What was written for other questions, or of another picture, is another step.
      const key = `${id} on ${name} ${stamp} ${JSON.stringify(asked.map(({ question }) => question))}`;
      const outcome = await step(key, () =>
        orReason(async () => {
          const run = runs[index];
          if (!run) throw new RangeError(`there is no run of ${id}`);
          return run.picture({
            values: parameters,
            caption: () => model.prompt({ ...prompt, image: path }),
            questions: asked.map((one) => () => model.prompt(questionPrompt(parameters, prompt, one, path))),
            tokens: parameters.tokens,
            seed: seedOf(seed, name),
          });
        }),
      );
      if ('entry' in outcome) {
        outputs[index] = judgedOutput(outcome.entry, judge);
      } else if (id === plain.id) {
        unread = outcome.why;
        break;
      } else missing.push({ method: id, why: outcome.why });
    }
    if (unread === undefined) {
      for (const { method, why } of missing) {
        const before = leftOut.get(method);
        leftOut.set(method, { method, pictures: (before?.pictures ?? 0) + 1, why: before?.why ?? why });
      }
      entries.push({
        name,
        truth: [...(judge.truth ?? [])],
        questions: asked.map(({ object, label }) => ({ object, label })),
        outputs,
      });
    } else failures.push({ name, why: unread });
  }
  return soFar();
}

/** By name of the picture. */
function questionsOf(
  { input: { given }, parameters, seed }: Job,
  truth: TruthFiles['truth'],
  pictures: ReadonlySet<string>,
): { readonly questions: ReadonlyMap<string, readonly PopeQuestion[]>; readonly notAsked?: string } {
  const { objects, split, question } = parameters;
  if (objects === 0) return { questions: new Map(), notAsked: 'No questions of POPE were asked for.' };
  if (given.kind === 'image-set' && given.prompt.kind === 'ids') {
    return {
      questions: new Map(),
      notAsked: 'Questions of POPE are texts, and the prompt is token ids: none was asked.',
    };
  }
  if (!question.includes(questionPlace)) {
    throw refusal(`The prompt has no place for the question. Write ${questionPlace} where it belongs.`);
  }
  const all = [...truth].map(([image, written]) => ({ image, objects: written.objects }));
  // The table of parameters allows no other.
  const asked = popeQuestions(all, split as PopeSplit, { images: Infinity, seed, asked: pictures, perImage: objects });
  const questions = new Map<string, PopeQuestion[]>();
  for (const one of asked) questions.set(one.image, [...(questions.get(one.image) ?? []), one]);
  return asked.length > 0
    ? { questions }
    : { questions, notAsked: `No picture has ${objects} objects that POPE could ask for: none was asked.` };
}

const questionPrompt = (
  { question }: TrainingFreeParameters,
  prompt: PromptInput,
  asked: PopeQuestion,
  image: string,
): PromptInput => ({
  kind: 'text',
  text: question.replaceAll(questionPlace, () => asked.question),
  ...(prompt.kind === 'text' && prompt.chat !== undefined ? { chat: prompt.chat } : {}),
  image,
});

/** Each picture has noise of its own, the same for all questions about it. */
const seedOf = (seed: number, name: string): number =>
  Array.from(name).reduce((hash, character) => (Math.imul(hash, 31) + character.charCodeAt(0)) >>> 0, seed >>> 0);
