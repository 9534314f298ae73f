/** Prompts of the planted indirect object circuit as the samples of a task, each with its ABA counterpart. */
import type { ReadInput } from '../../../diagnostics/analysis';
import type { Answers, Sample } from '../../../diagnostics/tasks/task';
import { taskInfo } from '../../../diagnostics/tasks/task';
import { indirectObject } from '../../../diagnostics/tasks/indirect-object';
import { objectPrompt, objectRoles, plantedNames } from '../checkpoints/planted-object';

const answers = (right: number, wrong: number): Answers => ({
  right: [right],
  wrong: [wrong],
  rest: [],
  texts: { right: [`${right}`], wrong: [`${wrong}`] },
});

/** Every ordered pair of names, the subject first and second in turn. */
export const objectSamples: readonly Sample[] = plantedNames.flatMap((a) =>
  plantedNames
    .filter((b) => b !== a)
    .map((b): Sample => {
      const subject = (a + b) % 2 === 0 ? a : b;
      const object = subject === a ? b : a;
      return {
        prompt: { ids: objectPrompt(a, b, subject), text: '' },
        counterpart: { ids: objectPrompt(a, b, object), text: '' },
        answers: answers(object, subject),
        counterpartAnswers: answers(subject, object),
        roles: objectRoles,
        facts: {},
      };
    }),
);

export const objectTask = (samples: readonly Sample[]): ReadInput => ({
  given: { kind: 'task', task: indirectObject.id, samples: samples.length },
  prompts: [],
  task: { task: taskInfo(indirectObject), samples, notes: [] },
});
