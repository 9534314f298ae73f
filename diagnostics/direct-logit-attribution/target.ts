/** Which logits are taken apart: tokens that a person names, the prediction of the model, or the answers of a task. */
import { FailureError } from '../../protocol/wire/failures';
import { argMax } from '../model-runner/sampling';
import type { LogitTarget } from '../model-runner/direct-paths';
import type { ModelRunner } from '../model-runner/model-runner';
import type { Sample } from '../task';
import type { DirectTarget } from './result';

const bad = (detail: string): FailureError => new FailureError({ code: 'bad-request', detail });

/** `#17` or a text of one token; undefined where nothing is named. */
export function tokenNamed(model: ModelRunner, name: string): number | undefined {
  if (name === '') return undefined;
  const { vocabulary } = model.facts.summary;
  const id = /^#(\d+)$/u.exec(name)?.[1];
  if (id !== undefined) {
    if (Number(id) < vocabulary) return Number(id);
    throw bad(`There is no token ${name}: the vocabulary has ${vocabulary} tokens, from #0.`);
  }
  const ids = model.encode(name);
  const [only] = ids;
  if (only !== undefined && ids.length === 1) return only;
  const pieces = model.pieces(ids).map((piece) => JSON.stringify(piece));
  throw bad(
    `${JSON.stringify(name)} is ${ids.length} tokens of this model (${pieces.join(', ')}). Name one of them, or an id such as #17.`,
  );
}

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
  const right = tokenNamed(model, token) ?? argMax(logits);
  const wrong = tokenNamed(model, against);
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
