/** The run of `factual-recall`, stage by stage. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { AnalysisJob, Step } from '../../analysis';
import type { PathMeasured } from '../../shared/circuits/effects';
import { refusal } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import { headList } from '../../shared/retrieval/head-list';
import { TaskTokens } from '../../tasks/task-tokens';
import { answeredBy, corrected, correctedOf, settingsOf, type Answered } from './correction';
import { decomposed, writesOf, type WrittenOut } from './decomposition';
import { mlpsFound, readsOf } from './descriptions';
import { functionPoints, topicsOf, triedTopic } from './function-test';
import { headsFound, meanOutputs, meanToTopic, ranksOf, streamCheck, windowOf } from './summary';
import { patchedFact, type PatchedFact } from './head-effects';
import { neutralIds, neutralOf, readWindow, windowsOf, type Window } from './neutral-text';
import type { RecallParameters, senders } from './parameters';
import { factsOf } from './prompts';
import { requireSums, streamRanks, type StreamRanks } from './ranks';
import { headOutputsAt, readingOf, type Reading } from './reading';
import type { RecallResult } from './result';
import { directFact, frequentTokens, suppressionOf, type DirectFact } from './suppression';

export async function* recall(
  model: ModelRunner,
  job: AnalysisJob<RecallParameters>,
): AsyncGenerator<Step<RecallResult>, RecallResult> {
  const { parameters, variant, groups, seed, step, input } = job;
  const { blocks, summary } = model.facts;
  const alphas = alphasOf(parameters.alphas);
  const window = headList(parameters.window, model.facts);
  if (!window.ok) throw refusal(window.why);
  const tokens = await TaskTokens.of(model);
  const facts = factsOf(job, tokens);
  await requireSums(model);
  const { all, candidates, fitted, held } = facts;
  const paired = [...all.keys()].filter((at) => all[at]?.counterpart);
  const settings = settingsOf(parameters);
  const text = await neutralIds(model, parameters.text);
  const windows = windowsOf(text, tokens.lead);
  const topics = topicsOf(facts, tokens.lead);
  const total = 2 * all.length + 2 * paired.length + topics.length + held.length + settings.length * windows.length + 3;
  let done = 0;
  let result: RecallResult = {
    task: input.task?.task.id ?? '',
    prompts: all.length,
    fitted: fitted.length,
    held: held.length,
    heldBy: facts.heldBy,
    answers: candidates.length,
    sender: parameters.sender as (typeof senders)[number],
    freezeMlps: parameters.freezeMlps,
    threshold: parameters.threshold,
    longAnswers: all.filter(({ long }) => long).length,
  };
  const stage = (sentence: string): Step<RecallResult> => ({ sentence, done, total, partial: result });

  const readings: Reading[] = [];
  const ranks: (StreamRanks & Answered)[] = [];
  for (const [at, fact] of all.entries()) {
    yield stage(`Reading prompt ${at + 1} of ${all.length}`);
    readings.push(await step(`reading ${at}`, () => readingOf(model, fact, { variant, groups })));
    const reading = readings[at];
    if (!reading) continue;
    ranks.push(
      await step(`ranks ${at}`, async () => {
        const [answered] = await answeredBy(model, fact, candidates, [variant]);
        if (!answered) throw new RangeError('the prompt was not answered');
        const { answer, topic } = fact;
        return { ...answered, ...(await streamRanks(model, reading, { topic: topic.ids, answer, candidates })) };
      }),
    );
    done += 1;
  }
  result = { ...result, ...ranksOf(facts, ranks), toTopic: meanToTopic(model, readings), ...streamCheck(readings) };

  const measured: PathMeasured[] = [];
  const sent: Map<number, readonly Float32Array[]> = new Map();
  for (const at of paired) {
    const { counterpart, row } = all[at] ?? {};
    if (!counterpart || row === undefined) continue;
    yield stage('Reading the counterparts');
    sent.set(at, await step(`counterpart ${at}`, () => headOutputsAt(model, counterpart, row, variant)));
    done += 1;
  }
  const means = parameters.sender === 'mean' ? meanOutputs([...sent.values()]) : undefined;
  for (const [number, at] of paired.entries()) {
    const [fact, reading, own] = [all[at], readings[at], means ?? sent.get(at)];
    if (!fact?.counterpart || !reading || !own) continue;
    yield stage(`Patching the heads of prompt ${number + 1} of ${paired.length}`);
    const asked: PatchedFact = { fact: { ...fact, counterpart: fact.counterpart }, reading, sent: own };
    measured.push(
      await step(`heads ${at}`, () => patchedFact(model, asked, { variant, freezeMlps: parameters.freezeMlps })),
    );
    done += 1;
  }
  if (measured.length > 0) result = { ...result, ...headsFound(model, measured, parameters.threshold) };

  yield stage('Working out what heads write');
  const chosen = windowOf(model, window.heads, result);
  const written: WrittenOut = await step('writes', () => writesOf(model, readings, chosen.heads));
  const { check = { heads: 0, stream: 0, logit: 0 } } = result;
  result = { ...result, check: { ...check, heads: written.error } };
  done += 1;
  yield stage('Reading heads alone');
  result = { ...result, reads: await step('reads', () => readsOf(model, facts, readings, written, result)) };
  done += 1;

  yield stage('Explaining the MLPs');
  const mlps = chosen.layers.map((layer) => decomposed(model, readings, written.writes, facts, layer, chosen.heads));
  const described = await step('MLPs', () => mlpsFound(model, facts, readings, mlps));
  result = { ...result, mlps: described };
  done += 1;

  const places: Awaited<ReturnType<typeof triedTopic>>[] = [];
  for (const [at, topic] of topics.entries()) {
    yield stage(`Adding intercepts to topic ${at + 1} of ${topics.length}`);
    places.push(await step(`topic ${at}`, () => triedTopic(model, topic, { mlps, alphas, candidates, variant, seed })));
    done += 1;
  }
  const [bare, ...tried] = functionPoints(places, chosen.layers, alphas);
  result = { ...result, ...(bare ? { bare } : {}), tried };

  const frequent = frequentTokens(text, summary.vocabulary);
  const direct: DirectFact[] = [];
  for (const [at, fact] of all.entries()) {
    const reading = readings[at];
    if (!reading) continue;
    yield stage(`Attributing the answer of prompt ${at + 1} of ${all.length}`);
    direct.push(await step(`direct ${at}`, () => directFact(model, fact, reading, { frequent, candidates })));
    done += 1;
  }
  const suppression = suppressionOf(direct, fitted, blocks.length);
  const last = blocks.length - 1;
  const suppressing = suppression.heads.flatMap((value, head): HeadPlace[] =>
    value < 0 ? [{ layer: last, head }] : [],
  );
  result = {
    ...result,
    suppression,
    suppressing,
    frequentBy: text.length > 0 ? 'text' : 'vocabulary',
    check: { ...(result.check ?? check), logit: Math.max(...direct.map(({ error }) => error)) },
  };

  const variants = settings.map((setting) => corrected(variant, suppressing, last, setting));
  const answered: (readonly Answered[])[] = [];
  for (const at of held) {
    const fact = all[at];
    if (!fact) continue;
    yield stage('Measuring the correction on held-out prompts');
    answered.push(await step(`corrected ${at}`, () => answeredBy(model, fact, candidates, variants)));
    done += 1;
  }
  const by = settings.map((_, setting) => answered.flatMap((one) => one[setting] ?? []));
  result = {
    ...result,
    corrected: settings.map((setting, at) => correctedOf(setting, by[at] ?? [], by[0] ?? [])),
  };
  const neutral: Window[][] = settings.map(() => []);
  for (const [number, ids] of windows.entries()) {
    for (const [at, own] of variants.entries()) {
      yield stage('Measuring the correction on neutral text');
      neutral[at]?.push(await step(`window ${number}, setting ${at}`, () => readWindow(model, ids, own)));
      done += 1;
    }
  }
  if (windows.length > 0) {
    result = { ...result, neutral: neutral.map((own) => neutralOf(own, neutral[0] ?? [])) };
  }
  return result;
}

function alphasOf(text: string): readonly number[] {
  const alphas = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (alphas.every(Number.isFinite) && alphas.length <= 16) return alphas;
  throw refusal(`"${text.slice(0, 60)}" is no list of strengths. Write up to 16 numbers, as 1,2,4.`);
}
