/** The run of `act`: the sinks of every prompt, the maps of some, heads calibrated one by one, and the chosen ones judged. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { random as randomFrom, seedFor } from '../../../kernels/tensors/random';
import type { AnalysisJob, Step } from '../../analysis';
import { changeOf, halves } from '../../shared/labelled-heads/halves';
import { fittedControls } from '../../shared/labelled-heads/methods';
import { answered, questionsOf, type Answered, type Question } from '../../shared/labelled-heads/questions';
import { layerMaps, readableKeys } from '../../shared/maps/layer-maps';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { calibrated, headsOf, ruleName, ruleOf, scopeOf } from './calibration';
import { columnStrengths, massesOf } from './columns';
import { actMethod, betasOf, controlsOf, curveOf, headSets } from './comparison';
import {
  headsByToken,
  layerSinks,
  massesByHead,
  placeSinks,
  sinksPerPrompt,
  strengthsOf,
  tokenSinks,
  type LayerLook,
} from './sink-summary';
import type { ActParameters } from './parameters';
import { chosenName, type ActResult } from './result';
import { betterHalf, chosenHeads, Gains, inChunks, roundsOf } from './search';
import { sinksOf, type SinkRows } from './sinks';
import { mean } from '../../../kernels/tensors/vectors';

type Job = AnalysisJob<ActParameters>;
type Partly = Partial<ActResult>;

/** Heads that are tried in one step of the run, at most one layer more. */
const headsInStep = 48;

/** Runs of one prompt in each part, for the estimate and for how far the run is. */
export function workOf(facts: Pick<ModelFacts, 'blocks'>, samples: number, parameters: ActParameters) {
  const { from, to } = scopeOf(facts, parameters);
  const calibration = Math.ceil(samples / 2);
  const heads = facts.blocks.slice(from, to).reduce((sum, block) => sum + block.heads, 0);
  return {
    plain: 2 * samples + 2,
    maps: facts.blocks.length * Math.min(parameters.maps, samples),
    search: heads * calibration,
    compared: betasOf(parameters.beta).length * samples + (2 + parameters.random) * (samples - calibration),
  };
}

