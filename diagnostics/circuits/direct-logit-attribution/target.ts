/** Which logits are taken apart: tokens that a person names, the prediction of the model, or the answers of a task. */
import { argMax } from '../../model-runner/sampling';
import type { LogitTarget } from '../../model-runner/direct-paths';
import type { ModelRunner } from '../../model-runner/model-runner';
import { namedToken } from '../../model-runner/named-token';
import type { Sample } from '../../tasks/task';
import type { DirectTarget } from './result';

export interface ChosenTarget {
  readonly target: LogitTarget;
  /** Ids whose rank and probability the logit lens follows. */
  readonly right: readonly number[];
  readonly wrong: readonly number[];
  readonly words: DirectTarget;
}

/** `logits`: of the position [v]. */
export function namedTarget(
  model: ModelRunner,
  { token, against }: { readonly token: string; readonly against: string },
  logits: Float32Array,
): ChosenTarget {
  const right = namedToken(model, token) ?? argMax(logits);
  const wrong = namedToken(model, against);
  const text = (id: number): string => model.pieces([id])[0] ?? `#${id}`;
  return {
    target: [{ token: right, weight: 1 }, ...(wrong === undefined ? [] : [{ token: wrong, weight: -1 }])],
    right: [right],
    wrong: wrong === undefined ? [] : [wrong],
    words: {
      token: text(right),
      id: right,
      ...(wrong === undefined ? {} : { against: text(wrong), againstId: wrong }),
    },
  };
}

/** Mean logit of the right answers less that of the wrong ones, as the task's metric `logit-difference`. */
export function answersTarget({ answers: { right, wrong } }: Sample): ChosenTarget {
  const shares = (ids: readonly number[], sign: number): LogitTarget =>
    ids.map((token) => ({ token, weight: sign / ids.length }));
  return {
    target: [...shares(right, 1), ...shares(wrong, -1)],
    right,
    wrong,
    words: { token: 'right answers', ...(wrong.length > 0 ? { against: 'wrong answers' } : {}) },
  };
}
