/** A question in the tokens of a model: a list with labels that ends right before the label of the answer. */
import { Unfit } from '../../tasks/task';
import { fit } from '../../tasks/fit';
import type { TaskTokens } from '../../tasks/task-tokens';
import { isIds, type Layout } from './layout';
import type { Piece, Question } from './questions';

export interface ChoicePrompt {
  readonly ids: readonly number[];
  readonly text: string;
  /** Position of each label in the list, [options]. */
  readonly labels: readonly number[];
  /** Positions of each option, [options][]. */
  readonly options: readonly (readonly number[])[];
  /** Positions behind the last option, without the last one. */
  readonly end: readonly number[];
  /** The labels as the answer, [options]. */
  readonly answers: readonly number[];
  /** Place of the right option, from 0. */
  readonly right: number;
}

export interface Written {
  readonly layout: Layout;
  /** [options] */
  readonly labels: readonly Piece[];
  /** Stand solved in front. */
  readonly examples: readonly Question[];
}

interface Marked {
  readonly piece: Piece;
  readonly role?: string;
}

/** Between a solved example and what follows, and before an option: of texts. */
const betweenExamples = '\n\n';
const beforeOption = ' ';

/** Throws `Unfit` where the tokenizer splits a label or joins it to what stands before. */
export function choicePrompt(question: Question, written: Written, tokens: TaskTokens): ChoicePrompt {
  const { layout, labels, examples } = written;
  const solved = examples.flatMap((example): readonly Marked[] => [
    ...listed(example, layout, labels, false),
    { piece: labels[example.right] ?? '' },
    { piece: layout.after },
    ...(isIds(layout.after) ? [] : [{ piece: betweenExamples }]),
  ]);
  const marked = [{ piece: layout.prelude }, ...solved, ...listed(question, layout, labels, true)];
  const asText = [...marked.map(({ piece }) => piece), ...labels].every((piece) => !isIds(piece));
  const found = asText ? ofText(marked, labels, question.right, tokens) : ofIds(marked, labels, tokens);
  const longest = Math.max(...found.options.flat());
  if (found.answers.length !== labels.length) throw new Unfit('Two labels begin with the same token.');
  if (found.labels.length !== labels.length) throw new Unfit('A label in the list is not one token.');
  if (tokens.longest !== undefined && found.ids.length > tokens.longest) {
    throw new Unfit(`The prompt has ${found.ids.length} tokens, and this model reads at most ${tokens.longest}.`);
  }
  const last = found.ids.length - 1;
  return {
    ...found,
    end: Array.from({ length: Math.max(0, last - longest - 1) }, (_, at) => longest + 1 + at),
    right: question.right,
  };
}

function listed(
  { question, options }: Question,
  { before, after, end }: Layout,
  labels: readonly Piece[],
  marks: boolean,
): readonly Marked[] {
  const role = (name: string) => (marks ? { role: name } : {});
  return [
    { piece: question },
    ...options.flatMap((option, at): readonly Marked[] => [
      { piece: before },
      { piece: labels[at] ?? '', ...role(`label ${at}`) },
      { piece: after },
      { piece: isIds(option) ? option : beforeOption + option, ...role(`option ${at}`) },
    ]),
    { piece: end },
  ];
}

type Found = Omit<ChoicePrompt, 'end' | 'right'>;

function ofText(marked: readonly Marked[], labels: readonly Piece[], right: number, tokens: TaskTokens): Found {
  const spans: Record<string, readonly (readonly [number, number])[]> = {};
  let text = '';
  for (const { piece, role } of marked) {
    const from = text.length;
    text += String(piece);
    if (role !== undefined) spans[role] = [[from, text.length]];
  }
  const words = labels.map(String);
  const answers = { right: [words[right] ?? ''], wrong: words.toSpliced(right, 1) };
  const draft = { kind: 'text', text, counterpart: undefined, spans, answers, facts: {} } as const;
  const { prompt, roles, answers: fitted } = fit(draft, tokens, { title: 'Multiple choice' });
  const one = (role: string): readonly number[] => (roles[role]?.length === 1 ? roles[role] : []);
  const behind = words.flatMap((word) => {
    const ids = tokens.behind(text, word);
    return ids?.length === 1 ? ids : [];
  });
  return {
    ids: prompt.ids,
    text,
    labels: labels.flatMap((_, at) => one(`label ${at}`)),
    options: labels.map((_, at) => roles[`option ${at}`] ?? []),
    answers: fitted.wrong.length === words.length - 1 ? behind : [],
  };
}

function ofIds(marked: readonly Marked[], labels: readonly Piece[], tokens: TaskTokens): Found {
  const idsOf = (piece: Piece): readonly number[] => (isIds(piece) ? piece : piece === '' ? [] : tokens.encode(piece));
  const ids = [...tokens.lead];
  const roles = new Map<string, readonly number[]>();
  for (const { piece, role } of marked) {
    const own = idsOf(piece);
    if (role !== undefined)
      roles.set(
        role,
        own.map((_, at) => ids.length + at),
      );
    ids.push(...own);
  }
  const strange = ids.find((id) => id >= tokens.vocabulary);
  if (strange !== undefined) throw new Unfit(`There is no token ${strange}: the vocabulary has ${tokens.vocabulary}.`);
  const single = labels.map(idsOf).flatMap((own) => (own.length === 1 ? own : []));
  return {
    ids,
    text: tokens.decode(ids.slice(tokens.lead.length)),
    labels: labels.flatMap((_, at) => (roles.get(`label ${at}`)?.length === 1 ? (roles.get(`label ${at}`) ?? []) : [])),
    options: labels.map((_, at) => roles.get(`option ${at}`) ?? []),
    answers: new Set(single).size === labels.length ? single : [],
  };
}

/** A question without its list, and each option as what follows it. */
export interface ContentPrompt {
  readonly ids: readonly number[];
  /** [options][] */
  readonly options: readonly (readonly number[])[];
}

const answerCue = '\nAnswer:';

/** Undefined where the tokenizer joins an option to the text before it. */
export function contentPrompt(
  question: Question,
  examples: readonly Question[],
  tokens: TaskTokens,
): ContentPrompt | undefined {
  const { options } = question;
  const all = [question, ...examples].flatMap((one) => [one.question, ...one.options]);
  if (!all.every((piece) => !isIds(piece))) {
    const idsOf = (piece: Piece): readonly number[] => (isIds(piece) ? piece : tokens.encode(piece));
    const solved = examples.flatMap((one) => [...idsOf(one.question), ...idsOf(one.options[one.right] ?? '')]);
    return { ids: [...tokens.lead, ...solved, ...idsOf(question.question)], options: options.map(idsOf) };
  }
  const text = [
    ...examples.map((one) => `${String(one.question)}${answerCue} ${String(one.options[one.right])}${betweenExamples}`),
    `${String(question.question)}${answerCue}`,
  ].join('');
  const found = options.map((option) => tokens.behind(text, ` ${String(option)}`));
  return found.every((own) => own !== undefined && own.length > 0)
    ? { ids: [...tokens.lead, ...tokens.encode(text)], options: found as readonly (readonly number[])[] }
    : undefined;
}
