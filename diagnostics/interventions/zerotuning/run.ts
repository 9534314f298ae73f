/** The run of `zerotuning`: the plain model, the profile of single heads, the sweep of the chosen ones, the controls. */
import type { HeadPlace } from '../../../protocol/schema/written-form';
import { random as randomFrom, seedFor } from '../../../kernels/tensors/random';
import type { PerHead } from '../../../protocol/results/heads';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { changeOf, drawn, halves } from '../../shared/labelled-heads/halves';
import { fittedControls, methodOf, type Compared } from '../../shared/labelled-heads/methods';
import { questionsOf, scoreOf, type Answered, type Question } from '../../shared/labelled-heads/questions';
import { meanInterval } from '../../shared/statistics/proportion';
import { bestOf, chooseHeads, grid, headTypes, refined, type Choice, type HeadTypes } from './choose';
import { biasOf } from './lever';
import { answered, tuned } from './measure';
import type { ZeroTuningParameters } from './parameters';
import type { CurvePoint, ZeroTuningResult } from './result';
import { sensitivityOf } from './sensitivity';
import { mean } from '../../../kernels/tensors/vectors';

type Job = AnalysisJob<ZeroTuningParameters>;
type Partly = Partial<ZeroTuningResult>;

export const scopeOf = (layers: number, scope: string): { readonly from: number; readonly to: number } => {
  const third = (part: number): number => Math.floor((part * layers) / 3);
  if (scope === 'all') return { from: 0, to: layers };
  const part = ['shallow', 'middle', 'deep'].indexOf(scope);
  return { from: third(part), to: third(part + 1) };
};

/** What a gradient costs, in runs. */
const gradientRuns = 3;

const gammasOf = ({ gamma }: ZeroTuningParameters): readonly number[] => [gamma, 1 / gamma];

/** Runs of one prompt in each part, for the estimate and for how far the run is. */
export function workOf({ blocks }: Pick<ModelFacts, 'blocks'>, samples: number, parameters: ZeroTuningParameters) {
  const { from, to } = scopeOf(blocks.length, parameters.layers);
  const calibration = Math.ceil(samples / 2);
  const heads = blocks.slice(from, to).reduce((sum, block) => sum + block.heads, 0);
  return {
    plain: 2 * samples + gradientRuns * calibration,
    profile: parameters.method === 'gradient' ? 0 : heads * gammasOf(parameters).length * calibration,
    sweep: (grid.length + 2) * samples,
    controls: samples - calibration,
  };
}

