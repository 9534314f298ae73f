/** Tries a task file out without a model: one prompt, which its score scores as if a model had answered it. */
import { fit } from '../../diagnostics/tasks/fit';
import { standInTokens } from '../../diagnostics/tasks/stand-in-tokens';
import { Unfit, type Sample } from '../../diagnostics/tasks/task';
import type { TaskCode } from '../../diagnostics/tasks/task-code';
import type { TaskTokens } from '../../diagnostics/tasks/task-tokens';
import { resolveTable } from '../../protocol/analysis/parameters';
import type { AnsweredSample } from '../../protocol/analysis/tasks';
import { viewOf } from './task-job';

/** Draws that fit no token here; another tokenizer may take them. */
const mostUnfit = 20;

/** Rejects with a KernelFault at the line of the file. A task that reads a file is drawn only where a person has chosen one. */
export async function checkTask(task: TaskCode): Promise<void> {
  const { title, parameters: table } = task.info;
  const resolved = resolveTable(title, table, {});
  if (!resolved.ok || Object.values(table).some(({ kind }) => kind === 'file' || kind === 'folder')) return;
  const tokens = standInTokens();
  await task.begin({ seed: 0, parameters: resolved.values, files: {} }, tokens);
  const sample = await drawn(task, tokens);
  if (sample && task.score) await task.scores([answeredRight(sample)]);
}

async function drawn(task: TaskCode, tokens: TaskTokens): Promise<Sample | undefined> {
  for (let left = mostUnfit; left > 0; left--) {
    try {
      return fit(await task.draw(0), tokens, task.info);
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
    }
  }
  return undefined;
}

/** The right answers have 3/4 of the probability, and the wrong ones the rest. */
function answeredRight(sample: Sample): AnsweredSample {
  const { right, wrong } = sample.answers.texts;
  const [probability, isCompared] = [0.75, wrong.length > 0];
  return {
    ...viewOf(sample),
    score: {
      correct: true,
      logitDifference: isCompared ? Math.log(3) : NaN,
      probability,
      probabilityDifference: isCompared ? 0.5 : NaN,
      loss: -Math.log(probability),
      ...(right[0] === undefined ? {} : { top: right[0] }),
    },
  };
}
