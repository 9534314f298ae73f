/** A person's own task: one JSON object a line (docs/tasks.md). A line that is wrong is left out and named; the others run. */
import * as v from 'valibot';
import type { TaskInfo } from '../../protocol/analysis/tasks';
import { check, type Schema } from '../../protocol/schema/check';
import { either, filledText, list, object, optional, pair, record, whole } from '../../protocol/schema/fields';
import { printableLine } from '../../protocol/wire/printable';
import { refusal } from '../../protocol/wire/failures';
import { parseJsonText } from '../../protocol/wire/json-text';
import { Unfit, type Draft, type Sample, type Span, type TextDraft } from './task';
import { fit } from './fit';
import type { Drawing } from './samples';
import type { TaskTokens } from './task-tokens';

type OneOrMore = string | readonly string[];
type Role = string | readonly Span[];

const oneOrMore: Schema<OneOrMore> = either(
  filledText,
  list(filledText, 'a list of texts', { least: 1, most: 1000 }),
  'a non-empty text, or a list of such texts',
);
const span: Schema<Span> = pair(whole, whole, 'two whole numbers');
const role: Schema<Role> = either(
  filledText,
  list(span, 'a list of places', { least: 1 }),
  'a text that occurs in the prompt, or a list of [from, to) in characters',
);

const known = ['prompt', 'answer', 'wrong', 'counterpart', 'counterpartAnswer', 'roles'] as const;
const line = v.pipe(
  v.unknown(),
  v.check((value) => typeof value === 'object' && value !== null && !Array.isArray(value), 'a JSON object'),
  v.rawCheck<unknown>(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const names = Object.keys(dataset.value as object);
    const stranger = names.find((name) => !known.some((one) => one === name));
    if (stranger !== undefined) {
      addIssue({
        message: `There is no field "${printableLine(stranger).slice(0, 60)}". Choose from ${known.join(', ')}.`,
      });
    }
  }),
  object({
    prompt: filledText,
    answer: oneOrMore,
    wrong: optional(oneOrMore),
    counterpart: optional(filledText),
    counterpartAnswer: optional(oneOrMore),
    roles: optional(record(role, 'an object of roles', { most: 64 })),
  }),
);

export interface OwnTask {
  readonly info: TaskInfo;
  readonly drafts: readonly {
    readonly line: number;
    readonly draft: TextDraft;
    /** What is tried in its place, in turn, where it does not fit a tokenizer. */
    readonly others?: readonly (() => TextDraft)[];
  }[];
  readonly notes: readonly string[];
}

/** `path` is its id. Fails where no line can be used. */
export function ownTask(path: string, content: string): OwnTask {
  const drafts: { line: number; draft: TextDraft }[] = [];
  const notes: string[] = [];
  content.split(/\r?\n/u).forEach((text, at) => {
    if (text.trim() === '') return;
    const read = draftOf(text);
    if (typeof read === 'string') notes.push(`Line ${at + 1} is left out: ${read}`);
    else drafts.push({ line: at + 1, draft: read });
  });
  requireSome(path, drafts, notes);
  const judged = drafts.every(({ draft }) => draft.answers.wrong.length > 0);
  const name = path.split(/[\\/]/u).at(-1) ?? path;
  return {
    info: {
      id: path,
      title: name,
      metric: judged ? 'logit-difference' : 'probability',
      source: { reference: name, trust: 'low', note: 'A file of your own.' },
      parameters: {},
      roles: { changed: 'positions in which prompt and counterpart differ', query: 'the last position' },
      changed: 'changed',
    },
    drafts,
    notes,
  };
}

/** The first `count` of them that fit. */
export function* ownSamples({ info, drafts, notes }: OwnTask, count: number, tokens: TaskTokens): Drawing<Sample> {
  const samples: Sample[] = [];
  const left: string[] = [...notes];
  for (const { line: number, draft, others = [] } of drafts) {
    if (samples.length === count) break;
    yield samples.length;
    const sample = firstFitting([() => draft, ...others], tokens, info.title);
    if (typeof sample === 'string') left.push(`Line ${number} is left out: ${sample}`);
    else samples.push(sample);
  }
  requireSome(info.title, samples, left);
  return { samples, notes: left };
}

/** Or why the first does not fit. */
function firstFitting(drafts: readonly (() => TextDraft)[], tokens: TaskTokens, title: string): Sample | string {
  let why: string | undefined;
  for (const draft of drafts) {
    try {
      return fit(draft(), tokens, { title });
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      why ??= error.message;
    }
  }
  return why ?? 'it has no prompt.';
}

function requireSome(path: string, found: readonly unknown[], [first]: readonly string[]): void {
  if (found.length > 0) return;
  throw refusal(
    `${path} has no line that can be used. ${first ?? 'It is empty. Write one JSON object a line, with prompt and answer.'}`,
  );
}

/** A draft, or what is wrong. */
function draftOf(text: string): (Draft & { kind: 'text' }) | string {
  const parsed = parseJsonText(text);
  if (!parsed.ok) return `it is not valid JSON (${parsed.fault}).`;
  const checked = check(line, parsed.value, 'it');
  if (!checked.ok) return checked.why;
  const { prompt, answer, wrong = [], counterpart, counterpartAnswer, roles = {} } = checked.result;
  if (counterpart === undefined && counterpartAnswer !== undefined) {
    return 'counterpartAnswer needs a counterpart.';
  }
  const answers = { right: texts(answer), wrong: texts(wrong) };
  const spans: Record<string, readonly Span[]> = {};
  for (const [name, place] of Object.entries(roles)) {
    const found = typeof place === 'string' ? occurrences(prompt, place) : place;
    const outside = found.some(([from, to]) => from >= to || to > prompt.length);
    if (found.length === 0 || outside) {
      const given = JSON.stringify(place).slice(0, 60);
      return `the role "${printableLine(name).slice(0, 60)}" is ${given}, which is not in the prompt.`;
    }
    spans[name] = found;
  }
  return {
    kind: 'text',
    text: prompt,
    counterpart,
    spans,
    answers,
    ...(counterpartAnswer === undefined
      ? {}
      : { counterpartAnswers: { right: texts(counterpartAnswer), wrong: answers.right } }),
    long: true,
    facts: {},
  };
}

const texts = (given: OneOrMore): readonly string[] => (typeof given === 'string' ? [given] : given);

function occurrences(text: string, part: string): readonly Span[] {
  const found: Span[] = [];
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) {
    found.push([at, at + part.length]);
  }
  return found;
}