export async function* run(model: ModelRunner, job: Job): AsyncGenerator<Step<ZeroTuningResult>, ZeroTuningResult> {
  const { parameters, seed, step, variant } = job;
  const { blocks } = model.facts;
  const samples = job.input.task?.samples ?? [];
  const [calibration, heldOut] = halves(questionsOf(samples), randomFrom(seedFor(seed, 'zerotuning halves')));
  const work = workOf(model.facts, samples.length, parameters);
  const total = work.plain + work.profile + work.sweep + work.controls;
  let done = 0;
  let known: Partly = {};

  const plain: Answered[] = [];
  const masses: PerHead[] = [];
  const slopes: PerHead[] = [];
  for (const [at, question] of [...calibration, ...heldOut].entries()) {
    yield { sentence: `The plain model on prompt ${at + 1} of ${samples.length}`, done, total };
    const { answer, mass } = await step(`plain ${at}`, async () => ({
      answer: (await answered(model, question, [variant]))[0],
      mass: await firstTokenMass(model, question, job),
    }));
    if (answer) plain.push(answer);
    masses.push(mass);
    done += 2;
    if (!answer || at >= calibration.length) continue;
    const of = { answer, target: targetOf(parameters), variant };
    slopes.push(await step(`sensitivity ${at}`, () => sensitivityOf(model, question, of)));
    done += gradientRuns;
  }
  const plainScores = {
    calibration: scoreOf(plain.slice(0, calibration.length)),
    heldOut: scoreOf(plain.slice(calibration.length)),
  };
  known = {
    ...basics(model, job, calibration.length, heldOut.length),
    firstTokenMass: meanOf(masses),
    sensitivity: meanOf(slopes),
  };

  const gains: Mean[][][] = blocks.map(({ heads }) =>
    gammasOf(parameters).map(() => new Array<Mean>(heads).fill(unknown)),
  );
  const scope = scopeOf(blocks.length, parameters.layers);
  for (let layer = scope.from; layer < scope.to; layer++) {
    const heads = Array.from({ length: blocks[layer]?.heads ?? 0 }, (_, head) => ({ layer, head }));
    const bySample: (readonly (readonly number[])[])[] =
      parameters.method === 'gradient'
        ? slopes.map((one) =>
            gammasOf(parameters).map((gamma) =>
              heads.map(({ head }) => biasOf(gamma) * (one[layer]?.[head] ?? Number.NaN)),
            ),
          )
        : [];
    for (const [at, question] of parameters.method === 'gradient' ? [] : calibration.entries()) {
      const sentence = `Gamma on the heads of layer ${layer}, prompt ${at + 1} of ${calibration.length}`;
      yield { sentence, done, total, partial: { ...known, ...profileOf(gains) } };
      bySample.push(await step(`layer ${layer}, prompt ${at}`, () => gainsOn(model, question, heads, job)));
      done += heads.length * gammasOf(parameters).length;
    }
    gains[layer] = gammasOf(parameters).map((_, g) =>
      heads.map(({ head }) => meanInterval(bySample.map((one) => one[g]?.[head] ?? Number.NaN))),
    );
  }
  const profile = profileOf(gains);
  const choice = chooseHeads(profile, parameters.direction, parameters.share);
  known = { ...known, ...profile, direction: choice.direction };

  const questions = [...calibration, ...heldOut];
  const swept = new Map<number, readonly Answered[]>();
  const pointOf = (gamma: number, all: readonly Answered[]): CurvePoint => ({
    gamma,
    calibration: scoreOf(all.slice(0, calibration.length)),
    heldOut: scoreOf(all.slice(calibration.length)),
  });
  let curve: readonly CurvePoint[] = choice.direction === null ? [] : [{ gamma: 1, ...plainScores }];
  let best: CurvePoint | undefined;
  for (const round of choice.direction === null ? [] : (['grid', 'refined'] as const)) {
    const gammas = round === 'grid' ? grid : refined(curve, best?.gamma ?? 1);
    const answers: (readonly Answered[])[] = [];
    for (const [at, question] of questions.entries()) {
      const sentence = `${round === 'grid' ? 'Sweep of' : 'Finer sweep of'} gamma on ${choice.heads.length} heads, prompt ${at + 1} of ${questions.length}`;
      yield { sentence, done, total, partial: { ...known, ...chosenWith(choice, best?.gamma ?? Number.NaN), curve } };
      const variants = gammas.map((gamma) => tuned(variant, choice.heads, gamma));
      answers.push(await step(`${round} ${at}`, () => answered(model, question, variants)));
      done += gammas.length;
    }
    gammas.forEach((gamma, g) =>
      swept.set(
        gamma,
        answers.map((all) => all[g]).filter((one) => one !== undefined),
      ),
    );
    curve = [...curve, ...gammas.map((gamma) => pointOf(gamma, swept.get(gamma) ?? []))].sort(
      (a, b) => a.gamma - b.gamma,
    );
    best = bestOf(targetOf(parameters), curve);
  }
  const gamma = best?.gamma ?? 1;
  known = { ...known, ...chosenWith(choice, gamma), curve };

  const random = randomHeads(scopeHeads(model.facts, parameters), choice.heads.length, seed);
  const byRandom: Answered[] = [];
  for (const [at, question] of (gamma === 1 ? [] : heldOut).entries()) {
    yield { sentence: `As many random heads, prompt ${at + 1} of ${heldOut.length}`, done, total, partial: known };
    const [answer] = await step(`random ${at}`, () => answered(model, question, [tuned(variant, random, gamma)]));
    if (answer) byRandom.push(answer);
    done += 1;
  }
  const plainHeld = plain.slice(calibration.length);
  const tunedHeld = swept.get(gamma)?.slice(calibration.length) ?? plainHeld;
  const fitted = { questions: calibration, answers: plain.slice(0, calibration.length) };
  return {
    ...(known as ZeroTuningResult),
    heldOut: changeOf(plainHeld, tunedHeld),
    ...methodsOf(fitted, { questions: heldOut, plain: plainHeld, tuned: tunedHeld, random: byRandom }),
  };
}

const targetOf = ({ target }: ZeroTuningParameters): ZeroTuningResult['target'] =>
  target === 'entropy' ? 'entropy' : 'labels';

const scopeHeads = ({ blocks }: Pick<ModelFacts, 'blocks'>, { layers }: ZeroTuningParameters): readonly HeadPlace[] => {
  const { from, to } = scopeOf(blocks.length, layers);
  return blocks.flatMap(({ heads }, layer) =>
    layer < from || layer >= to ? [] : Array.from({ length: heads }, (_, head) => ({ layer, head })),
  );
};

