/** The run of `task-kv`: one prompt with its plan and what that changes, or the far heads of the prompts of several tasks. */
import { parsePlan } from '../../../protocol/plans/plan-file';
import { refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob, Step } from '../../analysis';
import { layerGroups } from '../../shared/maps/layer-groups';
import type { ModelRunner, Prompt } from '../../model-runner/model-runner';
import type { Sequence } from '../../model-runner/sequence';
import { bytesOf } from '../../shared/plans/model-bytes';
import { taskSamples } from '../../tasks/read-task';
import { TaskTokens } from '../../tasks/task-tokens';
import { continuationOf, effectsOf } from './effect';
import { keptOnlyOf } from './keep-only';
import { lookAt, placedOf, tapBytes, type LayerLook } from './look';
import { chanceOf, overlapMatrix, type HeadSets } from './overlap';
import { fitted, type TaskKvParameters } from './parameters';
import { keptOf, plansOf, roomsOf, smallestOf, tooSmallFor, type NamedPlan } from './plans';
import type { Placed, PlanEffect, TaskKvResult } from './result';
import { heterogeneous } from './separator';
import { mean } from '../../../kernels/tensors/vectors';

type Job = AnalysisJob<TaskKvParameters>;
type Steps = AsyncGenerator<Step<TaskKvResult>, TaskKvResult>;

export async function* run(model: ModelRunner, job: Job): Steps {
  const [prompt] = job.input.prompts;
  return prompt ? yield* ofPrompt(model, job, prompt) : yield* ofTasks(model, job);
}

function basics({ parameters }: Job, tokens: number) {
  const { sinks, recents, window, top } = fitted(parameters, tokens);
  return {
    space: parameters.space === 'residual' ? 'residual' : 'head',
    budget: parameters.budget,
    ...{ tokens, sinks, recents, window, top },
  } as const;
}

async function* ofPrompt(model: ModelRunner, job: Job, prompt: Prompt): Steps {
  const { parameters, variant, groups, seed, step } = job;
  const { facts } = model;
  const sequence: Sequence = { ...prompt, groups };
  const tokens = prompt.ids.length;
  const setting = fitted(parameters, tokens);
  const parts = layerGroups(tapBytes(facts, tokens, setting.window));
  const other = parameters.plan === '' ? [] : [await otherPlan(model, parameters.plan)];
  const total = 2 * parts.length + 3;
  let known: TaskKvResult = basics(job, tokens);

  const looks: LayerLook[] = [];
  for (const [at, layers] of parts.entries()) {
    const sentence = `Layers ${layers[0] ?? 0} to ${layers.at(-1) ?? 0} of ${facts.blocks.length}`;
    yield { sentence, done: 2 * at, total };
    looks.push(...(await step(`layers ${at}`, () => lookAt(model, sequence, variant, layers, parameters))));
  }
  let done = 2 * parts.length;
  const rooms = roomsOf(looks, setting, parameters.budget);
  const kept = keptOf(rooms, setting);
  const plans = [...plansOf(rooms, setting, { random: parameters.random, seed }), ...other];
  const limited = kept.flat().filter((one) => one !== undefined);
  known = {
    ...known,
    pieces: prompt.tokens,
    placed: placedOf(looks),
    pictures: looks.map(({ picture }) => picture),
    plan: plans[0]?.heads ?? [],
    middle: kept.map((layer) => layer.map((one) => one?.middle.length ?? 0)),
    kept: kept.map((layer) => layer.map((one) => (one ? setting.sinks + setting.recents + one.middle.length : tokens))),
    keptBy: prompt.tokens.map((_, position) =>
      position < setting.sinks || position >= tokens - setting.recents
        ? limited.length === 0
          ? Number.NaN
          : 1
        : mean(limited.map(({ middle }) => (middle.includes(position) ? 1 : 0))),
    ),
    smallest: smallestOf(rooms, setting),
    tooSmall: tooSmallFor(rooms, setting, parameters.budget),
  };

  yield { sentence: 'The continuation', done, total, partial: known };
  const behind = await step('continuation', () => continuationOf(model, sequence, variant, parameters));
  done += 1;
  if (behind.ids.length < 2) return known;
  known = {
    ...known,
    measured: { tokens: behind.ids.length - 1, text: model.decode(behind.ids), from: behind.from },
  };

  yield {
    sentence: `What ${plans.length} plans change on ${behind.ids.length - 1} tokens`,
    done,
    total,
    partial: known,
  };
  const found = await step('plans', () =>
    effectsOf(
      model,
      { ...prompt, groups },
      { ids: behind.ids, variant },
      plans.map(({ heads }) => heads),
    ),
  );
  done += 1;
  known = { ...known, ...effectRows(model, tokens, plans, found) };
  if (parameters.keepOnly === 0) return known;

  yield { sentence: 'Some heads of a layer alone', done, total, partial: known };
  const keptOnly = await step('some heads alone', () =>
    keptOnlyOf(model, { ...prompt, groups }, { ids: behind.ids, variant }, looks, parameters.keepOnly),
  );
  return { ...known, keptOnly };
}

