/** Samples of a task: drawn from a seed, each fitted to the tokens of a model. Generators, so that it can be stopped between two. */
import { random as randomFrom, seedFor } from '../../kernels/tensors/random';
import type { ParameterValues } from '../../protocol/schema/parts';
import { FailureError } from '../../protocol/wire/failures';
import { Unfit, type Draft, type DrawTools, type Sample, type Task } from './task';
import { fit } from './fit';
import type { TaskTokens } from './task-tokens';

export interface DrawRequest {
  readonly count: number;
  readonly seed: number;
  readonly parameters: ParameterValues;
  readonly files: DrawTools['files'];
}

export interface Drawn<S> {
  readonly samples: readonly S[];
  /** What was left out, and why. */
  readonly notes: readonly string[];
}

/** Yields how many samples there are so far. */
export type Drawing<S> = Generator<number, Drawn<S>>;

/** Draws in sequence that give nothing new before no more are tried. */
const mostBarren = 300;

/** No two are the same prompt; fewer than asked for where the task has no more, or the tokenizer splits too many of its words. */
export function drawSamples(task: Task, request: DrawRequest, tokens: TaskTokens): Drawing<Sample> {
  return drawn(task, request, tokens, (draft) => fit(draft, tokens, task));
}

/** The same without a model. */
export function drawTexts(task: Task, request: DrawRequest): Drawing<Draft> {
  return drawn(task, request, undefined, (draft) => draft);
}

function* drawn<S>(
  task: Task,
  { count, seed, parameters, files }: DrawRequest,
  tokens: TaskTokens | undefined,
  finish: (draft: Draft) => S,
): Drawing<S> {
  const random = randomFrom(seedFor(seed, task.id));
  const counted = new Map<string, number>();
  const tools: Omit<DrawTools, 'number'> = {
    random,
    tokens,
    files,
    count(text) {
      const known = counted.get(text) ?? (tokens ? tokens.encode(text).length : (text.match(/\S+/gu)?.length ?? 0));
      counted.set(text, known);
      return known;
    },
  };
  const samples: S[] = [];
  const seen = new Set<string>();
  const faults = new Map<string, number>();
  for (let barren = 0; samples.length < count && barren < mostBarren; barren++) {
    yield samples.length;
    try {
      const draft = task.draw({ ...tools, number: samples.length }, parameters);
      const key = draft.kind === 'text' ? draft.text : draft.ids.join();
      if (seen.has(key)) continue;
      samples.push(finish(draft));
      seen.add(key);
      barren = -1;
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      faults.set(error.message, (faults.get(error.message) ?? 0) + 1);
    }
  }
  return { samples, notes: notesOf(task.title, samples.length, count, faults) };
}

function notesOf(title: string, got: number, wanted: number, faults: ReadonlyMap<string, number>): readonly string[] {
  if (got === wanted) return [];
  const [most] = [...faults].sort(([, a], [, b]) => b - a)[0] ?? [];
  if (got === 0) {
    const detail = `${title} does not fit this model. ${most ?? 'It has no samples with these parameters.'} Choose another task or model.`;
    throw new FailureError({ code: 'unsupported', detail });
  }
  return [`There are only ${got} different samples of ${title}.${most === undefined ? '' : ` ${most}`}`];
}