const randomHeads = (heads: readonly HeadPlace[], count: number, seed: number): readonly HeadPlace[] =>
  drawn(heads, count, randomFrom(seedFor(seed, 'zerotuning random heads')));

function basics(model: ModelRunner, { input, parameters }: Job, calibration: number, heldOut: number): Partly {
  const samples = input.task?.samples ?? [];
  const { facts } = model;
  const [first] = samples[0]?.prompt.ids ?? [];
  const longest = Math.max(0, ...samples.map(({ prompt }) => prompt.ids.length));
  return {
    target: targetOf(parameters),
    firstToken: {
      text: first === undefined ? '' : (model.pieces([first])[0] ?? ''),
      special: first !== undefined && first === facts.bosId,
    },
    calibration,
    heldOutPrompts: heldOut,
    gamma: parameters.gamma,
    method: parameters.method === 'gradient' ? 'gradient' : 'runs',
    windowed: facts.blocks.filter(({ window }) => window !== undefined && window < longest).length,
  };
}

/** Mean over the queries behind the first of the weight on token 0, by head. */
async function firstTokenMass(model: ModelRunner, { sample }: Question, { variant }: Job): Promise<PerHead> {
  const { layers } = await model.run({ ...sample.prompt, variants: [variant], statistics: true, logits: 'none' });
  return layers.map(({ statistics }) => statistics?.firstToken ?? []);
}

/** By gamma and head: what the target gains on a prompt by that head alone. */
async function gainsOn(
  model: ModelRunner,
  question: Question,
  heads: readonly HeadPlace[],
  { parameters, variant }: Job,
): Promise<readonly (readonly number[])[]> {
  const gammas = gammasOf(parameters);
  const variants = gammas.flatMap((gamma) => heads.map((head) => tuned(variant, [head], gamma)));
  const [plain, ...others] = await answered(model, question, [variant, ...variants]);
  const value = (one: Answered | undefined): number =>
    (targetOf(parameters) === 'entropy' ? one && -one.entropy : one?.logProbability) ?? Number.NaN;
  return gammas.map((_, g) => heads.map((__, h) => value(others[g * heads.length + h]) - value(plain)));
}

/** Over prompts, with its interval. */
type Mean = ReturnType<typeof meanInterval>;
const unknown: Mean = { mean: Number.NaN, low: Number.NaN, high: Number.NaN };

type Profile = HeadTypes & Pick<ZeroTuningResult, 'up' | 'down' | 'upRange' | 'downRange'>;

/** `gains`: by layer, gamma and head. */
function profileOf(gains: readonly (readonly (readonly Mean[])[])[]): Profile {
  const at = (g: number, end: keyof Mean = 'mean'): PerHead =>
    gains.map((layer) => (layer[g] ?? []).map((one) => one[end]));
  const [up, down] = [at(0), at(1)];
  return {
    up,
    down,
    ...headTypes(up, down),
    upRange: { low: at(0, 'low'), high: at(0, 'high') },
    downRange: { low: at(1, 'low'), high: at(1, 'high') },
  };
}

const chosenWith = ({ heads }: Choice, gamma: number): Pick<ZeroTuningResult, 'chosen' | 'best'> => ({
  chosen: heads.map(({ layer, head, gain }) => ({ layer, head, gain, value: gamma })),
  best: gamma,
});

function meanOf(tables: readonly PerHead[]): PerHead {
  const [first = []] = tables;
  return first.map((row, layer) =>
    row.map((_, head) => mean(tables.map((table) => table[layer]?.[head] ?? Number.NaN))),
  );
}

/** Methods side by side on the held-out prompts; the fitted ones from the calibration prompts. */
function methodsOf(
  fitted: { readonly questions: readonly Question[]; readonly answers: readonly Answered[] },
  held: {
    readonly questions: readonly Question[];
    readonly plain: readonly Answered[];
    readonly tuned: readonly Answered[];
    readonly random: readonly Answered[];
  },
): Pick<ZeroTuningResult, 'methods' | 'temperature'> {
  const { temperature, controls } = fittedControls(fitted, { questions: held.questions, answers: held.plain });
  const compared: readonly Compared[] = [
    { name: 'plain model', answers: held.plain },
    { name: 'chosen heads', answers: held.tuned },
    ...(held.random.length > 0 ? [{ name: 'as many random heads', answers: held.random }] : []),
    ...controls,
  ];
  return { temperature, methods: compared.map(methodOf) };
}
