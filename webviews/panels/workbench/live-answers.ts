/** Answers that follow what is chosen: each takes the place of the one before. Pure. */
import type { SectionQuestion } from '../../../protocol/analysis/schema';
import type { HeadsSection } from '../../../protocol/sections/heads';
import type { Section } from '../../../protocol/sections/section';
import type { SectionView } from '../../sections/section-kind';
import type { Answer } from './state';

type Place = SectionQuestion['place'];

const isOfHeads = ({ kind }: Place): boolean => kind === 'head' || kind === 'heads';

/** Questions of one slot have one answer at a time. */
export const slotOf = ({ section, place }: SectionQuestion): string =>
  `${section} ${isOfHeads(place) ? 'heads' : place.kind}`;

/** The new question where the one before stood; what that answered is seen until the answer is there. */
export function withLive(
  answers: readonly Answer[],
  { request, question }: Pick<Answer, 'request' | 'question'>,
): readonly Answer[] {
  const at = answers.findIndex((one) => one.live && slotOf(one.question) === slotOf(question));
  const before = answers[at];
  const next: Answer = {
    request,
    question,
    live: true,
    ...(before?.section ? { section: before.section, isOld: true } : {}),
  };
  return at < 0 ? [...answers, next] : answers.with(at, next);
}

/** The attention of another head where that of the one before stood. */
export function withOwnLive(answers: readonly Answer[], opened: readonly Answer[]): readonly Answer[] {
  const isBefore = (one: Answer): boolean =>
    one.live === true && one.own === true && opened.some(({ question }) => slotOf(question) === slotOf(one.question));
  const at = answers.findIndex(isBefore);
  const others = answers.filter((one) => !isBefore(one));
  const live = opened.map((one): Answer => ({ ...one, live: true }));
  return at < 0 ? [...others, ...live] : others.toSpliced(at, 0, ...live);
}

/** It does not follow what is chosen any more. */
export const pinned = ({ live: _, ...answer }: Answer): Answer => answer;

/** What is asked when something is chosen in an answer: heads at a token are asked about at that token. */
export function questionOfAnswer({ question }: Pick<Answer, 'question'>, place: Place): SectionQuestion | undefined {
  if (question.place.kind !== 'token' || (place.kind !== 'head' && place.kind !== 'heads')) return undefined;
  const heads = place.kind === 'head' ? [{ layer: place.layer, head: place.head }] : place.heads;
  return { section: question.section, place: { kind: 'heads', heads, token: question.place.token } };
}

/** Something can be asked of the answer in turn. */
export const isAskable = ({ question, section }: Answer): boolean =>
  question.place.kind === 'token' && section?.kind === 'heads';

/** What an answer is asked by itself, so that a chosen word also shows its map: the heads chosen in it, or the first that it marks. */
export function followUp(answer: Answer, { cursor, chosen = [] }: SectionView): SectionQuestion | undefined {
  const { section, live } = answer;
  if (!live || section?.kind !== 'heads' || !section.asksAtOnce) return undefined;
  const keys = chosen.length > 1 ? chosen : cursor === undefined ? [] : [cursor];
  const there = keys.map(placeOf).filter((place) => isThere(section, place));
  const heads = there.length > 0 ? there : (section.marked ?? []).slice(0, 1);
  return heads.length === 0 ? undefined : questionOfAnswer(answer, { kind: 'heads', heads });
}

function placeOf(key: string): { readonly layer: number; readonly head: number } {
  const [layer = -1, head = -1] = key.split('.').map(Number);
  return { layer, head };
}

const isThere = ({ numbers }: HeadsSection, { layer, head }: ReturnType<typeof placeOf>): boolean =>
  numbers.some(({ values }) => values[layer]?.[head] !== undefined);

/** Under which its arrangement is kept: that of a slot stays while what is chosen changes. */
export const answerKey = (answer: Answer, section: Section): string =>
  answer.live ? `answer ${placeOfAnswer(answer)}` : `answer ${answer.question.section} ${section.id}`;

/** Where it stands: a head has one for each prompt that was read. */
export function placeOfAnswer({ request, question, live, own, section }: Answer): string {
  if (!live) return String(request);
  const prompt = own && section?.kind === 'matrix' ? ` on ${section.prompt ?? 0}` : '';
  return `${slotOf(question)}${prompt}`;
}
