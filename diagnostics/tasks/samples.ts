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
  request: DrawRequest,
  tokens: TaskTokens | undefined,
  finish: (draft: Draft) => S,
): Drawing<S> {
  const tools = drawToolsOf(task.id, request, tokens);
  const gathered = new Gathered(task.title, request.count, finish);
  while (gathered.goesOn) {
    const number = gathered.samples.length;
    yield number;
    gathered.take(() => task.draw({ ...tools, number }, request.parameters));
  }
  return gathered.end();
}

/** What a task draws with: random numbers hang on the seed and the id of the task. */
export function drawToolsOf(
  id: string,
  { seed, files }: Pick<DrawRequest, 'seed' | 'files'>,
  tokens: TaskTokens | undefined,
): Omit<DrawTools, 'number'> {
  const counted = new Map<string, number>();
  return {
    random: randomFrom(seedFor(seed, id)),
    tokens,
    files,
    count(text) {
      const known = counted.get(text) ?? (tokens ? tokens.encode(text).length : (text.match(/\S+/gu)?.length ?? 0));
      counted.set(text, known);
      return known;
    },
  };
}

/** Samples so far: drafts that are new and fit. */
export class Gathered<S> {
  readonly samples: S[] = [];
  private readonly seen = new Set<string>();
  private readonly faults = new Map<string, number>();
  private barren = 0;

  constructor(
    private readonly title: string,
    private readonly count: number,
    private readonly finish: (draft: Draft) => S,
  ) {}

  get goesOn(): boolean {
    return this.samples.length < this.count && this.barren < mostBarren;
  }

  take(draw: () => Draft): void {
    this.barren++;
    try {
      const draft = draw();
      const key = draft.kind === 'text' ? draft.text : draft.ids.join();
      if (this.seen.has(key)) return;
      this.samples.push(this.finish(draft));
      this.seen.add(key);
      this.barren = 0;
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      this.faults.set(error.message, (this.faults.get(error.message) ?? 0) + 1);
    }
  }

  end(): Drawn<S> {
    return { samples: this.samples, notes: notesOf(this.title, this.samples.length, this.count, this.faults) };
  }
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
