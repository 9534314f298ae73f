/** The language of the toy: the sentences of two tasks with their answers, drawn without end. */
import { random, seedFor, type Random } from '../../kernels/tensors/random';
import type { ParameterValues } from '../../protocol/analysis/parameters';
import type { DrawTools, Task } from '../task';
import { colouredObjects } from '../tasks/coloured-objects';
import { indirectObject } from '../tasks/indirect-object';
import type { TrainingSequence } from '../training/language-batch';
import { WordTokenizer } from '../training/word-tokenizer';

interface Sentence {
  readonly text: string;
  /** With the space before it. */
  readonly answer: string;
}

export interface ToyTask {
  readonly id: string;
  readonly title: string;
  draw(source: Random): Sentence;
}

function toyTask(task: Task, parameters: ParameterValues): ToyTask {
  return {
    id: task.id,
    title: task.title,
    draw(source) {
      const tools: DrawTools = { random: source, tokens: undefined, count: () => 0, number: 0, files: {} };
      const draft = task.draw(tools, parameters);
      const answer = draft.kind === 'text' ? draft.answers.right[0] : undefined;
      if (draft.kind !== 'text' || answer === undefined) throw new RangeError(`${task.id} gives no sentences`);
      return { text: draft.text, answer };
    },
  };
}
