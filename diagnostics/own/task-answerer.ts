/** What a `*.headscope-task.ts` file exports, and how the process that runs it is asked. The tokens of the model are reached by messages. */
import type { AnsweredSample, OwnScore, TaskInfo } from '../../protocol/analysis/tasks';
import type { ParameterValues } from '../../protocol/schema/parts';
import { drawToolsOf } from '../tasks/samples';
import { taskInfo, Unfit, type Draft, type DrawTools, type Task } from '../tasks/task';
import { TaskTokens } from '../tasks/task-tokens';
import { toldBy, type Outside } from './far-model';

/** The default export of a task file. */
export type TaskFile<P extends ParameterValues = ParameterValues> = Omit<Task<P>, 'id'> & {
  /** What the random numbers of a seed hang on; absent: the name of the file. Tasks are named by the path of their file. */
  readonly id?: string;
  /** A number of your own for each prompt, beside accuracy and metric: what it is, its unit, and how it is computed. */
  readonly score?: OwnScore & {
    /** A finite number of a prompt and what the model answered. */
    of(sample: AnsweredSample): number;
  };
};

/** Of the tokens of a model, what crosses as data. */
export type TokenFacts = Pick<TaskTokens, 'lead' | 'vocabulary' | 'specialIds'> & { readonly longest?: number };

export interface TaskFacts {
  readonly info: Omit<TaskInfo, 'id'>;
  readonly score?: OwnScore;
}

export type TaskQuestion =
  | { readonly kind: 'facts' }
  | {
      readonly kind: 'begin';
      /** Stands for the id that the file does not give. */
      readonly name: string;
      readonly seed: number;
      readonly parameters: ParameterValues;
      readonly files: DrawTools['files'];
      readonly tokens?: TokenFacts;
    }
  | { readonly kind: 'draw'; readonly number: number }
  | { readonly kind: 'score'; readonly samples: readonly AnsweredSample[] };

export type Drawn = { readonly draft: Draft } | { readonly unfit: string };

const parts = ['title', 'metric', 'source', 'parameters', 'roles', 'changed', 'draw'] as const;

export class TaskAnswerer {
  private readonly task: TaskFile;
  private drawing: { readonly tools: Omit<DrawTools, 'number'>; readonly parameters: ParameterValues } | undefined;

  constructor(
    exported: unknown,
    private readonly outside: Outside,
  ) {
    if (typeof exported !== 'object' || exported === null) {
      throw new TypeError('The file has no default export that is a task. Add "export default task({ … })".');
    }
    const given: Partial<TaskFile> = { parameters: {}, roles: {}, ...exported };
    const missing = parts.find((part) => given[part] === undefined);
    if (missing !== undefined) throw new TypeError(`The default export has no "${missing}". Every task has one.`);
    if (typeof given.draw !== 'function') throw new TypeError('"draw" is no function. Every task draws its prompts.');
    if (given.score !== undefined && typeof (given.score as Partial<typeof given.score>).of !== 'function') {
      throw new TypeError('"score" has no function "of". It gives the number of one prompt: of: (sample) => …');
    }
    this.task = given as TaskFile;
  }

  begin(question: TaskQuestion): unknown {
    const { task } = this;
    switch (question.kind) {
      case 'facts':
        return this.facts();
      case 'begin': {
        const { name, seed, parameters, files, tokens } = question;
        const own = tokens && this.tokensOf(tokens);
        this.drawing = { tools: drawToolsOf(task.id ?? name, { seed, files }, own), parameters };
        return null;
      }
      case 'draw':
        return this.drawn(question.number);
      case 'score':
        return question.samples.map((sample) => task.score!.of(sample));
    }
  }

  private facts(): TaskFacts {
    const { score } = this.task;
    const { id: _, ...info } = taskInfo({ ...this.task, id: '' });
    return {
      info,
      ...(score ? { score: { title: score.title, unit: score.unit, definition: score.definition } } : {}),
    };
  }

  private drawn(number: number): Drawn {
    const { tools, parameters } = this.drawing!;
    try {
      return { draft: this.task.draw({ ...tools, number }, parameters) };
    } catch (error) {
      if (error instanceof Unfit) return { unfit: error.message };
      throw error;
    }
  }

  private tokensOf({ lead, vocabulary, specialIds, longest }: TokenFacts): TaskTokens {
    const told = toldBy(this.outside);
    const encode = told('encode') as (text: string) => readonly number[];
    const decode = told('decode') as (ids: readonly number[]) => string;
    return new TaskTokens(encode, decode, lead, vocabulary, specialIds, longest);
  }
}
