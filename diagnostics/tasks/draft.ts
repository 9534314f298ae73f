/** Small pieces that the generators are made of. */
import type { Random } from '../../kernels/tensors/random';
import type { Span, TextDraft } from './task';

/** A piece of a prompt; with a role, and other words in the counterpart. The space before a word belongs to it. */
export type Part = string | readonly [role: string, text: string, counterpart?: string];

/** Pieces as prompt, counterpart and the places of the roles. */
export function textDraft(
  parts: readonly Part[],
  rest: Pick<TextDraft, 'answers' | 'counterpartAnswers' | 'long' | 'facts'>,
): TextDraft {
  let [text, counterpart] = ['', ''];
  const spans: Record<string, Span[]> = {};
  for (const part of parts) {
    const [role, here, there = here] = typeof part === 'string' ? ['', part] : part;
    if (role !== '') (spans[role] ??= []).push([text.length, text.length + here.length]);
    text += here;
    counterpart += there;
  }
  return { kind: 'text', text, counterpart, spans, ...rest };
}

/** The pieces of a template: `{name}` stands for a part, `{object}` for the words given. */
export function fill(template: string, slots: Readonly<Record<string, Part>>): readonly Part[] {
  return template
    .split(/(\s?\{\w+\})/u)
    .filter((piece) => piece !== '')
    .map((piece): Part => {
      const [, space = '', name = ''] = /^(\s?)\{(\w+)\}$/u.exec(piece) ?? [];
      const part = slots[name];
      if (part === undefined) return piece;
      if (typeof part === 'string') return space + part;
      const [role, here, there] = part;
      return there === undefined ? [role, space + here] : [role, space + here, space + there];
    });
}

export function pick<T>(random: Random, from: readonly T[]): T {
  const one = from[random.whole(from.length)];
  if (one === undefined) throw new RangeError('there is nothing to choose from');
  return one;
}

/** `count` different ones in random order. */
export function sample<T>(random: Random, from: readonly T[], count: number): readonly T[] {
  if (count > from.length) throw new RangeError(`${count} different ones of ${from.length}`);
  const left = [...from];
  for (let at = 0; at < count; at++) {
    const other = at + random.whole(left.length - at);
    [left[at], left[other]] = [left[other] as T, left[at] as T];
  }
  return left.slice(0, count);
}

export const shuffled = <T>(random: Random, list: readonly T[]): readonly T[] => sample(random, list, list.length);
