/** The run of `moa`: influence at several lengths, the search, the choice at an unseen length, and what the plan costs there. */
import { seedFor } from '../../../kernels/tensors/random';
import { type FailureError, refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import type { ModelRunner } from '../../model-runner/model-runner';
import { randomPlan } from '../../shared/plans/controls';
import { setsOf, supervised, type Supervised } from './calibration';
import { headsOf, influenceSection, judgedRow, rulesPart, type Profile, type SideBySide } from './figures';
import { blocksOf } from './influence';
import { underPlan, uniformLike } from './measure';
import { gridOf, type MoaParameters } from './parameters';
import { influenceOf } from './profile';
import type { MoaResult } from './result';
import { candidateRules, densityOf, diagonalBlocks, keptBlocks, lossByWindow, type Rule } from './rules';
import { openSolver, programs, solved, undominated, type Program, type Solution } from './search';
import { mean } from '../../../kernels/tensors/vectors';

type Job = AnalysisJob<MoaParameters>;

/** Plans that are measured on the validation prompts at most, spread over the front. */
const mostMeasured = 8;

export async function* run(model: ModelRunner, job: Job): AsyncGenerator<Step<MoaResult>, MoaResult> {
  const { parameters, step, variant, input } = job;
  const { facts } = model;
  const sets = await setsOf(model, job);
  const samples = sets.profiled.reduce((sum, set) => sum + set.samples.length, 0);
  const judgedPrompts = sets.judged.reduce((sum, set) => sum + set.samples.length, 0);
  const total = 2 * samples + 10 + sets.validation.samples.length + judgedPrompts;
  let done = 0;

  const answered: Supervised[][] = sets.profiled.map(() => []);
  for (const [at, { length, samples: own }] of sets.profiled.entries()) {
    for (const [number, sample] of own.entries()) {
      yield { sentence: `Answer to prompt ${number + 1} of ${own.length} at ${length} tokens`, done, total };
      answered[at]?.push(await step(`answer ${at} ${number}`, () => supervised(model, sample, job)));
      done += 1;
    }
  }
  const tokens = answered.map((own) => Math.max(...own.map(({ sequence }) => sequence.ids.length)));
  const { block, step: alphaStep } = gridOf(parameters, tokens);
  let known: MoaResult = {
    task: input.task?.task.title ?? '',
    supervised: parameters.supervised,
    density: parameters.density,
    block,
  };

  const profiles: Profile[] = [];
  for (const [at, own] of answered.entries()) {
    const n = tokens[at] ?? 0;
    const blocks = blocksOf(n, block);
    const sums = facts.blocks.map(({ kvHeads }) =>
      Array.from({ length: kvHeads }, () => new Float64Array(blocks ** 2)),
    );
    for (const [number, one] of own.entries()) {
      yield {
        sentence: `Influence at ${n} tokens, prompt ${number + 1} of ${own.length}`,
        done,
        total,
        partial: known,
      };
      const maps = await step(`influence ${at} ${number}`, () => influenceOf(model, one, variant, { block, blocks }));
      maps.forEach((layer, index) =>
        layer.forEach((map, head) => {
          const sum = sums[index]?.[head];
          map.forEach((value, place) => sum && (sum[place] = (sum[place] ?? 0) + value / own.length));
        }),
      );
      done += 1;
    }
    profiles.push({ tokens: n, prompts: own.length, blocks, maps: sums });
    known = {
      ...known,
      influence: profiles.map((profile) => influenceSection(profile, block, answered.length)),
    };
  }

  yield { sentence: 'The search for rules', done, total, partial: known };
  const bounded = [...new Set([...tokens, ...sets.bounded])].sort((a, b) => a - b);
  const lengths = [...new Set([...bounded, sets.validation.length, ...sets.judged.map(({ length }) => length)])].sort(
    (a, b) => a - b,
  );
  const rules = candidateRules({ profiled: tokens, lengths, step: alphaStep });
  const program = programOf(profiles, rules, bounded, block, parameters);
  const front: Solution[] = [];
  for await (const { solutions, sentence } of searched(program, step)) {
    front.push(...solutions);
    yield { sentence, done, total, partial: known };
  }
  done += 10;
  const plans = undominated(front);
  if (plans.length === 0) throw noPlan(rules, bounded, block, parameters);
  const spread = spreadOver(plans, mostMeasured);
  known = {
    ...known,
    candidates: rules.length,
    unproved: front.filter(({ proved }) => !proved).length,
    bounded,
    validationLength: sets.validation.length,
    validationPrompts: sets.validation.samples.length,
  };

  const byLayer = (of: Solution): readonly (readonly Rule[])[] => {
    let head = 0;
    return facts.blocks.map(({ kvHeads }) =>
      Array.from({ length: kvHeads }, () => rules[of.rules[head++] ?? 0] ?? { alpha: 0, beta: 1 }),
    );
  };
  const layouts = spread.map((one) => headsOf(byLayer(one), block));
  const losses: number[][] = [];
  for (const [number, sample] of sets.validation.samples.entries()) {
    const sentence = `Plans at ${sets.validation.length} tokens, prompt ${number + 1} of ${sets.validation.samples.length}`;
    yield { sentence, done, total, partial: known };
    losses.push(
      await step(`validation ${number}`, async () => {
        const one = await supervised(model, sample, job);
        const found: number[] = [];
        for (const heads of layouts) found.push((await underPlan(model, one, variant, heads)).loss);
        return found;
      }),
    );
    done += 1;
  }
  const validation = spread.map((_, at) => mean(losses.map((own) => own[at] ?? Number.NaN)));
  const best = validation.reduce((least, loss, at) => (loss < (validation[least] ?? Infinity) ? at : least), 0);
  const chosen = spread[best];
  const heads = layouts[best];
  if (!chosen || !heads) throw new RangeError('no plan was measured');
  known = {
    ...known,
    ...rulesPart(facts, byLayer(chosen), profiles, lengths, block),
    pareto: plans.map((plan) => ({
      losses: plan.losses,
      validation: validation[spread.indexOf(plan)] ?? Number.NaN,
    })),
    chosen: plans.indexOf(chosen),
    judged: [],
  };

  const shuffled = Array.from({ length: parameters.random }, (_, draw) =>
    randomPlan(heads, seedFor(job.seed, `moa random heads ${draw}`)),
  );
  for (const [at, { length, samples: own }] of sets.judged.entries()) {
    const measured: SideBySide[] = [];
    for (const [number, sample] of own.entries()) {
      yield {
        sentence: `The plan at ${length} tokens, prompt ${number + 1} of ${own.length}`,
        done,
        total,
        partial: known,
      };
      measured.push(
        await step(`judged ${at} ${number}`, async () => {
          const one = await supervised(model, sample, job);
          const random: number[] = [];
          for (const drawn of shuffled) random.push((await underPlan(model, one, variant, drawn)).loss);
          return {
            random,
            full: await underPlan(model, one, variant, undefined),
            plan: await underPlan(model, one, variant, heads),
            uniform: await underPlan(model, one, variant, uniformLike(facts, heads, one.prompt, block)),
          };
        }),
      );
      done += 1;
    }
    known = { ...known, judged: [...(known.judged ?? []), judgedRow(facts, heads, length, measured)] };
  }
  return known;
}

function programOf(
  profiles: readonly Profile[],
  rules: readonly Rule[],
  bounded: readonly number[],
  block: number,
  { density, floor, perLayer, intervals }: MoaParameters,
): Program {
  let head = 0;
  const layers = (profiles[0]?.maps ?? []).map((layer) => layer.map(() => head++));
  return {
    losses: profiles.map(({ tokens, blocks, maps }) =>
      maps.flat().map((map) => {
        const byWindow = lossByWindow(map, blocks);
        return rules.map((rule) => byWindow[Math.min(blocks, diagonalBlocks(rule, tokens, block))] ?? 0);
      }),
    ),
    costs: bounded.map((tokens) => ({
      all: blocksOf(tokens, block),
      kept: rules.map((rule) => keptBlocks(rule, tokens, block)),
    })),
    ...{ density, floor, layers, intervals },
    ...(perLayer > 0 ? { perLayer } : {}),
  };
}

/** Each program is a step of its own: a cancelled search goes on where it was. */
async function* searched(program: Program, step: Job['step']) {
  const solver = await openSolver();
  const solve = (key: string, objective: number, ranges?: Parameters<typeof solved>[3]) =>
    step(key, () => Promise.resolve(solved(solver, program, objective, ranges) ?? null));
  const alone: Solution[] = [];
  for (const objective of program.losses.keys()) {
    const found = await solve(`program ${objective}`, objective);
    if (found) alone.push(found);
    yield {
      solutions: found ? [found] : [],
      sentence: `The least loss at length ${objective + 1} of ${program.losses.length}`,
    };
  }
  if (alone.length < program.losses.length) return;
  const others = [...programs(program, alone)];
  for (const [at, { objective, ranges }] of others.entries()) {
    const found = await solve(`program between ${at}`, objective, ranges);
    yield { solutions: found ? [found] : [], sentence: `Plans between these: ${at + 1} of ${others.length}` };
  }
}

/** At most so many, from one end of the first objective to the other. */
function spreadOver(plans: readonly Solution[], most: number): readonly Solution[] {
  const sorted = [...plans].sort((a, b) => (a.losses[0] ?? 0) - (b.losses[0] ?? 0));
  if (sorted.length <= most) return sorted;
  return Array.from({ length: most }, (_, at) => sorted[Math.round((at * (sorted.length - 1)) / (most - 1))]).filter(
    (one) => one !== undefined,
  );
}

function noPlan(
  rules: readonly Rule[],
  bounded: readonly number[],
  block: number,
  { density, floor }: MoaParameters,
): FailureError {
  const least = Math.max(...bounded.map((tokens) => Math.min(...rules.map((rule) => densityOf(rule, tokens, block)))));
  const detail =
    least > density
      ? `No rule keeps as little as ${density} of the cache at every length: the least is ${Number(least.toPrecision(3))}. Give a larger density, longer prompts or a smaller block.`
      : `No rules for all heads keep between ${Number((floor * density).toPrecision(3))} and ${density} of the cache at every length. Give a smaller "floor".`;
  return refusal(detail);
}
