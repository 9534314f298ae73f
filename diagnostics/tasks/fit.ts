/** A draft in the tokens of one model, or `Unfit` with the word that stands in the way. */
import type { AnswerTexts } from '../../protocol/analysis/tasks';
import { FailureError } from '../../protocol/wire/failures';
import { Unfit, type Answers, type Draft, type IdDraft, type Sample, type TextDraft } from './task';
import type { TaskTokens } from './task-tokens';

export interface FitSettings {
  readonly title: string;
  /** Absent: positions that differ become the role `changed` (files of a person's own). */
  readonly changed?: string;
}

export function fit(draft: Draft, tokens: TaskTokens, settings: FitSettings): Sample {
  const sample = draft.kind === 'ids' ? ofIds(draft, tokens) : ofText(draft, tokens, settings);
  const length = sample.prompt.ids.length + sample.answers.rest.length;
  if (tokens.longest !== undefined && length > tokens.longest) {
    throw new FailureError({
      code: 'unsupported',
      detail: `A prompt of ${settings.title} has ${length} tokens, and this model reads at most ${tokens.longest}. Choose a shorter one.`,
    });
  }
  return sample;
}

function ofText(draft: TextDraft, tokens: TaskTokens, settings: FitSettings): Sample {
  const { text, counterpart, spans, answers, counterpartAnswers, long = false, facts } = draft;
  const plain = tokens.encode(text);
  const lead = tokens.lead.length;
  const ids = [...tokens.lead, ...plain];
  if (ids.length === 0) throw new Unfit('The prompt has no tokens.');
  const roles: Record<string, readonly number[]> = {};
  for (const [role, places] of Object.entries(spans)) {
    const positions = places.flatMap(([from, to]) => tokens.covering(text, plain, from, to).map((at) => at + lead));
    roles[role] = [...new Set(positions)].sort((a, b) => a - b);
  }
  roles['query'] = [ids.length - 1];
  const found = answersOf(text, answers, long, tokens);
  if (counterpart === undefined) return { prompt: { text, ids }, answers: found, roles, facts };

  const otherIds = [...tokens.lead, ...tokens.encode(counterpart)];
  const different = difference(ids, otherIds, text, counterpart);
  const { changed } = settings;
  if (changed === undefined) roles['changed'] ??= different;
  else if (different.some((at) => !roles[changed]?.includes(at))) {
    throw new Unfit(`The tokenizer joins ${wordsThatDiffer(text, counterpart)} to its neighbours.`);
  }
  return {
    prompt: { text, ids },
    counterpart: { text: counterpart, ids: otherIds },
    answers: found,
    ...(counterpartAnswers ? { counterpartAnswers: answersOf(counterpart, counterpartAnswers, long, tokens) } : {}),
    roles,
    facts,
  };
}

function ofIds({ ids, counterpart, roles, right, wrong, facts }: IdDraft, tokens: TaskTokens): Sample {
  const { lead } = tokens;
  const prompt = (own: readonly number[]) => ({ text: tokens.decode(own), ids: [...lead, ...own] });
  const answers = (good: number, bad: number): Answers => ({
    right: [good],
    wrong: [bad],
    rest: [],
    texts: { right: [tokens.decode([good])], wrong: [tokens.decode([bad])] },
  });
  const moved = Object.entries(roles).map(([role, at]) => [role, at.map((each) => each + lead.length)] as const);
  return {
    prompt: prompt(ids),
    counterpart: prompt(counterpart),
    answers: answers(right, wrong),
    counterpartAnswers: answers(wrong, right),
    roles: { ...Object.fromEntries(moved), query: [lead.length + ids.length - 1] },
    facts,
  };
}

/** Positions at which two prompts of one length differ. */
function difference(a: readonly number[], b: readonly number[], text: string, other: string): readonly number[] {
  if (a.length !== b.length) {
    throw new Unfit(
      `The tokenizer splits ${wordsThatDiffer(text, other)} into unequal numbers of tokens: the prompt has ${a.length}, its counterpart ${b.length}.`,
    );
  }
  const different = a.flatMap((id, at) => (id === b[at] ? [] : [at]));
  if (different.length === 0) throw new Unfit('Prompt and counterpart are the same tokens.');
  return different;
}

const longestWords = 40;

/** `"Mary" and "John"`: the first stretch of words that is not the same in both. */
function wordsThatDiffer(a: string, b: string): string {
  let from = 0;
  while (from < Math.min(a.length, b.length) && a[from] === b[from]) from++;
  while (from > 0 && /\S/u.test(a[from - 1] ?? '')) from--;
  const word = (text: string): string =>
    JSON.stringify((/^\S+/u.exec(text.slice(from))?.[0] ?? '').slice(0, longestWords));
  return `${word(a)} and ${word(b)}`;
}

function answersOf(before: string, texts: AnswerTexts, long: boolean, tokens: TaskTokens): Answers {
  const first = (answer: string, whole: boolean): readonly number[] => {
    const ids = tokens.behind(before, answer);
    const word = JSON.stringify(answer.trim().slice(0, longestWords));
    if (!ids) throw new Unfit(`The tokenizer joins the answer ${word} to the text before it.`);
    if (ids.length === 0) throw new Unfit(`The answer ${word} has no tokens.`);
    if (ids.length > 1 && !whole) {
      throw new Unfit(`The tokenizer splits the answer ${word} into ${ids.length} tokens, and it has to be one.`);
    }
    return ids;
  };
  const alone = long && texts.right.length === 1;
  const right = texts.right.map((answer) => first(answer, alone));
  const wrong = texts.wrong.map((answer) => first(answer, long)[0] ?? -1);
  const rights = right.map(([id = -1]) => id);
  const both = rights.findIndex((id) => wrong.includes(id));
  if (both >= 0) {
    const word = JSON.stringify(texts.right[both]?.trim());
    throw new Unfit(`The answer ${word} begins with the same token as a wrong one.`);
  }
  return {
    right: [...new Set(rights)],
    wrong: [...new Set(wrong)],
    rest: alone ? (right[0]?.slice(1) ?? []) : [],
    texts,
  };
}
