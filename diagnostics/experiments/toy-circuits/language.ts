/**
 * The language of the toy: sentences of two tasks with their answers, and lists of words that are said twice. The lists are what heads
 * that look for an earlier copy are learned from: without them the colours stay at chance for thousands of steps.
 */
import { random, seedFor, type Random } from '../../../kernels/tensors/random';
import type { Draft, DrawTools, TextDraft } from '../../tasks/task';
import { sample, pick, textDraft, type Part } from '../../tasks/draft';
import { indirectObject } from '../../tasks/indirect-object';
import { colours, objects, surfaces } from '../../tasks/words';
import type { TrainingSequence } from '../../shared/training/language-batch';
import { WordTokenizer } from '../../shared/training/word-tokenizer';

export interface ToyTask {
  readonly id: string;
  readonly title: string;
  draw(source: Random): TextDraft;
}

/** Three things and their colours; behind one that is named again stands its colour. A short form of the task `coloured-objects`. */
const shortColours: ToyTask = {
  id: 'colours',
  title: 'Colours',
  draw(source) {
    const things = sample(source, objects, 3);
    const shown = sample(source, colours, 3);
    const [at = 0, other = 1] = sample(source, [0, 1, 2], 2);
    const parts: Part[] = [`Q: On the ${pick(source, surfaces)}:`];
    things.forEach((object, index) => {
      const right = index === at;
      if (index > 0) parts.push(',');
      parts.push(right ? ['object', ` ${object}`] : ` ${object}`);
      parts.push([right ? 'right-colour' : 'other-colours', ` ${shown[index] ?? ''}`]);
    });
    parts.push('.', ['asked', ` ${things[at] ?? ''}`, ` ${things[other] ?? ''}`]);
    const answers = (right: number) => {
      const all = shown.map((colour) => ` ${colour}`);
      return { right: [all[right] ?? ''], wrong: all.toSpliced(right, 1) };
    };
    return textDraft(parts, { answers: answers(at), counterpartAnswers: answers(other), facts: {} });
  },
};

const names: ToyTask = {
  id: 'names',
  title: indirectObject.title,
  draw(source) {
    const tools: DrawTools = { random: source, tokens: undefined, count: () => 0, number: 0, files: {} };
    const draft: Draft = indirectObject.draw(tools, { counterpart: 'ABA' });
    if (draft.kind !== 'text') throw new RangeError('the indirect object is a task of text');
    return draft;
  },
};

/** The two tasks. */
export const toyTasks: readonly [ToyTask, ToyTask] = [shortColours, names];

const right = ({ answers }: TextDraft): string => answers.right[0] ?? '';

/** Different prompts of a task as a file of a person's own (docs/tasks.md), so that any analysis can be run on them. */
export function taskFile(task: ToyTask, count: number, seed: number): string {
  const source = random(seedFor(seed, `prompts of ${task.id}`));
  const lines = new Map<string, string>();
  for (let tried = 0; lines.size < count && tried < 4 * count; tried++) {
    const draft = task.draw(source);
    const { text: prompt, counterpart, answers, counterpartAnswers, spans: roles } = draft;
    const line = {
      prompt,
      answer: answers.right,
      wrong: answers.wrong,
      counterpart,
      counterpartAnswer: counterpartAnswers?.right,
      roles,
    };
    lines.set(prompt, JSON.stringify(line));
  }
  return `${[...lines.values()].join('\n')}\n`;
}

/** Sentences of each task that are looked through for words: each word of the lists occurs dozens of times. */
const lookedThrough = 2000;

export function toyTokenizer(): WordTokenizer {
  const texts = toyTasks.flatMap((task) => {
    const source = random(seedFor(0, `words of ${task.id}`));
    return Array.from({ length: lookedThrough }, () => {
      const draft = task.draw(source);
      return draft.text + right(draft);
    });
  });
  return WordTokenizer.of(texts);
}

/** How much it counts to predict an answer, any other token of a sentence, and a word that is said again. */
const weights = { answer: 4, plain: 0.02, again: 1 };

export function sentenceOf(tokenizer: WordTokenizer, draft: TextDraft): TrainingSequence {
  const ids = [tokenizer.start, ...tokenizer.encode(draft.text), ...tokenizer.encode(right(draft))];
  return { ids, weights: ids.map((_, at) => (at === ids.length - 1 ? weights.answer : weights.plain)) };
}

/** Three to twelve words, twice; what is said the second time counts. */
function listOf(tokenizer: WordTokenizer, source: Random): TrainingSequence {
  const words = sample(source, [...objects, ...colours], 3 + source.whole(10));
  const once = words.flatMap((word) => tokenizer.encode(` ${word}`));
  const ids = [tokenizer.start, ...once, ...once];
  return { ids, weights: ids.map((_, at) => (at > once.length + 1 ? weights.again : 0)) };
}

/** A quarter lists, a quarter colours, half names. */
const mixture = ['list', 'names', 'colours', 'names'] as const;

export function drawnSequences(tokenizer: WordTokenizer, count: number, source: Random): readonly TrainingSequence[] {
  const [first, second] = toyTasks;
  return Array.from({ length: count }, (_, at) => {
    const kind = mixture[at % mixture.length];
    if (kind === 'list') return listOf(tokenizer, source);
    return sentenceOf(tokenizer, (kind === 'colours' ? first : second).draw(source));
  });
}