export async function* run(model: ModelRunner, job: Job): AsyncGenerator<Step<ActResult>, ActResult> {
  const { parameters, seed, step, variant } = job;
  const { facts } = model;
  const samples = job.input.task?.samples ?? [];
  const questions = questionsOf(samples);
  const [first] = samples;
  const [calibration, heldOut] = halves(questions, randomFrom(seedFor(seed, 'act halves')));
  if (!first) throw new RangeError('the analysis reads a task');
  const name = ruleName(parameters);
  const rule = ruleOf(parameters, name);
  const { beta } = parameters;
  const heads = headsOf(facts, variant);
  const work = workOf(facts, samples.length, parameters);
  const total = work.plain + work.maps + work.search + work.compared;
  let done = 0;
  let known: Partly = basics(model, job, calibration.length, heldOut.length);

  const plain: Answered[] = [];
  const sinks = new Map<Question, SinkRows>();
  for (const [at, question] of [...calibration, ...heldOut].entries()) {
    yield { sentence: `Later sinks of prompt ${at + 1} of ${samples.length}`, done, total, partial: known };
    const found = await step(`plain ${at}`, async () => ({
      answer: (await answered(model, question, [variant]))[0],
      sinks: (await sinksOf(model, question.sample.prompt, { variant, heads, rules: [rule] }))[0] ?? [],
    }));
    if (found.answer) plain.push(found.answer);
    sinks.set(question, found.sinks);
    done += 2;
  }
  const rows = (question: Question): SinkRows => sinks.get(question) ?? [];
  const prompts = questions.map((question) => ({ ids: question.sample.prompt.ids, sinks: rows(question) }));
  const tokens = { pieces: (ids: readonly number[]) => model.pieces(ids), specialIds: facts.specialIds };
  const perPrompt = sinksPerPrompt(prompts);
  known = {
    ...known,
    kinds: tokenSinks(prompts, tokens),
    sinks: perPrompt,
    headsWithSinks: perPrompt.flat().filter((count) => count > 0).length,
  };

  yield { sentence: 'Both rules on the first prompt', done, total, partial: known };
  const [byAlpha, byStrength] = await step('rules', async () => {
    const rules = [ruleOf(parameters, 'alpha'), ruleOf(parameters, 'strength')];
    const both = await sinksOf(model, first.prompt, { variant, heads, rules });
    return both.map((one) => headsByToken({ ids: first.prompt.ids, sinks: one }));
  });
  done += 2;

  const looks: LayerLook[][] = [];
  for (const [at, question] of questions.slice(0, parameters.maps).entries()) {
    const own: LayerLook[] = [];
    looks.push(own);
    for (const [layer] of facts.blocks.entries()) {
      yield { sentence: `Maps of layer ${layer}, prompt ${at + 1} of ${parameters.maps}`, done, total, partial: known };
      own.push(await step(`maps ${at}, ${layer}`, () => look(model, question, job, layer, rows(question), at === 0)));
      done += 1;
    }
  }
  const masses = massesByHead(looks);
  const strengths = strengthsOf(looks[0] ?? []);
  const [firstPrompt] = prompts;
  known = {
    ...known,
    ...masses,
    layers: layerSinks({ sinks: perPrompt, ...masses }),
    tokens: model.pieces(first.prompt.ids),
    headsByAlpha: byAlpha ?? [],
    headsByStrength: byStrength ?? [],
    largest: strengths.largest,
    layerStrengths: strengths.layers,
    places: firstPrompt ? placeSinks(firstPrompt, strengths.ofSinks, tokens) : [],
  };

  const { from, to } = scopeOf(facts, parameters);
  const scope = heads.filter(({ layer }) => layer >= from && layer < to);
  const sinksIn = (question: Question, { layer, head }: HeadPlace): readonly number[] =>
    rows(question)[layer]?.[head] ?? [];
  const withSinks = scope.filter((head) => calibration.some((question) => sinksIn(question, head).length > 0));
  const gains = new Gains(facts);
  const rounds = roundsOf(calibration.length, parameters.halving);
  let candidates: readonly HeadPlace[] = withSinks;
  let seen = 0;
  for (const [round, until] of rounds.entries()) {
    if (round > 0) candidates = betterHalf(candidates, (head) => gains.mean(head));
    for (const [at, question] of calibration.slice(seen, until).entries()) {
      const number = seen + at;
      // A head without sinks in the prompt is the plain head: its gain is 0 without a run.
      const asked = candidates.filter((head) => sinksIn(question, head).length > 0);
      const found = new Map<HeadPlace, number>();
      for (const [part, some] of inChunks(asked, headsInStep).entries()) {
        yield {
          sentence: `Heads one by one, prompt ${number + 1} of ${calibration.length}`,
          done,
          total,
          partial: { ...known, ...gains.profile() },
        };
        const own = await step(`head ${number}, ${part}`, () => gainsOn(model, question, some, job));
        some.forEach((head, i) => found.set(head, own[i] ?? Number.NaN));
        done += some.length;
      }
      for (const head of round === 0 ? scope : candidates) gains.add(head, found.get(head) ?? 0);
    }
    seen = until;
  }
  done = work.plain + work.maps + work.search;
  const profile = gains.profile();
  const chosen = chosenHeads(profile, { prompts: calibration.length, margin: parameters.margin, beta });
  known = { ...known, ...profile, tried: scope.length, triedWithSinks: withSinks.length, chosen };

  const sets = headSets(chosen, withSinks, { sets: parameters.random, seed });
  const betas = chosen.length > 0 ? betasOf(beta) : [];
  const curve = betas.map((one) => ({ beta: one, answers: [] as Answered[] }));
  const compared = new Map<string, Answered[]>();
  for (const [at, question] of [...calibration, ...heldOut].entries()) {
    const prompt = question.sample.prompt.ids.length;
    const judged = at >= calibration.length;
    const controls = judged ? controlsOf(variant, sets, { rule, beta, prompt, sinks: rows(question) }) : [];
    if (betas.length + controls.length === 0) continue;
    yield {
      sentence: `The chosen heads and others on prompt ${at + 1} of ${samples.length}`,
      done,
      total,
      partial: known,
    };
    const [, ...answers] = await step(`compared ${at}`, () =>
      answered(model, question, [
        variant,
        ...betas.map((one) => calibrated(variant, chosen, { rule, beta: one, prompt })),
        ...controls.map((one) => one.variant),
      ]),
    );
    curve.forEach((point, i) => point.answers.push(...answers.slice(i, i + 1)));
    controls.forEach((one, i) => {
      const own = compared.get(one.name) ?? [];
      own.push(...answers.slice(betas.length + i, betas.length + i + 1));
      compared.set(one.name, own);
    });
    done += betas.length + controls.length;
  }

  const plainHeld = plain.slice(calibration.length);
  const after = curve.find((point) => point.beta === beta)?.answers.slice(calibration.length) ?? plainHeld;
  const { temperature, controls } = fittedControls(
    { questions: calibration, answers: plain.slice(0, calibration.length) },
    { questions: heldOut, answers: plainHeld },
  );
  return {
    ...(known as ActResult),
    heldOut: changeOf(plainHeld, after),
    temperature,
    methods: [
      { name: 'plain model', answers: plainHeld },
      ...(chosen.length > 0 ? [{ name: chosenName, answers: after }] : []),
      ...[...compared].map(([title, answers]) => ({ name: title, answers })),
      ...controls,
    ].map((one) => actMethod(one, plainHeld)),
    curve: chosen.length > 0 ? curveOf([...curve, { beta: 1, answers: plain }], calibration.length) : [],
  };
}

