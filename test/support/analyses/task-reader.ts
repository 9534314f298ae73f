/** An analysis for tests that reads a task. */
import type { Analysis } from '../../../diagnostics/analysis';
import { scoreTask } from '../../../diagnostics/shared/accuracy/score';
import type { Schema } from '../../../protocol/schema/check';
import { number, object, text, texts } from '../../../protocol/schema/fields';

interface Result extends Readonly<Record<string, unknown>> {
  readonly task: string;
  readonly prompts: readonly string[];
  readonly correct: number;
}

const schema: Schema<Result> = object({
  task: text,
  prompts: texts,
  correct: number,
});

export const taskReader: Analysis<Record<string, never>, Result> = {
  id: 'task-reader',
  title: 'Task reader',
  question: 'How many prompts are answered?',
  group: 'patterns',
  source: { reference: 'made for tests', trust: 'low' },
  inputs: ['task'],
  parameters: {},
  result: schema,
  supports: ({ predicts }) => (predicts ? { ok: true } : { ok: false, why: 'It predicts no token.' }),
  estimate: (_model, { task }) => ({ passes: task?.samples.length ?? 0, bytes: 0 }),
  async *run(model, { input: { task }, variant, step }) {
    if (!task) throw new RangeError('a task is needed');
    const total = task.samples.length;
    let correct = 0;
    for (const [done, sample] of task.samples.entries()) {
      yield { sentence: `Prompt ${done + 1}`, done, total, partial: { correct } };
      const right = await step(`prompt ${done}`, async () => {
        const [score] = await scoreTask(model, [sample], task.task.metric, [variant]);
        return score?.accuracy.correct ?? Number.NaN;
      });
      correct += right;
    }
    return { task: task.task.id, prompts: task.samples.map(({ prompt }) => prompt.text), correct };
  },
  finding: ({ correct = 0 }) => `${correct} prompts were answered.`,
  sections: ({ correct }) => [
    {
      kind: 'table',
      id: 'answered',
      title: 'Prompts that were answered',
      columns: [
        { name: 'correct', title: 'correct', kind: 'number', unit: 'prompts', definition: 'the right answer leads' },
      ],
      rows: correct === undefined ? [] : [[correct]],
      empty: 'None was run.',
    },
  ],
};
