/** The questions of a run in balanced order, with their solved examples, and the prompts that they become. */
import { random as randomFrom, seedFor, type Random } from '../../../kernels/tensors/random';
import { FailureError, refusal } from '../../../protocol/wire/failures';
import type { ModelRunner } from '../../model-runner/model-runner';
import { Unfit } from '../../tasks/task';
import { sample, shuffled } from '../../tasks/draft';
import { TaskTokens } from '../../tasks/task-tokens';
import { layoutOf, mutated, type Layout, type Mutation } from './layout';
import type { ChoiceParameters } from './parameters';
import { choicePrompt, contentPrompt, type ChoicePrompt, type ContentPrompt } from './prompt';
import { builtInQuestions, ownQuestions, type Question } from './questions';

export class Choices {
  private constructor(
    readonly questions: readonly Question[],
    readonly layout: Layout,
    readonly notes: readonly string[],
    /** Solved examples of each question, `shots` of them. */
    private readonly examples: readonly (readonly Question[])[],
    private readonly tokens: TaskTokens,
    private readonly seed: number,
    /** Changes with the questions: part of the keys of kept steps. */
    readonly mark: number,
  ) {}

  /** Keeps the questions that fit the tokens of the model; fails where fewer than two fit for each label. */
  static async of(model: ModelRunner, parameters: ChoiceParameters, seed: number): Promise<Choices> {
    const layout = layoutOf(parameters);
    const tokens = await TaskTokens.of(model);
    const { questions: path, count, reorder, shots } = parameters;
    const labels = layout.labels.length;
    if (path === '' && labels !== 4) {
      throw refusal(
        `There are ${labels} labels, and the questions of Headscope have 4 options. Give 4, or a file of questions.`,
      );
    }
    const content = path === '' ? '' : await model.textFile(path);
    const read = path === '' ? builtInQuestions(count, seed) : ownQuestions(path, content, labels);
    const random = randomFrom(seedFor(seed, 'order of options'));
    const all = reorder ? balanced(random, read.questions, labels) : read.questions;
    const faults = new Map<string, number>();
    const questions: Question[] = [];
    const examples: (readonly Question[])[] = [];
    for (const [at, question] of all.entries()) {
      if (questions.length === count) break;
      const own = examplesOf(all, at, shots, randomFrom(seedFor(seed, `examples ${at}`)));
      try {
        choicePrompt(question, { layout, labels: layout.labels, examples: own }, tokens);
        questions.push(question);
        examples.push(own);
      } catch (error) {
        if (!(error instanceof Unfit)) throw error;
        faults.set(error.message, (faults.get(error.message) ?? 0) + 1);
      }
    }
    const notes = [
      ...read.notes,
      ...[...faults].map(([why, times]) => `${times} of the questions are left out: ${why}`),
    ];
    if (questions.length < 2 * labels) {
      throw new FailureError({
        code: 'unsupported',
        detail: `Only ${questions.length} questions can be asked, and ${2 * labels} are needed. ${notes[0] ?? 'Give more of them.'}`,
      });
    }
    const mark = seedFor(0, JSON.stringify([questions, examples]));
    return new Choices(questions, layout, notes, examples, tokens, seed, mark);
  }

  /** Undefined where the layout leaves no room for the mutation, or a question does not fit the tokens of the model with it. */
  prompt(at: number, mutation: Mutation = 'usual', shots = Infinity): ChoicePrompt | undefined {
    const question = this.questions[at];
    const change = mutated(this.layout, mutation);
    if (!question || !change) return undefined;
    const labels = change.labels(randomFrom(seedFor(this.seed, `${mutation} ${at}`)));
    try {
      const written = { layout: change.layout, labels, examples: this.examplesAt(at, shots) };
      return choicePrompt(question, written, this.tokens);
    } catch (error) {
      if (error instanceof Unfit) return undefined;
      throw error;
    }
  }

  content(at: number, shots: number): ContentPrompt | undefined {
    const question = this.questions[at];
    return question && contentPrompt(question, this.examplesAt(at, shots), this.tokens);
  }

  private examplesAt(at: number, shots: number): readonly Question[] {
    return this.examples[at]?.slice(0, shots) ?? [];
  }
}

/** Each label is right once in every so many questions, in random order; other options keep their order. */
function balanced(random: Random, questions: readonly Question[], labels: number): readonly Question[] {
  const places = Array.from({ length: labels }, (_, place) => place);
  let block: readonly number[] = [];
  return questions.map((question, at) => {
    if (at % labels === 0) block = shuffled(random, places);
    const right = block[at % labels] ?? 0;
    const wrong = question.options.toSpliced(question.right, 1);
    const answer = question.options[question.right] ?? '';
    return { ...question, options: wrong.toSpliced(right, 0, answer), right };
  });
}

function examplesOf(all: readonly Question[], at: number, shots: number, random: Random): readonly Question[] {
  const others = all.filter((_, place) => place !== at);
  const same = others.filter(({ subject }) => subject === all[at]?.subject);
  const from = same.length >= shots ? same : others;
  const drawn = sample(random, from, Math.min(shots, from.length));
  return balanced(random, drawn, all[at]?.options.length ?? 1);
}
