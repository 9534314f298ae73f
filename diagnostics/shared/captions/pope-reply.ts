/** An answer to POPE out of a run of the question: greedy, up to its first full stop, since nothing behind it is read. */
import type { PopeReading, PopeReply } from '../../../protocol/results/pope';
import { continued } from '../../model-runner/decoding';
import type { Continuation, ModelRunner } from '../../model-runner/model-runner';
import { probabilities } from '../../model-runner/sampling';
import { greedy } from './caption-run';
import { isClearAnswer, popeAnswer } from './pope';

/** Tokens that alone spell yes or no, in the spellings in which an answer begins. */
export interface YesAndNo {
  readonly yes: readonly number[];
  readonly no: readonly number[];
}

export async function popeReply(
  runner: ModelRunner,
  { maxNewTokens, readBy }: { readonly maxNewTokens: number; readonly readBy: PopeReading },
  run: Continuation,
  words: YesAndNo | undefined,
): Promise<PopeReply> {
  const first = words && probabilities(run.logits);
  const mass = (ids: readonly number[]): number => ids.reduce((sum, id) => sum + (first?.[id] ?? 0), 0);
  const probability = words && { yes: mass(words.yes), no: mass(words.no) };
  const ids: number[] = [];
  for await (const { id } of continued(run, greedy(runner, maxNewTokens), runner)) {
    ids.push(id);
    if (runner.decode(ids).includes('.')) break;
  }
  const answer = runner.decode(ids);
  const byText = popeAnswer(answer);
  const byLogits = probability && (probability.yes > probability.no ? 'yes' : 'no');
  return {
    answer,
    readAs: readBy === 'logits' ? (byLogits ?? byText) : byText,
    clear: isClearAnswer(answer),
    ...(probability ? { probability } : {}),
  };
}