function basics({ facts }: ModelRunner, { parameters, input }: Job, calibration: number, heldOut: number): Partly {
  const { alpha, strength, beta, metric, margin, maps } = parameters;
  return {
    ...{ rule: ruleName(parameters), alpha, strength, beta, margin },
    ...scopeOf(facts, parameters),
    metric: metric === 'accuracy' ? 'accuracy' : 'probability',
    calibration,
    heldOutPrompts: heldOut,
    maps: Math.min(maps, input.task?.samples.length ?? 0),
    heads: facts.blocks.reduce((sum, { heads }) => sum + heads, 0),
  };
}

async function look(
  model: ModelRunner,
  { sample: { prompt } }: Question,
  { variant }: Job,
  layer: number,
  sinks: SinkRows,
  wantsStrengths: boolean,
): Promise<LayerLook> {
  const maps = await layerMaps(model, prompt, variant, layer);
  const n = prompt.ids.length;
  const block = model.facts.blocks[layer];
  const own = maps.map((_, head) => sinks[layer]?.[head] ?? []);
  const masses = maps.map((map, head) => massesOf(map, n, own[head] ?? []));
  const look = { first: masses.map((one) => one.first), sinks: masses.map((one) => one.sinks) };
  if (!wantsStrengths || !block) return look;
  const all = maps.map((map) => columnStrengths(map, n, (row) => readableKeys(block, prompt, row)));
  const over = (act: (heads: readonly number[], token: number) => number): readonly number[] =>
    prompt.ids.map((_, token) =>
      act(
        all.map((strengths) => strengths[token] ?? 0),
        token,
      ),
    );
  return {
    ...look,
    strengths: {
      mean: over((heads) => mean(heads)),
      largest: over((heads) => Math.max(...heads)),
      ofSinks: over((heads, token) => Math.max(0, ...heads.filter((_, head) => own[head]?.includes(token)))),
    },
  };
}

/** What the metric of a prompt gains by each head alone. */
async function gainsOn(
  model: ModelRunner,
  question: Question,
  heads: readonly HeadPlace[],
  { parameters, variant }: Job,
): Promise<readonly number[]> {
  const { beta, metric } = parameters;
  const prompt = question.sample.prompt.ids.length;
  const under = { rule: ruleOf(parameters, ruleName(parameters)), beta, prompt };
  const variants = heads.map((head) => calibrated(variant, [head], under));
  const [plain, ...others] = await answered(model, question, [variant, ...variants]);
  const value = (one: Answered | undefined): number =>
    (metric === 'accuracy' ? one && Number(one.correct) : one?.logProbability) ?? Number.NaN;
  return others.map((one) => value(one) - value(plain));
}
