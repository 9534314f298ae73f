/** Prompts at several lengths, each with the tokens whose loss counts. */
import { seedFor } from '../../../kernels/tensors/random';
import type { ParameterValues } from '../../../protocol/schema/parts';
import { refusal } from '../../../protocol/wire/failures';
import type { AnalysisJob } from '../../analysis';
import { continued } from '../../model-runner/decoding';
import type { ModelFacts, ModelRunner } from '../../model-runner/model-runner';
import { predictedRows } from '../../model-runner/predicted-rows';
import type { Sequence } from '../../model-runner/sequence';
import type { Sample } from '../../tasks/task';
import { tasks } from '../../tasks/catalogue';
import { taskSamples } from '../../tasks/read-task';
import { TaskTokens } from '../../tasks/task-tokens';
import { lengthsOf, type MoaParameters } from './parameters';

type Job = Pick<AnalysisJob<MoaParameters>, 'input' | 'parameters' | 'variant' | 'groups' | 'seed'>;

export interface Supervised {
  /** Prompt and answer. */
  readonly sequence: Sequence;
  /** Tokens of the prompt. */
  readonly prompt: number;
  /** Queries whose next token counts. */
  readonly rows: readonly number[];
}

/** What stays of a prompt when its answer is not known yet. */
interface Set {
  /** As asked for, or the longest prompt of a part. */
  readonly length: number;
  readonly samples: readonly Sample[];
}

export interface Sets {
  readonly profiled: readonly Set[];
  /** Chooses the plan. */
  readonly validation: Set;
  /** Judge it: further prompts of the validation length, and of longer ones. */
  readonly judged: readonly Set[];
  /** Lengths at which the density holds, besides the profiled ones. */
  readonly bounded: readonly number[];
}

interface Lengths {
  readonly profiled: readonly number[];
  readonly validation: number;
  readonly further: readonly number[];
}

/** Longest profiled length that is chosen by itself. */
const usualLongest = 512;

export function wantedLengths({ summary }: Pick<ModelFacts, 'summary'>, parameters: MoaParameters): Lengths {
  const { contextLength = Infinity } = summary;
  const [given, further] = [lengthsOf(parameters.lengths), lengthsOf(parameters.further)];
  if (!given || !further) throw refusal('Lengths are whole numbers separated by commas, e.g. 128,256,512.');
  const last = Math.min(usualLongest, 2 ** Math.floor(Math.log2(contextLength / 2)));
  const profiled = given.length > 0 ? given : [...new Set([last / 4, last / 2, last].map(Math.ceil))];
  const longest = Math.max(...profiled);
  const room = contextLength - parameters.answer;
  const validation = parameters.validation || Math.floor(1.5 * longest);
  const longer = further.length > 0 ? further : [2 * longest].filter((length) => length <= room);
  const most = Math.max(longest, validation, ...longer);
  if (most > room) {
    throw refusal(
      `Prompts of ${most} tokens and an answer of ${parameters.answer} are longer than the ${contextLength} tokens that this model reads. Give shorter lengths.`,
    );
  }
  return { profiled, validation, further: longer };
}

/** Whether the prompts of a task are drawn at a length. */
export const hasLength = (id: string): boolean =>
  Object.hasOwn(tasks.find((task) => task.id === id)?.parameters ?? {}, 'length');

export async function setsOf(model: ModelRunner, job: Job): Promise<Sets> {
  const { given, task } = job.input;
  if (given.kind !== 'task' || !task) throw new RangeError('the analysis reads a task');
  if (!hasLength(given.task)) return byOwnLength(task.samples);
  const { parameters } = job;
  const { profiled, validation, further } = wantedLengths(model.facts, parameters);
  const count = task.samples.length;
  const draw = async (length: number, many: number, name: string): Promise<Set> => ({
    length,
    samples: await drawn(model, job, { ...given.taskParameters, length }, many, name),
  });
  const sets: Set[] = [];
  for (const length of profiled) sets.push(await draw(length, count, 'calibration'));
  const held = await draw(validation, 2 * parameters.held, 'validation');
  const judged: Set[] = [];
  for (const length of further) judged.push(await draw(length, parameters.held, 'judged'));
  const half = Math.ceil(held.samples.length / 2);
  return {
    profiled: sets,
    validation: { ...held, samples: held.samples.slice(0, half) },
    judged: [{ ...held, samples: held.samples.slice(half) }, ...judged].filter(({ samples }) => samples.length > 0),
    bounded: further,
  };
}

async function drawn(
  model: ModelRunner,
  { input: { given }, seed, groups }: Job,
  parameters: ParameterValues,
  count: number,
  name: string,
): Promise<readonly Sample[]> {
  const request = {
    task: given.kind === 'task' ? given.task : '',
    samples: count,
    seed: seedFor(seed, `moa ${name} ${JSON.stringify(parameters)}`),
    parameters,
  };
  const { samples } = await taskSamples(request, await TaskTokens.of(model), {
    textFile: (path) => model.textFile(path),
    pause: () => {
      model.signal.throwIfAborted();
      return Promise.resolve();
    },
  });
  return samples.map((sample) => ({ ...sample, prompt: { ...sample.prompt, groups } }));
}

/** Prompts in order of length: three parts are profiled, and the longest quarter validates, in two halves. */
export function byOwnLength(samples: readonly Sample[]): Sets {
  const sorted = [...samples].sort((a, b) => a.prompt.ids.length - b.prompt.ids.length);
  if (sorted.length < 5) {
    throw refusal(
      `There are ${sorted.length} prompts, and three lengths are profiled and a longer one is held out. Take more samples.`,
    );
  }
  const held = Math.max(2, Math.floor(sorted.length / 4));
  const own = sorted.slice(0, -held);
  const lengthOf = (part: readonly Sample[]): number => Math.max(...part.map(({ prompt }) => prompt.ids.length));
  const parts = [0, 1, 2].map((third) =>
    own.slice(Math.floor((third * own.length) / 3), Math.floor(((third + 1) * own.length) / 3)),
  );
  // Parts of one length are one.
  const byLength = new Map<number, readonly Sample[]>();
  for (const part of parts) {
    const length = lengthOf(part);
    byLength.set(length, [...(byLength.get(length) ?? []), ...part]);
  }
  const longest = sorted.slice(-held);
  const length = lengthOf(longest);
  const [choosing, judging] = [0, 1].map((half) => longest.filter((_, at) => at % 2 === half));
  return {
    profiled: [...byLength].map(([own, part]) => ({ length: own, samples: part })),
    validation: { length, samples: choosing ?? [] },
    judged: [{ length, samples: judging ?? [] }],
    bounded: [],
  };
}

/** A prompt with its answer. */
export async function supervised(model: ModelRunner, { prompt, answers }: Sample, job: Job): Promise<Supervised> {
  const { parameters, variant } = job;
  const length = prompt.ids.length;
  if (parameters.supervised === 'all') return { sequence: prompt, prompt: length, rows: predictedRows(prompt) };
  const ids: number[] = [];
  if (parameters.supervised === 'task') ids.push(...answers.right.slice(0, 1), ...answers.rest);
  else {
    const run = await model.continuation({ sequence: prompt, variant, further: parameters.answer });
    const request = {
      maxNewTokens: parameters.answer,
      stopIds: model.facts.stopIds,
      sampling: { temperature: 0, topP: 1, seed: 0 },
    };
    for await (const { id } of continued(run, request, { signal: model.signal })) ids.push(id);
  }
  return {
    sequence: { ...prompt, ids: [...prompt.ids, ...ids] },
    prompt: length,
    rows: ids.map((_, at) => length - 1 + at),
  };
}
