/** Four lettered options; the answer is the letter of the right one. */
import type { Random } from '../../kernels/tensors/random';
import type { Task } from './task';
import { pick, sample, shuffled, textDraft, type Part } from './draft';
import { relations } from './facts';
import { article, categories } from './words';
import * as field from '../../kernels/parameters';

const usual = ['A', 'B', 'C', 'D'];
const others = 'EFGHJKLMNOPQRSTUVWXYZ'.split('');

export interface DrawnQuestion {
  readonly question: string;
  /** The right one first. */
  readonly options: readonly string[];
}

function capital(random: Random): DrawnQuestion {
  const facts = sample(random, relations.capital.facts, 4);
  return { question: `What is the capital of ${facts[0]?.[0] ?? ''}?`, options: facts.map(([, city]) => city) };
}

function category(random: Random): DrawnQuestion {
  const drawn = sample(random, Object.entries(categories), 4);
  const [name = ''] = drawn[0] ?? [];
  return {
    question: `Which of these is ${article(name)} ${name}?`,
    options: drawn.map(([, words]) => pick(random, words)),
  };
}

export const questionKinds = ['capital', 'category'] as const;
export const drawnQuestion = (random: Random, kind: (typeof questionKinds)[number]): DrawnQuestion =>
  kind === 'capital' ? capital(random) : category(random);

/** Other letters for the same options; the right one always gets another. */
function relettered(random: Random, how: string, right: number): readonly string[] {
  if (how === 'random letters') return sample(random, others, usual.length);
  for (;;) {
    const letters = shuffled(random, usual);
    if (letters[right] !== usual[right]) return letters;
  }
}

export const multipleChoice: Task<{ counterpart: string; questions: string }> = {
  id: 'multiple-choice',
  title: 'Multiple choice',
  metric: 'logit-difference',
  source: {
    reference: 'Lieberum et al. 2023, arXiv:2307.09458 (letters shuffled, random letters)',
    trust: 'medium',
    note: 'Questions are our own and short; the paper takes MMLU. Prompts always have the letters A to D in order. The counterpart letters the same options otherwise, and its right option always has another letter.',
  },
  parameters: {
    counterpart: field.choice(
      'Counterpart',
      'The letters of the counterpart: A to D in another order, or four others',
      { options: ['shuffled letters', 'random letters'], default: 'shuffled letters' },
    ),
    questions: field.choice(
      'Questions',
      'What is asked: the capital of a country, which word is of a category, or either',
      { options: ['capital', 'category', 'any'], default: 'any' },
    ),
  },
  roles: {
    letters: 'the letters of the options',
    'right-letter': 'the letter of the right option',
    'right-option': 'the right option',
  },
  changed: 'letters',
  draw({ random }, { counterpart, questions }) {
    const kind = questions === 'any' ? pick(random, questionKinds) : questions === 'capital' ? questions : 'category';
    const { question, options } = drawnQuestion(random, kind);
    const order = shuffled(random, [0, 1, 2, 3]);
    const at = order.indexOf(0);
    const letters = relettered(random, counterpart, at);
    const parts: Part[] = [question];
    order.forEach((option, place) => {
      const word = ` ${options[option] ?? ''}`;
      parts.push('\n(', ['letters', usual[place] ?? '', letters[place] ?? ''], ')');
      parts.push(option === 0 ? ['right-option', word] : word);
    });
    parts.push('\nAnswer: (');
    const answers = (of: readonly string[]) => ({ right: [of[at] ?? ''], wrong: of.toSpliced(at, 1) });
    const draft = textDraft(parts, {
      answers: answers(usual),
      counterpartAnswers: answers(letters),
      facts: { questions: kind, right: usual[at] ?? '' },
    });
    const right = draft.spans['letters']?.[at];
    return { ...draft, spans: { ...draft.spans, 'right-letter': right ? [right] : [] } };
  },
};