/** A plan that a person compares with. */
async function otherPlan(model: ModelRunner, path: string): Promise<NamedPlan> {
  const checked = parsePlan(await model.textFile(path));
  if (!checked.ok) throw refusal(`${path}: ${checked.why}`);
  const { heads, title } = checked.result;
  const shape = (layers: readonly number[]): string => `${layers.length} layers of ${[...new Set(layers)].join(', ')}`;
  const [given, own] = [heads.map((layer) => layer.length), model.facts.blocks.map(({ kvHeads }) => kvHeads)];
  if (given.join() !== own.join()) {
    throw refusal(
      `The plan ${path} is for ${shape(given)} key/value heads, and the model has ${shape(own)}. Choose a plan of this model.`,
    );
  }
  if (heads.some((layer) => layer.some(({ kind }) => kind === 'kept'))) {
    throw refusal(`The plan ${path} keeps chosen positions of another prompt. Choose one that fits every prompt.`);
  }
  return { name: 'other', title: `From the file: ${title}`, heads };
}

function effectRows(
  model: ModelRunner,
  tokens: number,
  plans: readonly NamedPlan[],
  [full, ...effects]: Awaited<ReturnType<typeof effectsOf>>,
): Pick<TaskKvResult, 'effects' | 'random'> {
  const rows = plans.map(({ name, title, heads }, at): PlanEffect => {
    const { plan, full: all } = bytesOf(model.facts, heads, tokens);
    const { divergence = Number.NaN, nll = Number.NaN } = effects[at] ?? {};
    return { name, title, bytes: plan, share: plan / all, divergence, nll };
  });
  const isRandom = ({ name }: PlanEffect): boolean => name.startsWith('random');
  const random = rows.filter(isRandom);
  const [first] = random;
  const bytes = bytesOf(model.facts, plans[0]?.heads ?? [], tokens).full;
  const average = (of: (row: PlanEffect) => number): number => mean(random.map(of));
  return {
    effects: [
      { name: 'full', title: 'Full cache', bytes, share: 1, divergence: 0, nll: full?.nll ?? Number.NaN },
      ...rows.filter((row) => !isRandom(row) && row.name !== 'other'),
      ...(first
        ? [{ ...first, name: 'random', divergence: average((row) => row.divergence), nll: average((row) => row.nll) }]
        : []),
      ...rows.filter(({ name }) => name === 'other'),
    ],
    random: random.map(({ divergence }) => divergence),
  };
}

interface Group {
  readonly task: string;
  readonly title: string;
  readonly prompts: readonly Sequence[];
}

