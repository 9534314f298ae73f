/** Random tokens, then the same again: what comes next stood behind the same token before. */
import { Unfit, type DrawTools, type Task } from './task';
import { sample, textDraft, type Part } from './draft';
import { nouns } from './words';
import * as field from '../../kernels/parameters';

export const induction: Task<{ length: number; repeated: number }> = {
  id: 'induction',
  title: 'Induction',
  metric: 'logit-difference',
  source: {
    reference: 'Olsson et al. 2022, arXiv:2209.11895, section "Definition of induction heads" (repeated random tokens)',
    trust: 'high',
    note: 'All tokens of a sequence are different and none is special. The counterpart has another token at the place that is copied. Without a model, words are used as tokens.',
  },
  parameters: {
    length: field.integer('Length', 'Tokens of the sequence that is repeated', {
      min: 4,
      max: 100_000,
      default: 32,
      unit: 'tokens',
    }),
    repeated: field.integer(
      'Repeated',
      'Tokens that have come again before the one that is asked for; less than the length',
      { min: 1, max: 100_000, default: 8, unit: 'tokens' },
    ),
  },
  roles: {
    copied: 'the token that is the answer, where it came first',
    match: 'the token before it: the same as the last of the prompt',
  },
  changed: 'copied',
  draw(tools, { length, repeated }) {
    if (repeated >= length)
      throw new Unfit(`The ${repeated} tokens that come again are not fewer than the ${length} of the sequence.`);
    return tools.tokens ? ofTokens(tools, tools.tokens, length, repeated) : ofWords(tools, length, repeated);
  },
};

function ofTokens(
  { random }: DrawTools,
  { vocabulary, specialIds }: NonNullable<DrawTools['tokens']>,
  length: number,
  repeated: number,
): ReturnType<Task['draw']> {
  const special = new Set(specialIds);
  if (vocabulary - special.size <= length) {
    throw new Unfit(`A vocabulary of ${vocabulary} has no ${length + 1} different tokens.`);
  }
  const drawn = new Set<number>();
  while (drawn.size <= length) {
    const id = random.whole(vocabulary);
    if (!special.has(id)) drawn.add(id);
  }
  const [wrong = 0, ...first] = drawn;
  const second = first.slice(0, repeated);
  return {
    kind: 'ids',
    ids: [...first, ...second],
    counterpart: [...first.with(repeated, wrong), ...second],
    roles: { copied: [repeated], match: [repeated - 1] },
    right: first[repeated] ?? 0,
    wrong,
    facts: { length, repeated },
  };
}

function ofWords({ random }: DrawTools, length: number, repeated: number): ReturnType<Task['draw']> {
  if (nouns.length <= length)
    throw new Unfit(`Without a model there are words for at most ${nouns.length - 1} tokens.`);
  const [wrong = '', ...first] = sample(random, nouns, length + 1);
  const parts: Part[] = [...first, ...first.slice(0, repeated)].map((word, at) => {
    const text = at === 0 ? word : ` ${word}`;
    return at === repeated ? ['copied', text, ` ${wrong}`] : at === repeated - 1 ? ['match', text] : text;
  });
  const [right, other] = [{ right: [` ${first[repeated] ?? ''}`] }, { right: [` ${wrong}`] }];
  return textDraft(parts, {
    answers: { ...right, wrong: other.right },
    counterpartAnswers: { ...other, wrong: right.right },
    facts: { length, repeated },
  });
}
