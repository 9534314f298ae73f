/** What a model makes of the labels behind a prompt, and of the options as texts. */
import type { Variant } from '../../../models/instrument/changes/changes';
import type { ModelRunner } from '../../model-runner/model-runner';
import type { RowAnswer } from '../../model-runner/run-request';
import type { ChoicePrompt, ContentPrompt } from './prompt';

export interface Answered {
  /** -ln of the softmax over the labels alone, of the right one, nats. */
  readonly loss: number;
  /** -ln of the probability of the right label among all tokens, nats. */
  readonly fullLoss: number;
  /** Place of the label with the largest logit, the first of equals. */
  readonly chosen: number;
  readonly correct: boolean;
  /** Whether the right label has the largest logit of the vocabulary. */
  readonly first: boolean;
}

function answeredBy(
  { logits, logSumExp, largest }: Omit<RowAnswer, 'entropy'>,
  { answers, right }: Pick<ChoicePrompt, 'answers' | 'right'>,
): Answered {
  const most = Math.max(...logits);
  const among = most + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0));
  const own = logits[right] ?? Number.NaN;
  const chosen = logits.indexOf(most);
  return {
    loss: among - own,
    fullLoss: logSumExp - own,
    chosen,
    correct: chosen === right,
    first: largest === answers[right],
  };
}

export const lastOf = ({ ids }: Pick<ChoicePrompt, 'ids'>): number => ids.length - 1;

/** One for each variant. */
export async function answersOf(
  model: ModelRunner,
  prompt: ChoicePrompt,
  variants: readonly Variant[],
): Promise<readonly Answered[]> {
  const asked = [{ row: lastOf(prompt), tokens: prompt.answers }];
  const found = await model.answers({ ids: prompt.ids }, asked, variants);
  return found.map(([answer]) => {
    if (!answer) throw new RangeError('the run gave no answer');
    return answeredBy(answer, prompt);
  });
}

/** Place of the option that is most probable as a text: as a whole, and by token. */
export async function contentAnswer(
  model: ModelRunner,
  { ids, options }: ContentPrompt,
): Promise<{ readonly whole: number; readonly byToken: number }> {
  const found = await model.nextTokens(
    options.map((option) => [...ids, ...option]),
    [[]],
  );
  const losses = options.map((_, at) => (found[at]?.[0]?.loss.slice(ids.length - 1) ?? []) as ArrayLike<number>);
  const sums = losses.map((own) => Array.from(own).reduce((sum, loss) => sum + loss, 0));
  const means = sums.map((sum, at) => sum / (losses[at]?.length ?? 1));
  return { whole: sums.indexOf(Math.min(...sums)), byToken: means.indexOf(Math.min(...means)) };
}
