/** How a question is written: its labels, what stands around them, and the changes of both that show what a head reads. */
import { refusal } from '../../../protocol/wire/failures';
import { typedToken } from '../../../protocol/wire/token-name';
import type { Random } from '../../../kernels/tensors/random';
import { sample } from '../../tasks/draft';
import type { ChoiceParameters } from './parameters';
import { mostOptions, type Piece } from './questions';

export interface Layout {
  readonly prelude: Piece;
  readonly before: Piece;
  readonly after: Piece;
  readonly end: Piece;
  /** In the usual order, and others. */
  readonly labels: readonly Piece[];
  readonly others: readonly Piece[];
}

export const isIds = (piece: Piece): piece is readonly number[] => typeof piece !== 'string';

/** `#3 #4` as ids, anything else as a text. */
export function pieceOf(text: string): Piece {
  if (!/^\s*#\d+(\s+#\d+)*\s*$/u.test(text)) return typedToken(text).replaceAll('\\n', '\n');
  return Array.from(text.matchAll(/#(\d+)/gu), ([, id]) => Number(id));
}

export function layoutOf({ labels, others, before, after, end, prelude }: ChoiceParameters): Layout {
  const listed = (text: string): readonly Piece[] =>
    text.split(/\s+/u).flatMap((one) => (one === '' ? [] : [pieceOf(one)]));
  const own = listed(labels);
  if (own.length < 2 || own.length > mostOptions) {
    throw refusal(`There are ${own.length} labels. Give 2 to ${mostOptions}, separated by spaces.`);
  }
  const twice = own.find((label, at) => own.findIndex((one) => String(one) === String(label)) !== at);
  if (twice !== undefined) throw refusal(`The label ${String(twice)} stands twice. Give each option another one.`);
  return {
    prelude: pieceOf(prelude),
    before: pieceOf(before),
    after: pieceOf(after),
    end: pieceOf(end),
    labels: own,
    others: listed(others).filter((other) => !own.some((label) => String(label) === String(other))),
  };
}

/** `usual` is no change; the others are those of Lieberum et al. 2023, section 5, as far as Headscope writes them. */
export const mutations = [
  'usual',
  'random letters',
  'other letters',
  'lower case',
  'shuffled letters',
  'numbers',
  'other separators',
  'no start',
] as const;
export type Mutation = (typeof mutations)[number];

export const mutationWords: Readonly<Record<Mutation, string>> = {
  usual: 'as they are',
  'random letters': 'letters drawn at random, in random order',
  'other letters': 'other letters in order',
  'lower case': 'lower-case letters',
  'shuffled letters': 'the usual letters, none at its place',
  numbers: 'numbers from 1',
  'other separators': 'square brackets',
  'no start': 'without the start of the prompt',
};

export interface Mutated {
  readonly layout: Layout;
  /** The labels of one question, drawn anew for each. */
  readonly labels: (random: Random) => readonly Piece[];
}

/** Undefined where the layout leaves no room for it. */
export function mutated(layout: Layout, mutation: Mutation): Mutated | undefined {
  const { labels, others, prelude, before, after, end } = layout;
  const count = labels.length;
  const texts = labels.filter((label) => typeof label === 'string');
  const written = texts.length === count;
  const fixed = (own: readonly Piece[]): Mutated => ({ layout, labels: () => own });
  switch (mutation) {
    case 'usual':
      return fixed(labels);
    case 'random letters':
      return others.length >= count ? { layout, labels: (random) => sample(random, others, count) } : undefined;
    case 'other letters':
      return others.length >= count ? fixed(others.slice(0, count)) : undefined;
    case 'lower case': {
      const lower = texts.map((label) => label.toLowerCase());
      return written && lower.every((label, at) => label !== texts[at]) ? fixed(lower) : undefined;
    }
    case 'shuffled letters':
      return { layout, labels: (random) => deranged(random, labels) };
    case 'numbers':
      return written ? fixed(labels.map((_, at) => String(at + 1))) : undefined;
    case 'other separators': {
      if (isIds(before) || isIds(after) || isIds(end)) return undefined;
      const square = (text: string): string => text.replaceAll('(', '[').replaceAll(')', ']');
      const own = { ...layout, before: square(before), after: square(after), end: square(end) };
      return own.before === before ? undefined : { layout: own, labels: () => labels };
    }
    case 'no start':
      return prelude.length === 0
        ? undefined
        : { layout: { ...layout, prelude: isIds(prelude) ? [] : '' }, labels: () => labels };
  }
}

/** In another order in which none stands at its place. */
function deranged(random: Random, labels: readonly Piece[]): readonly Piece[] {
  for (;;) {
    const order = sample(random, labels, labels.length);
    if (order.every((label, at) => label !== labels[at])) return order;
  }
}
