/**
 * A person's own needles: one JSON object a line with `needle`, `question` and `answer`, or in the form of the authors of
 * arXiv:2404.15574 (haystack_for_detect/needles.jsonl), where the answer is called `real_needle`.
 */
import { check } from '../../protocol/schema/check';
import { ensure, filledText, object, optional } from '../../protocol/schema/fields';
import { printableLine } from '../../protocol/wire/printable';
import { type FailureError, refusal } from '../../protocol/wire/failures';
import { parseJsonText } from '../../protocol/wire/json-text';

export interface OwnNeedle {
  /** The needle up to its answer, its answer, and what is behind; the space before the answer belongs to it. */
  readonly before: string;
  readonly said: string;
  readonly behind: string;
  readonly question: string;
  /** What is right, in the words of the file. */
  readonly answer: string;
}

const line = ensure(
  object({
    needle: filledText,
    question: filledText,
    answer: optional(filledText),
    real_needle: optional(filledText),
  }),
  ({ answer, real_needle: real }) => (answer === undefined) !== (real === undefined),
  'a needle with its answer',
);

let read: { readonly text: string; readonly needles: readonly OwnNeedle[] } | undefined;

/** Fails with the first line that cannot be used. */
export function ownNeedles(text: string): readonly OwnNeedle[] {
  if (read?.text === text) return read.needles;
  const needles = text.split(/\r?\n/u).flatMap((one, at) => (one.trim() === '' ? [] : [needleOf(one, at + 1)]));
  read = { text, needles };
  return needles;
}

function needleOf(text: string, number: number): OwnNeedle {
  const wrong = (why: string): FailureError => refusal(`Line ${number} of the needles cannot be used: ${why}`);
  const parsed = parseJsonText(text);
  if (!parsed.ok) throw wrong(`it is not valid JSON (${parsed.fault}).`);
  const checked = check(line, parsed.value, 'it');
  if (!checked.ok) throw wrong(checked.why);
  const { needle, question, answer = checked.result.real_needle ?? '' } = checked.result;
  // The answer may begin with a capital, or end without the full stop, where the needle does not.
  const sought = answer.trim().replace(/[.\s]+$/u, '');
  const at = needle.toLowerCase().indexOf(sought.toLowerCase());
  if (sought === '' || at < 0) {
    throw wrong(`the answer "${printableLine(answer).slice(0, 60)}" does not stand in the needle.`);
  }
  const from = at > 0 && needle[at - 1] === ' ' ? at - 1 : at;
  const to = at + sought.length;
  return {
    before: needle.slice(0, from),
    said: needle.slice(from, to),
    behind: needle.slice(to),
    question: question.trim(),
    answer: answer.trim(),
  };
}