async function* ofTasks(model: ModelRunner, job: Job): Steps {
  const { parameters, variant, step } = job;
  const { facts } = model;
  const groups = await groupsOf(model, job);
  const longest = Math.max(0, ...groups.flatMap(({ prompts }) => prompts.map(({ ids }) => ids.length)));
  const start: TaskKvResult = basics(job, longest);
  const total = groups.reduce((sum, { prompts }) => sum + prompts.length, 0);
  const found: Placed[][] = groups.map(() => []);
  let done = 0;
  for (const [at, { title, prompts }] of groups.entries()) {
    for (const [number, prompt] of prompts.entries()) {
      const partial = done > 0 ? { partial: gathered(start, groups, found, facts.blocks) } : {};
      yield { sentence: `${title}: prompt ${number + 1} of ${prompts.length}`, done, total, ...partial };
      const placed = await step(`task ${at}, prompt ${number}`, async () => {
        const { window } = fitted(parameters, prompt.ids.length);
        const looks: LayerLook[] = [];
        for (const layers of layerGroups(tapBytes(facts, prompt.ids.length, window))) {
          looks.push(...(await lookAt(model, prompt, variant, layers, parameters)));
        }
        return placedOf(looks);
      });
      found[at]?.push(placed);
      done += 1;
    }
  }
  return gathered(start, groups, found, facts.blocks);
}

async function groupsOf(model: ModelRunner, { input, parameters, seed, groups }: Job): Promise<readonly Group[]> {
  const { task, samples = [] } = input.task ?? {};
  if (!task) throw new RangeError('the analysis reads a prompt or a task');
  const found: Group[] = [{ task: task.id, title: task.title, prompts: samples.map(({ prompt }) => prompt) }];
  const further = parameters.tasks.split(',').flatMap((one) => (one.trim() === '' ? [] : [one.trim()]));
  for (const id of further) {
    const other = await taskSamples(
      { task: id, samples: samples.length, seed, parameters: {} },
      await TaskTokens.of(model),
      {
        textFile: (path) => model.textFile(path),
        pause: () => {
          model.signal.throwIfAborted();
          return Promise.resolve();
        },
      },
    );
    const prompts = other.samples.map(({ prompt }) => ({ ...prompt, groups }));
    found.push({ task: id, title: other.task.title, prompts });
  }
  return found;
}

const wholeOf = ({ far, nearest }: Placed): HeadSets =>
  far.map((heads, layer) => {
    const near = nearest[layer] ?? undefined;
    return heterogeneous({ far: heads, ...(near === undefined ? {} : { nearest: near }) });
  });

function gathered(
  start: TaskKvResult,
  groups: readonly Group[],
  found: readonly (readonly Placed[])[],
  blocks: ModelRunner['facts']['blocks'],
): TaskKvResult {
  const heads = blocks.map(({ kvHeads }) => kvHeads);
  const [first = []] = found;
  const sets = found.map((placed) => placed.map(wholeOf));
  const [own = []] = sets;
  const perHead = (of: (layer: number, head: number) => number) =>
    heads.map((count, layer) => Array.from({ length: count }, (_, head) => of(layer, head)));
  const frequency = perHead((layer, head) => mean(own.map((set) => (set[layer]?.includes(head) ? 1 : 0))));
  const over = (of: (placed: Placed) => Placed['distance']) =>
    perHead((layer, head) => mean(first.map((placed) => of(placed)[layer]?.[head] ?? Number.NaN)));
  return {
    ...start,
    placed: {
      distance: over(({ distance }) => distance),
      residual: over(({ residual }) => residual),
      far: frequency.map((row) => row.flatMap((share, head) => (share >= 0.5 ? [head] : []))),
      nearest: heads.map(() => null),
    },
    groups: groups.map(({ task, title }, at) => ({ task, title, prompts: found[at]?.length ?? 0 })),
    frequency,
    overlap: overlapMatrix(sets, heads),
    chance: own[0] ? chanceOf(own[0], heads) : Number.NaN,
  };
}
