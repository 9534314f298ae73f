/**
 * Questions with options of which one is right: a person's own, or some of Headscope's. A file has one JSON object a line, with the
 * fields of MMLU on the Hub as well (`question`, `choices`, `subject`), and texts may be lists of token ids; or it is CSV as MMLU is
 * published: question, options, letter of the answer.
 */
import * as v from 'valibot';
import { random as randomFrom, seedFor } from '../../../kernels/tensors/random';
import { check, type Schema } from '../../../protocol/schema/check';
import { either, filledText, list, object, optional, text, whole } from '../../../protocol/schema/fields';
import { printableLine } from '../../../protocol/wire/printable';
import { refusal } from '../../../protocol/wire/failures';
import { parseJsonText } from '../../../protocol/wire/json-text';
import { notUtf8Words } from '../../../protocol/wire/utf8';
import { drawnQuestion, questionKinds } from '../../tasks/multiple-choice';
import { recordsOf } from '../../tasks/facts-file';

/** A text, or token ids that stand for themselves. */
export type Piece = string | readonly number[];

export interface Question {
  readonly question: Piece;
  readonly options: readonly Piece[];
  /** Place of the right option, from 0. */
  readonly right: number;
  /** Solved examples are of the same subject. */
  readonly subject: string;
}

export interface Questions {
  readonly questions: readonly Question[];
  /** Lines that were left out, and why. */
  readonly notes: readonly string[];
}

export const mostOptions = 10;
/** Built-in questions of one kind are drawn so often before no new one is expected. */
const mostTries = 50;

const piece: Schema<Piece> = either(
  filledText,
  list(whole, 'a list of token ids', { least: 1 }),
  'a non-empty text, or a list of token ids',
);
const options = list(piece, 'a list of options', { least: 2, most: mostOptions });
const line = v.pipe(
  object({
    prompt: optional(piece),
    question: optional(piece),
    options: optional(options),
    choices: optional(options),
    answer: either(text, whole, 'a letter, the place of the right option from 0, or its text'),
    subject: optional(text),
  }),
  v.check(({ prompt, question }) => (prompt === undefined) !== (question === undefined), 'an object with a prompt'),
  v.check((one) => (one.options === undefined) !== (one.choices === undefined), 'an object with options'),
);

/** Questions with another number of options than there are labels are left out. Fails where no line can be used. */
export function ownQuestions(path: string, content: string, labels: number): Questions {
  const notes: string[] = [];
  const questions = linesOf(path, content).flatMap(({ line: number, value }) => {
    const read = typeof value === 'string' ? value : questionOf(value.parsed, labels);
    if (typeof read !== 'string') return [read];
    notes.push(`Line ${number} is left out: ${read}`);
    return [];
  });
  if (questions.length > 0) return { questions, notes };
  const why = notes[0] ?? 'It is empty. Write one JSON object a line, with prompt, options and answer, or CSV.';
  throw refusal(`${path} has no question that can be used. ${why}`);
}

interface GivenLine {
  readonly line: number;
  /** What stands there, or what is wrong. */
  readonly value: string | { readonly parsed: unknown };
}

function linesOf(path: string, content: string): readonly GivenLine[] {
  if (/\.csv$/iu.test(path)) {
    return recordsOf(path, content)
      .filter(({ cells }, at) => at > 0 || cells.at(-1)?.trim().toLowerCase() !== 'answer')
      .map(({ line: number, cells, isUtf8 }) => ({
        line: number,
        value: !isUtf8
          ? `${notUtf8Words}.`
          : { parsed: { question: cells[0] ?? '', choices: cells.slice(1, -1), answer: cells.at(-1) ?? '' } },
      }));
  }
  return content
    .split(/\r?\n/u)
    .flatMap((text, at) => (text.trim() === '' ? [] : [{ line: at + 1, value: parsed(text) }]));
}

function parsed(given: string): GivenLine['value'] {
  const read = parseJsonText(given);
  return read.ok ? { parsed: read.value } : `it is not valid JSON (${read.fault}).`;
}

/** A question, or what is wrong. */
function questionOf(value: unknown, labels: number): Question | string {
  const checked = check(line, value, 'it');
  if (!checked.ok) return checked.why;
  const { prompt = '', question = prompt, options: some = [], choices = some, answer, subject = '' } = checked.result;
  if (choices.length !== labels) return `it has ${choices.length} options, and there are ${labels} labels.`;
  const right = placeOf(answer, choices);
  if (right === undefined) {
    return `the answer ${printableLine(JSON.stringify(answer)).slice(0, 60)} is no option: give its letter, its place from 0 or its text.`;
  }
  return { question, options: choices, right, subject };
}

/** The text of an option goes before a letter. */
function placeOf(answer: string | number, all: readonly Piece[]): number | undefined {
  const place =
    typeof answer === 'number'
      ? answer
      : all.includes(answer)
        ? all.indexOf(answer)
        : /^[A-J]$/iu.test(answer.trim())
          ? answer.trim().toUpperCase().charCodeAt(0) - 'A'.charCodeAt(0)
          : -1;
  return place >= 0 && place < all.length ? place : undefined;
}

/** Capitals and categories in turn, no two the same; the right option is the first. */
export function builtInQuestions(count: number, seed: number): Questions {
  const random = randomFrom(seedFor(seed, 'questions'));
  const found = new Map<string, Question>();
  for (let tries = 0; found.size < count && tries < mostTries * count; tries++) {
    const kind = questionKinds[found.size % questionKinds.length] ?? 'capital';
    const drawn = drawnQuestion(random, kind);
    found.set(JSON.stringify(drawn), { ...drawn, right: 0, subject: kind });
  }
  return { questions: [...found.values()], notes: [] };
}
