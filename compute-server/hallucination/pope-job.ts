/** The job behind `headscope pope MODEL`: the questions of POPE asked of a model, plainly and with reinforced heads. */
import { basename } from 'node:path';
import { canBeAsked, popeQuestions } from '../../diagnostics/shared/captions/pope';
import { popeChange, popeFigures } from '../../diagnostics/shared/captions/pope-figures';
import type { ImageWithTruth, PopeRequest } from '../../protocol/compute/hallucination-requests';
import { questionPlace, type PopeProgress } from '../../protocol/compute/pope';
import type { Reinforcement } from '../../protocol/interventions/reinforcement';
import type { PopeAnswer, PopeReply, PopeResult } from '../../protocol/results/pope';
import type { Parity } from '../../protocol/schema/parts';
import { refusal } from '../../protocol/wire/failures';
import type { Job } from '../dispatch/dispatcher';
import { modelProvenance } from '../provenance';
import type { Surroundings } from '../surroundings';
import { reasonOfImage } from './hallucination-job';
import { EntryStore } from './entry-store';
import type { LoadedModel } from '../model/checkpoint/loaded-model';
import { sampled } from '../model/prompt/picture-sample';
import { promptForPictures } from '../model/prompt/prompt';
import { TextFault } from '../model/text/text-library';
import { prepare } from './prepare';
import { setupOf, reinforcementOf, requireHead, requireVision } from '../model/interventions/span-request';
import { popeReply, type YesAndNo } from '../../diagnostics/shared/captions/pope-reply';
import type { Continuation } from '../../diagnostics/model-runner/model-runner';

type Question = Omit<PopeAnswer, 'plain' | 'reinforced'>;

/** What was answered about a picture: kept by object, since other splits and samples ask for some of them again. */
interface KeptAnswers {
  readonly answers: readonly Omit<PopeAnswer, 'image' | 'label' | 'splits'>[];
}

export async function* popeJob(
  model: LoadedModel,
  request: PopeRequest,
  surroundings: Surroundings,
  signal: AbortSignal,
): Job<PopeProgress, PopeResult> {
  const started = performance.now();
  requireHead(model);
  if (!model.vision) requireVision(model);
  const { images, sample, splits, seed, device: _, ...settings } = request;
  const { prompt, chat, readBy } = settings;
  if (!prompt.includes(questionPlace)) {
    throw refusal(`The prompt has no place for the question. Write ${questionPlace} where it belongs.`);
  }
  const { chatPrompt } = promptForPictures(model, { kind: 'text', text: prompt, chat });
  const words = yesAndNo(model);
  if (readBy === 'logits' && !words) {
    throw refusal(
      'The tokenizer has no single token that spells yes and one that spells no. Read the text of the answers.',
    );
  }
  const reinforcement = request.reinforcement && reinforcementOf(model, request, request.reinforcement);
  const able = images.filter(({ truth }) => canBeAsked({ objects: truth }));
  if (able.length === 0)
    throw refusal('No picture has three objects, of which POPE asks. Add such pictures to the truth.');
  const pictures = sampled(able, sample);
  const questions = questionsOf(images, pictures, request);

  const key = [model.summary.hash, model.stamp, settings];
  const kept = new EntryStore<KeptAnswers>(surroundings.cacheFolder, key, 'answers');
  await kept.read();
  const answers: PopeAnswer[] = [];
  const failures: { name: string; why: string }[] = [];
  let [asked, computed, unkept, cancelled] = [0, 0, false, false];
  let parity: Parity | undefined;
  for (const [at, picture] of pictures.entries()) {
    const name = basename(picture.path);
    const rest = pictures.length - at;
    yield {
      kind: 'stage',
      sentence: `Image ${at + 1} of ${pictures.length}: ${name}`,
      share: at / pictures.length,
      ...(computed === 0 ? {} : { secondsLeft: ((performance.now() - started) / 1000 / computed) * rest }),
    };
    const before = (await kept.of(picture))?.answers ?? [];
    const own: PopeAnswer[] = [];
    /** Also those of other questions stay: other splits may have asked them. */
    const keep = async (): Promise<void> => {
      if (own.every(({ object }) => before.some((one) => one.object === object))) return;
      const others = before.filter(({ object }) => !own.some((one) => one.object === object));
      const why = await kept.add(picture, { answers: [...own, ...others].map(keptAnswer) });
      if (why === undefined || unkept) return;
      surroundings.log('warn', `Finished answers cannot be kept for a later run (${why}); this run continues.`);
      unkept = true;
    };
    try {
      signal.throwIfAborted();
      for (const question of questions.get(name) ?? []) {
        const known = before.find((one) => one.object === question.object && one.question === question.question);
        if (known) own.push({ ...question, ...known });
        else {
          const { answer, parity: found } = await answerOf(
            model,
            request,
            picture.path,
            question,
            reinforcement,
            words,
            surroundings,
            signal,
          );
          own.push(answer);
          parity = found;
        }
      }
      await model.requireUnchanged();
    } catch (error) {
      if (signal.aborted) {
        cancelled = true;
        await keep();
        break;
      }
      const why = reasonOfImage(error);
      if (why === undefined) throw error;
      failures.push({ name, why });
      yield { kind: 'failure', name, why };
      continue;
    }
    asked++;
    answers.push(...own);
    // What was known already says nothing of the time that the others take.
    if (own.some(({ object }) => !before.some((one) => one.object === object))) computed++;
    await keep();
  }
  if (!cancelled) await kept.remove();
  const { distance, outliers, positions, maxNewTokens } = request;
  const made = await modelProvenance(
    model,
    { splits, maxNewTokens, ...(chat ? { chat } : {}), ...(reinforcement ? { distance, outliers, positions } : {}) },
    seed,
  );
  return {
    ...made,
    kind: 'headscope-pope',
    version: 1,
    model: model.summary,
    ...(parity ? { parity } : {}),
    prompt,
    ...(chatPrompt ? { chatPrompt } : {}),
    readBy,
    ...(reinforcement ? { reinforcement } : {}),
    ...(sample ? { sample: { ...sample, of: able.length } } : {}),
    splits: splits.map((split) => scored(split, answers, reinforcement !== undefined)),
    answers,
    failures,
    pictures: asked,
    total: pictures.length,
    state: cancelled ? 'cancelled' : 'done',
    seconds: (performance.now() - started) / 1000,
  };
}

