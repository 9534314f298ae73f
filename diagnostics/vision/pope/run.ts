/** One run of the analysis `pope`: a step a question, so that a run that stopped goes on behind its last answer. */
import type { Parity } from '../../../protocol/schema/parts';
import type { PromptInput } from '../../../protocol/inputs/prompt';
import type { WrittenTruth } from '../../../protocol/inputs/truth';
import type { Intervention } from '../../../protocol/interventions/interventions';
import type { RemovedPositions } from '../../../protocol/interventions/reinforcement';
import { questionPlace, type PopeAnswer, type PopeAnswers, type PopeReply } from '../../../protocol/results/pope';
import { FailureError, refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import type { Continuation, DrawnPictures, ModelRunner } from '../../model-runner/model-runner';
import { canBeAsked, popeQuestions, type PopeImage } from '../../shared/captions/pope';
import { popeReply, type YesAndNo } from '../../shared/captions/pope-reply';
import { noneNamed, orReason, readTruthFiles } from '../../shared/captions/truth-files';
import { requireAnywhere } from '../../shared/divergence/both-passes';
import { setupOf } from '../../shared/divergence/reinforcement';
import { partOf } from '../../shared/parts';
import { spanPair } from '../../shared/divergence/span-pair';
import { settingsOf, type PopeParameters, type PopeSettings } from './parameters';
import { scored } from './scores';

type Job = AnalysisJob<PopeParameters>;
type Question = Omit<PopeAnswer, 'plain' | 'reinforced'>;

/** What was answered to one question. */
type Answered = Pick<PopeAnswer, 'plain' | 'reinforced'> & { readonly parity: Parity };

export async function* runPope(model: ModelRunner, job: Job): AsyncGenerator<Step<PopeAnswers>, PopeAnswers> {
  const { input, parameters, interventions = [], seed, step } = job;
  const { given } = input;
  if (given.kind !== 'image-set') throw new RangeError('a set of pictures is asked for');
  const { prompt } = given;
  if (prompt.kind !== 'text' || !prompt.text.includes(questionPlace)) {
    throw refusal(`The prompt has no place for the question. Write ${questionPlace} where it belongs.`);
  }
  requireAnywhere(interventions);
  const settings = settingsOf(model.facts, parameters, seed);
  const words = yesAndNo(model);
  if (settings.readBy === 'logits' && !words) {
    throw refusal(
      'The tokenizer has no single token that spells yes and one that spells no. Read the text of the answers.',
    );
  }
  const { truth } = await readTruthFiles(model, { truth: parameters.truth, lexicon: '' });
  const { images, drawn } = await picturesOf(model, job, given, truth);
  const questions = questionsOf(images, drawn.files, settings, seed);
  const asking: Asking = {
    prompt,
    settings,
    words,
    interventions,
    positions: parameters.positions as RemovedPositions,
  };

  const answers: PopeAnswer[] = [];
  const failures: { readonly name: string; readonly why: string }[] = [];
  let asked = 0;
  let parity: Parity | undefined;
  const { splits, readBy, reinforcement } = settings;
  const soFar = (): PopeAnswers => ({
    readBy,
    ...(reinforcement ? { reinforcement } : {}),
    splits: splits.map((split) => scored(split, answers, reinforcement !== undefined)),
    answers: [...answers],
    failures: [...failures],
    pictures: asked,
    total: drawn.files.length,
    sample: { count: given.samples, seed, of: drawn.of },
    ...(parity ? { parity } : {}),
  });
  const files = partOf(drawn.files, job.part);
  const total = files.length;
  for (const [done, { name, path, stamp }] of files.entries()) {
    yield { sentence: `Image ${done + 1} of ${total}: ${name}`, done, total, partial: soFar() };
    const own: PopeAnswer[] = [];
    let why: string | undefined;
    for (const question of questions.get(name) ?? []) {
      const outcome = await step(`${name} ${stamp} ${question.question}`, () =>
        orReason(() => answerTo(model, asking, question, path)),
      );
      if ('why' in outcome) {
        why = outcome.why;
        break;
      }
      const { parity: found, ...replies } = outcome.entry;
      own.push({ ...question, ...replies });
      parity = found;
    }
    if (why !== undefined) failures.push({ name, why });
    else {
      asked++;
      answers.push(...own);
    }
  }
  return soFar();
}

/** Pictures of the folder that the truth names, by which absent objects are chosen, and those that are asked about. */
async function picturesOf(
  model: ModelRunner,
  { parameters: { first, truth: file }, seed }: Job,
  { folder, samples }: { readonly folder: string; readonly samples: number },
  truth: ReadonlyMap<string, WrittenTruth>,
): Promise<{ readonly images: readonly PopeImage[]; readonly drawn: DrawnPictures }> {
  let images: readonly PopeImage[] = [];
  const ableAmong = (names: readonly string[]): ReadonlySet<string> => {
    if (names.length === 0) throw noneNamed(folder, file);
    images = names
      .slice(0, first > 0 ? first : names.length)
      .map((name) => ({ image: name, objects: truth.get(name)?.objects ?? [] }));
    const able = new Set(images.filter((one) => canBeAsked(one)).map(({ image }) => image));
    if (able.size === 0)
      throw refusal('No picture has three objects, of which POPE asks. Add such pictures to the truth.');
    return able;
  };
  const wanted = (name: string): boolean => truth.has(name);
  const drawn = await model.pictures({ folder, wanted, drawn: ableAmong, count: samples, seed });
  return { images, drawn };
}

/** By name of the picture; what several splits ask is asked once. */
function questionsOf(
  images: readonly PopeImage[],
  pictures: DrawnPictures['files'],
  { splits }: PopeSettings,
  seed: number,
): ReadonlyMap<string, readonly Question[]> {
  const asked = new Set(pictures.map(({ name }) => name));
  const found = new Map<string, Question[]>();
  for (const split of splits) {
    for (const question of popeQuestions(images, split, { images: Infinity, seed, asked })) {
      const own = found.get(question.image) ?? [];
      found.set(question.image, own);
      const at = own.findIndex(({ object }) => object === question.object);
      const before = own[at];
      if (before) own[at] = { ...before, splits: [...before.splits, split] };
      else own.push({ ...question, splits: [split] });
    }
  }
  return found;
}

interface Asking {
  readonly prompt: Extract<PromptInput, { readonly kind: 'text' }>;
  readonly settings: PopeSettings;
  readonly words: YesAndNo | undefined;
  readonly interventions: readonly Intervention[];
  readonly positions: RemovedPositions;
}

async function answerTo(
  model: ModelRunner,
  { prompt, settings, words, interventions, positions }: Asking,
  { question }: Question,
  image: string,
): Promise<Answered> {
  const { maxNewTokens: further, reinforcement } = settings;
  const sequence = await model.prompt({
    ...prompt,
    text: prompt.text.replaceAll(questionPlace, () => question),
    image,
  });
  const { whole, without } = spanPair(sequence, { kind: 'image' }, positions);
  const changed = interventions.length > 0 ? { variant: (await model.variant(interventions, sequence)).variant } : {};
  const parity = await model.parity(sequence);
  const reply = (run: Continuation): Promise<PopeReply> => popeReply(model, settings, run, words);
  const plain = await reply(await model.continuation({ sequence, further, held: 2, ...changed }));
  if (!reinforcement) return { plain, parity };
  const { run } = await model.reinforced({
    sequence: whole,
    without,
    setup: setupOf(reinforcement),
    further,
    ...changed,
  });
  return { plain, reinforced: await reply(run), parity };
}

/** Tokens that alone spell yes or no, in the spellings in which an answer begins. */
function yesAndNo(model: ModelRunner): YesAndNo | undefined {
  const idsOf = (text: string): readonly number[] => {
    try {
      return model.encode(text);
    } catch (error) {
      // A spelling that the vocabulary has no letters for begins no answer.
      if (error instanceof FailureError) return [];
      throw error;
    }
  };
  const spelt = (word: string): readonly number[] => {
    const spellings = [word, word[0]?.toUpperCase() + word.slice(1), word.toUpperCase()];
    const tokens = spellings.flatMap((one) => [one, ` ${one}`]).map(idsOf);
    return [...new Set(tokens.flatMap(([id, ...more]) => (id === undefined || more.length > 0 ? [] : [id])))];
  };
  const [yes, no] = [spelt('yes'), spelt('no')];
  return yes.length > 0 && no.length > 0 ? { yes, no } : undefined;
}