const keptAnswer = ({
  object,
  question,
  plain,
  reinforced,
}: KeptAnswers['answers'][number]): KeptAnswers['answers'][number] => ({
  object,
  question,
  plain,
  ...(reinforced ? { reinforced } : {}),
});

/** By name of the picture; what several splits ask is asked once. */
function questionsOf(
  images: readonly ImageWithTruth[],
  pictures: readonly ImageWithTruth[],
  { splits, seed }: Pick<PopeRequest, 'splits' | 'seed'>,
): ReadonlyMap<string, readonly Question[]> {
  const all = images.map(({ path, truth }) => ({ image: basename(path), objects: truth }));
  const asked = new Set(pictures.map(({ path }) => basename(path)));
  const found = new Map<string, Question[]>();
  for (const split of splits) {
    for (const question of popeQuestions(all, split, { images: Infinity, seed, asked })) {
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

async function answerOf(
  model: LoadedModel,
  request: PopeRequest,
  image: string,
  question: Question,
  reinforcement: Reinforcement | undefined,
  words: YesAndNo | undefined,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<{ readonly answer: PopeAnswer; readonly parity: Parity }> {
  const { prompt, chat, maxNewTokens, distance, outliers, positions } = request;
  const text = prompt.replaceAll(questionPlace, () => question.question);
  const { runner, pair, sequence, parity } = await prepare(
    model,
    {
      folder: model.folder,
      prompt: { kind: 'text', text, chat, image },
      removed: { kind: 'image' },
      distance,
      outliers,
      positions,
    },
    surroundings,
    signal,
  );
  const reply = (run: Continuation): Promise<PopeReply> => popeReply(runner, request, run, words);
  const plain = await reply(await runner.continuation({ sequence, further: maxNewTokens, held: 2 }));
  if (!reinforcement) return { answer: { ...question, plain }, parity };
  const setup = setupOf(reinforcement);
  const { run } = await runner.reinforced({
    sequence: pair.whole,
    without: pair.without,
    setup,
    further: maxNewTokens,
  });
  return { answer: { ...question, plain, reinforced: await reply(run) }, parity };
}

/** Tokens that alone spell yes or no, in the spellings in which an answer begins. */
function yesAndNo(model: LoadedModel): YesAndNo | undefined {
  if (!model.tokeniser.ok) return undefined;
  const { tokeniser } = model.tokeniser;
  const idsOf = (text: string): readonly number[] => {
    try {
      return tokeniser.plain(text);
    } catch (error) {
      // A spelling that the vocabulary has no letters for begins no answer.
      if (error instanceof TextFault) return [];
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

function scored(
  split: PopeAnswer['splits'][number],
  all: readonly PopeAnswer[],
  both: boolean,
): PopeResult['splits'][number] {
  const answers = all.filter(({ splits }) => splits.includes(split));
  const read = (of: (answer: PopeAnswer) => PopeReply | undefined) =>
    answers.flatMap((answer) => {
      const { image, label } = answer;
      const reply = of(answer);
      return reply ? [{ image, label, readAs: reply.readAs, clear: reply.clear }] : [];
    });
  const plain = read((answer) => answer.plain);
  if (!both) return { split, plain: popeFigures(plain) };
  const reinforced = read((answer) => answer.reinforced);
  return {
    split,
    plain: popeFigures(plain),
    reinforced: popeFigures(reinforced),
    change: popeChange(plain, reinforced),
  };
}
